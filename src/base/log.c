/* log.c - see log.h.  A line is put together in one buffer and written at once,
 * so that lines of several ranks on one terminal do not mix. */
#include "base/log.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static enum mix_log_level most = MIX_LOG_INFO;
static char who[96] = "";
static int my_rank = 0;

void mix_log_identity(int rank, int ranks, const char *host)
{
    my_rank = rank;
    if (ranks > 1)
        snprintf(who, sizeof who, "rank %d (%.64s): ", rank, host);
    else
        who[0] = '\0';
}

void mix_log_level(enum mix_log_level level)
{
    most = level;
}

bool mix_log_on(enum mix_log_level level)
{
    return level <= most;
}

static void line(enum mix_log_level level, const char *fmt, va_list ap)
{
    static const char *const word[] = {"", "error: ", "warning: ", "", "debug: ", "trace: "};
    char text[1024];
    int n;

    if (level > most)
        return;
    /* On a terminal a live line (engine/progress) may stand there: it makes room. */
    n = snprintf(text, sizeof text, "%smixserve: %s%s", isatty(STDERR_FILENO) ? "\r\033[K" : "",
                 level == MIX_LOG_INFO ? "" : who, word[level]);
    n += vsnprintf(text + n, sizeof text - (size_t)n, fmt, ap);
    if (n > (int)sizeof text - 2)
        n = (int)sizeof text - 2;
    text[n] = '\n';
    if (write(STDERR_FILENO, text, (size_t)n + 1) < 0)
        return; /* nobody listens; there is no one to tell */
}

void mix_log(enum mix_log_level level, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    line(level, fmt, ap);
    va_end(ap);
}

void mix_info(const char *fmt, ...)
{
    va_list ap;

    if (my_rank != 0)
        return;
    va_start(ap, fmt);
    line(MIX_LOG_INFO, fmt, ap);
    va_end(ap);
}
