/* stop.h - was this process asked to stop?
 *
 * SIGTERM, SIGINT, SIGUSR1 and SIGUSR2 set a flag; the ranks agree on it once a
 * step, so it does not matter which of them got a signal, nor how often.  A
 * second SIGINT or SIGTERM 2 s or more after the first ends the process at once:
 * what is sealed is safe.
 *
 * Install before MPI_Init, so that a signal during start-up is kept. */
#ifndef MIX_ENGINE_STOP_H
#define MIX_ENGINE_STOP_H

#include <stdbool.h>

void mix_stop_install(void);
bool mix_stop_requested(void);
const char *mix_stop_signal(void);       /* "SIGTERM", ..., of the first signal; NULL if none */
const volatile int *mix_stop_flag(void); /* not 0 once SIGTERM or SIGINT has come */

#endif
