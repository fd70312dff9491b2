/* ending_ranks.c - main.c with a command line that fails as it is told; run by ending.sh. */
#include "base/err.h"
#include "base/log.h"
#include "cli/cli.h"
#include "comm/agree.h"
#include "comm/comm.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile int flag;

static void set_flag(int signal)
{
    (void)signal;
    flag = 1;
}

/* The others wait for rank late, which sleeps. */
static int stall(struct mix_comm *c, const int *world, int late, bool agree)
{
    struct mix_group *g = NULL;
    struct mix_agree *a = NULL;
    struct mix_agreement x = {0};
    int rc;

    TRY(mix_group_open(&g, c, "world", world, mix_comm_size(c)));
    if (agree)
        TRY(mix_agree_open(&a, g));
    mix_comm_phase(c, 4182, "attention");
    if (mix_comm_rank(c) == late)
        sleep(60);
    if (agree) {
        TRY(mix_agree_post(a, &x));
        TRY(mix_agree_get(a, &x));
    }
    TRY(mix_group_barrier(g));
out:
    mix_agree_close(a);
    mix_group_close(g);
    return rc;
}

int mix_cli(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    int code = argc > 2 ? atoi(argv[2]) : 0, who = argc > 3 ? atoi(argv[3]) : 0;
    struct mix_comm *c = NULL;
    struct mix_group *g = NULL;
    int world[8] = {0, 1, 2, 3, 4, 5, 6, 7}, rc, me;

    if (!strcmp(what, "usage"))
        return MIX_FAIL(MIX_EUSAGE, "--nonsense: no such option");
    mix_log_level(MIX_LOG_INFO);
    if (!strcmp(what, "early")) /* one rank alone, before MPI is started */
        return getenv("OMPI_COMM_WORLD_RANK") && atoi(getenv("OMPI_COMM_WORLD_RANK")) == who
                   ? MIX_FAIL(code, "early fault")
                   : MIX_OK;
    TRY(mix_comm_open(&c, strncmp(what, "stall", 5) ? 300 : 1.5));
    me = mix_comm_rank(c);
    if (!strcmp(what, "all")) /* everybody with the same code */
        rc = code;
    else if (!strcmp(what, "told")) /* one rank knows, the others are told the code */
        rc = me == who ? MIX_FAIL(code, "the reason") : code;
    else if (!strcmp(what, "one")) { /* one rank fails, the others wait for it */
        TRY(mix_group_open(&g, c, "world", world, mix_comm_size(c)));
        rc = me == who ? MIX_FAIL(code, "a fault of my own") : mix_group_barrier(g);
    } else if (!strcmp(what, "killed")) {
        if (me == who)
            raise(SIGKILL);
        pause();
    } else if (!strcmp(what, "stall") || !strcmp(what, "stall-agree"))
        TRY(stall(c, world, who, strcmp(what, "stall")));
    else if (!strcmp(what, "stall-open")) { /* late for the opening of a group */
        if (me == who)
            sleep(60);
        TRY(mix_group_open(&g, c, "late", world, mix_comm_size(c)));
    } else if (!strcmp(what, "hurry")) { /* a signal to those that wait, long before the timeout */
        signal(SIGALRM, set_flag);
        mix_comm_hurry(c, &flag, 0.5);
        if (me != who)
            alarm(1);
        TRY(stall(c, world, who, false));
    }
out:
    mix_group_close(g);
    mix_comm_close(c);
    return rc;
}
