/* pace.c - see pace.h. */
#include "exchange/pace.h"

#include "base/clock.h"

#include <time.h>

double mix_pace_busy(double *free, double now, double seconds)
{
    *free = (*free > now ? *free : now) + seconds;
    return *free;
}

void mix_pace_nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL);
}

void mix_pace_until(double time)
{
    while (mix_now() < time)
        mix_pace_nap();
}
