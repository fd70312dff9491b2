/* agree.c - different values go in, the same ones come out. */
#include "comm/agree.h"

#include "base/err.h"
#include "base/log.h"
#include "base/rng.h"
#include "rig.h"
#include "tap.h"
#include "tap_mpi.h"

#include <stdio.h>
#include <string.h>

enum { MOST_RANKS = 8, ROUNDS = 1000 };

static struct mix_comm *comm;
static int me, ranks;

/* What a rank puts in: bits, small and huge, positive and negative. */
static struct mix_agreement put(int round, int rank)
{
    struct mix_agreement a = {0};
    uint32_t x[4];

    mix_philox(x, (uint32_t[]){(uint32_t)round, (uint32_t)rank, 0, 0}, (uint32_t[]){1, 2});
    a.any = x[0] % 4 ? 0 : (uint64_t)1 << x[1] % 64;
    for (int i = 0; i < MIX_AGREE_SUMS; i++)
        a.sum[i] = (int64_t)(int32_t)x[i] * (i + 1) * 1000000007;
    for (int i = 0; i < MIX_AGREE_MAXES; i++)
        a.max[i] =
            i == 0 ? INT64_MIN + rank : (int64_t)(int32_t)(x[i % 4] * (uint32_t)i) * (1 << i);
    a.hash = x[2] % 3 == 0 ? 0 : (uint64_t)round + 1;
    return a;
}

static struct mix_agreement expect(int round)
{
    struct mix_agreement e = put(round, 0);

    for (int r = 1; r < ranks; r++) {
        struct mix_agreement a = put(round, r);

        e.any |= a.any;
        for (int i = 0; i < MIX_AGREE_SUMS; i++)
            e.sum[i] += a.sum[i];
        for (int i = 0; i < MIX_AGREE_MAXES; i++)
            e.max[i] = e.max[i] > a.max[i] ? e.max[i] : a.max[i];
        e.hash = e.hash ? e.hash : a.hash;
    }
    return e;
}

static bool same(const struct mix_agreement *a, const struct mix_agreement *b)
{
    return a->any == b->any && a->hash == b->hash && memcmp(a->sum, b->sum, sizeof a->sum) == 0 &&
           memcmp(a->max, b->max, sizeof a->max) == 0;
}

static void a_step_ahead(struct mix_group *g)
{
    struct mix_agree *a = NULL;
    bool good = true;

    ok_all(mix_agree_open(&a, g) == MIX_OK, "an agreement of %d", ranks);
    for (int round = 0; round < ROUNDS; round++) {
        struct mix_agreement mine = put(round, me), want = expect(round), got;

        good = good && mix_agree_post(a, &mine) == MIX_OK;
        memset(&mine, 0xAA, sizeof mine); /* it has been copied */
        if (round % 16 == 0)              /* the group works on meanwhile */
            good = good && mix_group_barrier(g) == MIX_OK;
        good = good && mix_agree_get(a, &got) == MIX_OK && same(&got, &want);
    }
    ok_all(good, "%d random rounds give any, sum, max and hash of all", ROUNDS);
    mix_agree_close(a);
}

static void different_hash(struct mix_group *g)
{
    for (int odd = 0; odd < ranks; odd++) {
        struct mix_agree *a = NULL;
        struct mix_agreement mine = {.hash = me == odd ? 0xBAD : 0x600D}, got = {.any = 9};
        char want[200];
        int rc;

        /* the first member with a hash, and the first that differs from it */
        if (odd == 0)
            snprintf(want, sizeof want,
                     "ranks 0 and 1 made different batches, hashes "
                     "0000000000000bad and 000000000000600d");
        else
            snprintf(want, sizeof want,
                     "ranks 0 and %d made different batches, hashes "
                     "000000000000600d and 0000000000000bad",
                     odd);
        mix_log_level(MIX_LOG_SILENT);
        rc = mix_agree_open(&a, g);
        rc = rc ? rc : mix_agree_post(a, &mine);
        rc = rc ? rc : mix_agree_get(a, &got);
        mix_log_level(MIX_LOG_INFO);
        ok_all(rc == (ranks > 1 ? MIX_EBUG : MIX_OK), "rank %d with another batch is a bug", odd);
        ok_all(ranks == 1 || (strstr(mix_err_last(), want) && got.any == 9),
               "both ranks and hashes are named, nothing comes out");
        mix_agree_close(a);
    }
}

static void misuse(struct mix_group *g)
{
    struct mix_agree *a = NULL;
    struct mix_agreement mine = {0};

    mix_log_level(MIX_LOG_SILENT);
    ok_all(mix_agree_open(&a, g) == MIX_OK && mix_agree_get(a, &mine) == MIX_EBUG,
           "nothing in flight cannot be got");
    ok_all(mix_agree_post(a, &mine) == MIX_OK && mix_agree_post(a, &mine) == MIX_EBUG,
           "two cannot be in flight");
    mix_log_level(MIX_LOG_INFO);
    ok_all(mix_agree_get(a, &mine) == MIX_OK, "the first one still arrives");
    ok_all(mix_agree_post(a, &mine) == MIX_OK, "another is sent");
    mix_agree_close(a);
    mix_agree_close(NULL);
    ok_all(true, "and closed while in flight");
}

int main(void)
{
    int world[MOST_RANKS];
    struct mix_group *g = NULL;

    if (rig_comm(&comm) != MIX_OK)
        return 1;
    me = mix_comm_rank(comm);
    ranks = mix_comm_size(comm);
    if (me)
        tap_mute();
    for (int i = 0; i < ranks; i++)
        world[i] = i;
    ok_all(mix_group_open(&g, comm, "replica", world, ranks) == MIX_OK, "a group of %d", ranks);
    a_step_ahead(g);
    different_hash(g);
    misuse(g);
    mix_group_close(g);
    rig_comm_close(comm);
    return tap_done();
}
