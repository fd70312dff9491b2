/* busy.c - see busy.h. */
#include "base/busy.h"

#include "base/clock.h"
#include "base/err.h"

#include <stddef.h>

static struct {
    int (*tell)(void *ctx);
    void *ctx;
    double every_s, told;
} busy;

void mix_busy_set(int (*tell)(void *ctx), void *ctx, double every_s)
{
    busy.tell = tell;
    busy.ctx = ctx;
    busy.every_s = every_s;
    busy.told = tell ? mix_now() : 0;
}

int mix_busy(void)
{
    double now;

    if (!busy.tell)
        return MIX_OK;
    now = mix_now();
    if (now - busy.told < busy.every_s)
        return MIX_OK;
    busy.told = now;
    return busy.tell(busy.ctx);
}
