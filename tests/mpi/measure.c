/* measure.c - links are measured: sane, the same everywhere, in time, in every form of domain. */
#include "comm/measure.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/rng.h"
#include "rig.h"
#include "tap_mpi.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct mix_comm *comm;
static struct mix_group *world;
static int me, ranks;

static bool sane(const struct mix_link *l)
{
    bool good = l->points >= 1 && l->points <= MIX_MACHINE_POINTS && l->ports == 1 &&
                l->latency >= 0 && l->latency < 0.5;

    for (int i = 0; i < l->points; i++) {
        good = good && l->seconds[i] > 0 && isfinite(l->seconds[i]) && l->seconds[i] < 5;
        good = good &&
               (i == 0 || (l->bytes[i] > l->bytes[i - 1] && l->seconds[i] >= l->seconds[i - 1]));
    }
    return good;
}

/* Every size of domain: what exists is measured, what does not is the other's. */
static void every_domain(void)
{
    for (int m = 1; m <= ranks; m *= 2) {
        struct mix_links l = {0};
        double start = mix_now(), took;
        int rc = mix_measure_links(&l, comm, world, m, 0.5);

        took = mix_now() - start;
        ok_all(rc == MIX_OK && sane(&l.link[0]) && sane(&l.link[1]), "domains of %d: sane", m);
        ok_all(same_everywhere(&l, sizeof l), "domains of %d: the same on all ranks", m);
        ok_all(l.measured[MIX_LINK_INSIDE] == (m > 1) &&
                   l.measured[MIX_LINK_BETWEEN] == (m < ranks),
               "domains of %d: what exists is measured", m);
        ok_all((l.measured[0] && l.measured[1]) ||
                   memcmp(&l.link[0], &l.link[1], sizeof l.link[0]) == 0,
               "domains of %d: what does not is as the other", m);
        ok_all(l.seconds > 0 && l.seconds <= took + 0.5 && took < 30, /* the machine may be busy */
               "domains of %d: half a second it was to take", m);
        if (me == 0)
            for (int k = 0; k < MIX_LINK_KINDS; k++)
                printf("# domain %d, %s: latency %.1f us, 64 B %.2f us, %g B %.1f us, %.2f s\n", m,
                       k ? "between" : "inside", l.link[k].latency * 1e6,
                       l.link[k].seconds[0] * 1e6, l.link[k].bytes[l.link[k].points - 1],
                       l.link[k].seconds[l.link[k].points - 1] * 1e6, l.seconds);
    }
}

/* More bytes take longer, by about what memory takes to copy them: 4 MB are not done in the time of
 * 64 bytes, nor faster than any memory. */
static void bounds(void)
{
    struct mix_links l = {0};
    int rc = mix_measure_links(&l, comm, world, ranks, 0.5);
    const struct mix_link *in = &l.link[MIX_LINK_INSIDE];
    int last = in->points - 1;

    ok_all(rc == MIX_OK && last > 2, "at least three points");
    ok_all(in->bytes[last] / in->seconds[last] < 500e9, "no link is faster than 500 GB/s");
    ok_all(in->seconds[last] > in->seconds[0] * 2, "large messages take longer than small ones");
    ok_all(ranks == 1 || in->latency + in->seconds[0] > 50e-9, "nothing arrives within 50 ns");
}

/* Without time there are a few sizes all the same, and no more. */
static void hurried(void)
{
    struct mix_links l = {0};

    ok_all(mix_measure_links(&l, comm, world, ranks, 1e-6) == MIX_OK && sane(&l.link[0]) &&
               l.link[0].points == 5,
           "in no time five sizes are measured: %d", (int)l.link[0].points);
}

/* A link slowed by the tick: everyone who waits naps, so an operation takes at least a nap. */
static int nap(void *ctx)
{
    struct timespec t = {.tv_nsec = 3000000};

    (void)ctx;
    nanosleep(&t, NULL);
    return MIX_OK;
}

static void slow(void)
{
    struct mix_links fast = {0}, l = {0};
    int rc = mix_measure_links(&fast, comm, world, ranks, 0.5);

    mix_comm_tick_set(comm, nap, NULL);
    rc = rc ? rc : mix_measure_links(&l, comm, world, ranks, 0.5);
    mix_comm_tick_set(comm, NULL, NULL);
    ok_all(rc == MIX_OK && sane(&l.link[0]), "a slow link is measured");
    ok_all(l.link[0].latency + l.link[0].seconds[0] > 1e-3, "and found slow");
    ok_all(l.link[0].points <= fast.link[0].points, "with no more points");
    ok_all(l.seconds < 30, "in bounded time");
}

static void refused(void)
{
    struct mix_links l = {.seconds = 7};
    static const int wrong[] = {0, -1, 3, 100};

    mix_log_level(MIX_LOG_SILENT);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        ok_all(mix_measure_links(&l, comm, world, wrong[i], 0.5) == MIX_EFIT && l.seconds == 7,
               "domains of %d ranks do not fit", wrong[i]);
}

int main(void)
{
    int all[8] = {0, 1, 2, 3, 4, 5, 6, 7};

    if (rig_comm(&comm) != MIX_OK)
        return 1;
    me = mix_comm_rank(comm);
    ranks = mix_comm_size(comm);
    if (me)
        tap_mute();
    if (mix_group_open(&world, comm, "world", all, ranks) != MIX_OK)
        return 1;
    every_domain();
    if (ranks > 1) {
        bounds();
        hurried();
        slow();
    }
    refused();
    mix_group_close(world);
    rig_comm_close(comm);
    return tap_done();
}
