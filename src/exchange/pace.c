/* pace.c - see pace.h. */
#include "exchange/pace.h"

#include "base/clock.h"

#include <sys/prctl.h>
#include <time.h>

double mix_pace_busy(double *free, double now, double seconds)
{
    *free = (*free > now ? *free : now) + seconds;
    return *free;
}

/* The kernel may end a nap 50 us late unless it is told not to; a step of five pieces naps for a
 * dozen clocks. */
void mix_pace_nap(void)
{
    prctl(PR_SET_TIMERSLACK, 1UL, 0, 0, 0); /* of this thread */
    nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL);
}

void mix_pace_until(double time)
{
    while (mix_now() < time)
        mix_pace_nap();
}
