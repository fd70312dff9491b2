/* standing.c - a rank stands still in an exchange: the others end, and say who, where, in what.
 *
 * Of two ranks it is mixserve, when the rows of the other are computed; of four fused, when rows
 * have come that nobody has been told of.  It stands in an MPI_Barrier, where it answers no
 * question, and which lets it go when the others have ended. */
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "comm/comm.h"
#include "idle.h"
#include "tap_mpi.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const double stall_s = 0.5;
static int me, ranks, stood;

static void stand_still(void *ctx, enum mix_exchange_event event, int number, int domain)
{
    bool now = event == (ranks == 2 ? MIX_EVENT_COMPUTED : MIX_EVENT_LANDED) && number == 1;

    (void)ctx, (void)domain;
    if (me == ranks - 1 && now && !stood++)
        MPI_Barrier(MPI_COMM_WORLD);
}

/* Does the last error say that all wait for the last rank, here, and in what? */
static bool says(const char *phase)
{
    char who[300], host[256], in[64];

    gethostname(host, sizeof host);
    snprintf(who, sizeof who, "for rank %d (node %s", ranks - 1, host);
    snprintf(in, sizeof in, "in %s of ", phase);
    return strstr(mix_err_last(), who) && strstr(mix_err_last(), in);
}

int main(void)
{
    int rc = MIX_OK;
    double begin, took;
    struct mix_comm *comm;
    struct mix_dev *dev;
    struct idle x;
    struct mix_plan want = {.chunks = 2, .depth = 1};

    if (mix_comm_open(&comm, stall_s) != MIX_OK || mix_dev_open(&dev, "cpu", 0, 1) != MIX_OK)
        return 1;
    me = mix_comm_rank(comm);
    ranks = mix_comm_size(comm);
    if (me)
        tap_mute();
    want.domain_size = ranks / 2;
    want.exchange = ranks == 2 ? MIX_EXCHANGE_MIXSERVE : MIX_EXCHANGE_FUSED;
    mix_comm_domain_set(comm, want.domain_size);
    rc = idle_open(&x, comm, dev, &want, stand_still, NULL);
    ok_all(rc == MIX_OK, "an exchange of %d ranks", ranks);
    mix_log_level(MIX_LOG_SILENT);
    begin = mix_now();
    rc = rc ? rc : idle_step(&x, 0);
    took = mix_now() - begin;
    if (me != ranks - 1 || !stood)
        MPI_Barrier(MPI_COMM_WORLD);
    ok_all(me != ranks - 1 || stood, "its last rank stands still");
    ok_all(me == ranks - 1 || (rc == MIX_ECOMM && took > stall_s && took < stall_s + 5),
           "the others end in time");
    ok_all(me == ranks - 1 || says("dispatch") || says("combine"),
           "and name it, its node and a phase");
    if (ranks > 2)
        ok_all(me != ranks - 2 || says("dispatch"), "the other of its domain misses rows");
    mix_comm_close(comm); /* and not the exchange: that is collective on those who have left it */
    MPI_Finalize();
    return tap_done();
}
