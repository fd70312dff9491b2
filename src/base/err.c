/* err.c - see err.h. */
#include "base/err.h"

#include "base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { ROOM = 512 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char last[ROOM] = ""; /* guarded: two threads may fail at once */

const char *mix_err_name(int code)
{
    switch (code) {
    case MIX_OK:
        return "ok";
    case MIX_EBUG:
        return "unexpected error";
    case MIX_EUSAGE:
        return "usage";
    case MIX_EINPUT:
        return "bad input or model";
    case MIX_EROWS:
        return "too many bad rows";
    case MIX_EFIT:
        return "does not fit";
    case MIX_ENUMERIC:
        return "numeric check failed";
    case MIX_ECOMM:
        return "communication failed";
    case MIX_ESTORAGE:
        return "storage";
    case MIX_ESTOPPED:
        return "stopped, can be resumed";
    default:
        return "unknown code";
    }
}

int mix_err_report(int code, const char *file, int line, const char *fmt, ...)
{
    char text[ROOM] = "";
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    pthread_mutex_lock(&lock);
    memcpy(last, text, sizeof last);
    pthread_mutex_unlock(&lock);
    if (code == MIX_EBUG) /* only a bug needs the place in the source */
        mix_log(MIX_LOG_ERROR, "%s (%s:%d)", text, file, line);
    else
        mix_log(MIX_LOG_ERROR, "%s", text);
    return code;
}

const char *mix_err_last(void)
{
    static _Thread_local char copy[ROOM];

    pthread_mutex_lock(&lock);
    memcpy(copy, last, sizeof copy);
    pthread_mutex_unlock(&lock);
    return copy;
}
