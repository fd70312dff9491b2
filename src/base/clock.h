/* clock.h - time.  Any thread; not collective. */
#ifndef MIX_BASE_CLOCK_H
#define MIX_BASE_CLOCK_H

double mix_now(void); /* seconds, monotonic, from an arbitrary start */

#endif
