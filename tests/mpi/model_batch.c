/* model_batch.c - a sequence's logits do not depend on who shares its steps: equal bits.
 *
 * One sequence goes through the model alone, its prompt in one piece.  Then again among 1 to 64
 * others, at another place of the batch, its prompt cut elsewhere, while the others read prompts
 * and generate.  All its logits are compared with memcmp. */
#include "base/err.h"
#include "base/rng.h"
#include "kernels/kernels.h"
#include "rig.h"
#include "tap_mpi.h"

#include <stdlib.h>
#include <string.h>

enum { OTHERS = 64, PROMPT = 65, GENERATED = 4, LENGTH = PROMPT + GENERATED };

static struct mix_comm *comm;

/* Number i of stream s, below n. */
static int draw(int s, int i, int n)
{
    uint32_t word[4], counter[4] = {(uint32_t)i, (uint32_t)s, 0, 0}, key[2] = {777, 0};

    mix_philox(word, counter, key);
    return (int)(word[0] % (uint32_t)n);
}

/* Another sequence's tokens, from its start. */
static void begin_other(struct rig *r, int seq, int salt)
{
    int32_t token[LENGTH];

    for (int t = 0; t < LENGTH; t++)
        token[t] = draw(1, salt * 100000 + seq * 1000 + t, r->arch.vocab);
    rig_begin(r, seq, token, LENGTH);
}

/* Sequence 0's logits for all positions, [LENGTH][vocab]: the prompt in steps of at most chunk
 * tokens, then the given tokens one by one, among others that do what comes to their minds. */
static int run(struct rig *r, float *logits, const int32_t *token, int chunk, int others, int salt)
{
    int rc = MIX_OK, at = 0;
    size_t row = (size_t)r->arch.vocab;
    struct rig_part part[OTHERS + 1];

    rig_begin(r, 0, token, LENGTH);
    for (int i = 1; i <= others; i++)
        begin_other(r, i, salt);
    for (int step = 0; at < LENGTH; step++) {
        int place = draw(2, salt * 1000 + step, others + 1), before = 0, mine;

        mine = at >= PROMPT ? 1 : PROMPT - at < chunk ? PROMPT - at : chunk;
        for (int i = 0, other = 1; i <= others; i++) {
            int number = salt * 10000 + step * 100 + i;

            if (i == place) {
                part[i] = (struct rig_part){0, mine, RIG_ALL};
                continue;
            }
            if (r->seq[other].at > LENGTH - 3)
                begin_other(r, other, salt + step);
            part[i] = (struct rig_part){other++, 1 + draw(3, number, 3),
                                        draw(4, number, 2) ? RIG_LAST : RIG_NONE};
        }
        TRY(rig_step(r, part, others + 1));
        for (int i = 0; i < place; i++)
            before += part[i].want == RIG_LAST;
        memcpy(logits + (size_t)at * row, r->logits + (size_t)before * row,
               sizeof *logits * row * (size_t)mine);
        at += mine;
    }
out:
    return rc;
}

/* Does this machine have products whose rows do not depend on each other? */
static bool invariant(struct rig *r, enum mix_dtype dtype)
{
    bool yes = false;
    const struct mix_kernels *k = mix_kernels_of(r->dev);

    return k->product_selftest(r->dev, dtype, r->arch.hidden, r->arch.hidden, &yes) == MIX_OK &&
           yes;
}

static void check(const struct rig_model *m, int tp, int etp, enum mix_dtype dtype)
{
    static const int chunks[] = {1, 2, 3, 7, 16, 17, 31, 64, PROMPT};
    int rc = MIX_OK, bad = 0, runs = 0;
    struct rig r = {0};
    struct rig_layout layout = {.world = mix_comm_size(comm),
                                .tp = tp,
                                .etp = etp,
                                .dtype = dtype,
                                .max_num_seqs = OTHERS + 1,
                                .max_batched_tokens = 260,
                                .max_model_len = 80};
    const int32_t *token = m->golden[RIG_PROMPTS - 1].token;
    float *alone = NULL, *among = NULL;
    size_t bytes;

    TRY(rig_open(&r, comm, m->dir, &layout));
    bytes = sizeof *alone * (size_t)(LENGTH * r.arch.vocab);
    if (!invariant(&r, dtype)) {
        tap_skip("batch invariance", "this CPU's products are not batch-invariant");
        goto out;
    }
    alone = malloc(bytes);
    among = malloc(bytes);
    MIX_CHECK(alone && among, "no memory");
    TRY(run(&r, alone, token, PROMPT, 0, 0));
    for (size_t c = 0; c < sizeof chunks / sizeof chunks[0]; c++, runs++) {
        TRY(run(&r, among, token, chunks[c], 0, 0));
        bad += memcmp(alone, among, bytes) != 0;
    }
    ok_all(bad == 0, "%s, tp %d, etp %d, %s: equal bits however the prompt is cut", m->name, tp,
           etp, mix_dtype_name(dtype));
    bad = 0;
    for (int others = 1; others <= OTHERS; others += TAP_SANITIZED           ? 21
                                                     : tp == 1 || others < 8 ? 1
                                                                             : 7,
             runs++) {
        /* Many steps with few others, few steps with many: it is the sizes that matter. */
        TRY(run(&r, among, token, chunks[others < 4 ? others - 1 : 3 + others % 6], others,
                others));
        bad += memcmp(alone, among, bytes) != 0;
    }
    ok_all(bad == 0, "%s, tp %d, etp %d, %s: equal bits among 1 to %d others", m->name, tp, etp,
           mix_dtype_name(dtype), OTHERS);
out:
    ok_all(rc == MIX_OK, "all steps ran");
    free(alone);
    free(among);
    rig_close(&r);
}

int main(void)
{
    static const char *const names[] = {"awkward", "tiny"};
    int ranks;

    if (rig_comm(&comm) != MIX_OK)
        return 1;
    ranks = mix_comm_size(comm);
    if (mix_comm_rank(comm) > 0)
        tap_mute();
    for (int i = 0; i < 2; i++) {
        struct rig_model m;

        if (!rig_load_golden(&m, names[i])) {
            ok_all(false, "the golden files of %s", names[i]);
            continue;
        }
        for (int type = 0; type < 2; type++) {
            check(&m, ranks, ranks, type ? MIX_BF16 : MIX_F32);
            if (ranks > 1)
                check(&m, ranks, 1, type ? MIX_BF16 : MIX_F32);
        }
        rig_free_golden(&m);
    }
    rig_comm_close(comm);
    return tap_done();
}
