/* err.c - see err.h. */
#include "base/err.h"

#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static char last[512] = "";

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
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(last, sizeof last, fmt, ap);
    va_end(ap);
    if (code == MIX_EBUG) /* only a bug needs the place in the source */
        mix_log(MIX_LOG_ERROR, "%s (%s:%d)", last, file, line);
    else
        mix_log(MIX_LOG_ERROR, "%s", last);
    return code;
}

const char *mix_err_last(void)
{
    return last;
}
