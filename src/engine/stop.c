/* stop.c - see stop.h.  A second SIGTERM within 2 s is the launcher and the
 * scheduler telling us the same thing; later it is a person who means it. */
#include "engine/stop.h"

#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

static volatile sig_atomic_t first_signal;
static volatile int hurry;
static volatile time_t first_time;

static void handle(int signo)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now); /* async-signal-safe */
    if (!first_signal) {
        first_signal = signo;
        first_time = now.tv_sec;
    }
    if (signo != SIGTERM && signo != SIGINT)
        return;
    if (hurry && now.tv_sec - first_time >= 2) {
        signal(signo, SIG_DFL);
        raise(signo);
    }
    hurry = 1;
}

void mix_stop_install(void)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGUSR1, SIGUSR2};
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_handler = handle;
    action.sa_flags = SA_RESTART;
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        sigaction(signals[i], &action, NULL);
}

bool mix_stop_requested(void)
{
    return first_signal != 0;
}

const char *mix_stop_signal(void)
{
    switch (first_signal) {
    case SIGTERM:
        return "SIGTERM";
    case SIGINT:
        return "SIGINT";
    case SIGUSR1:
        return "SIGUSR1";
    case SIGUSR2:
        return "SIGUSR2";
    default:
        return NULL;
    }
}

const volatile int *mix_stop_flag(void)
{
    return &hurry;
}
