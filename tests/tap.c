/* tap.c - see tap.h. */
#include "tap.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static int count, failed;
static bool mute;

bool tap_ok(bool pass, const char *file, int line, const char *fmt, ...)
{
    va_list ap;

    count++;
    failed += !pass;
    if (mute)
        return pass;
    printf("%sok %d - ", pass ? "" : "not ", count);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
    if (!pass)
        printf("# at %s:%d\n", file, line);
    fflush(stdout);
    return pass;
}

void tap_skip_all(const char *why)
{
    printf("1..0 # SKIP %s\n", why);
    exit(0);
}

void tap_skip(const char *what, const char *why)
{
    count++;
    if (!mute)
        printf("ok %d - %s # SKIP %s\n", count, what, why);
}

void tap_mute(void)
{
    mute = true;
}

int tap_done(void)
{
    if (!mute)
        printf("1..%d\n", count);
    return failed != 0;
}
