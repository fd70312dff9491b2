/* layouts.c - every layout of this number of ranks, with every exchange, against transformers.
 *
 * Every (tp, dp, etp, ep, edp) with tp and etp inside a domain, for domains of 1, 2, 4 and 8 ranks.
 * Replicas take different prompts, so some have none and join with empty steps.  The greedy tokens
 * are the golden ones on all; the logits have equal bits wherever the plan's numeric part is equal.
 * Of those that overlap, chunks (1 to 7, of 4 KiB or of any size) and depths (1 or 2) are drawn
 * from a seed.
 * 4 prompts of 8 tokens; with MIXSERVE_LONG set 20 of 64.  Under sanitizers, which take 20 times as
 * long, a layout is left out if every pair of its values has been run in another one. */
#include "base/err.h"
#include "base/hash.h"
#include "base/rng.h"
#include "rig.h"
#include "tap_mpi.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_NUMERIC = 64 };

/* What a numeric part has made of the prompts. */
struct known {
    uint64_t id, bits[RIG_PROMPTS];
};

static struct mix_comm *comm;
static int world, prompts, tokens, seed = 20261128;
static struct known known[MOST_NUMERIC];
static int numeric_parts;

/* Is prompt i mine in this layout, of replica dp_i? */
static bool is_mine(const struct rig *r, int i)
{
    return i % r->plan.dp == mix_plan_place(&r->plan, mix_comm_rank(comm)).dp_i;
}

/* Prompts, then tokens one by one; every rank makes the same number of steps.  *wrong: tokens of
 * mine that are not golden; bits: of the logits of my prompts. */
static int generate(struct rig *r, const struct rig_model *m, int *wrong, uint64_t *bits)
{
    int rc = MIX_OK;
    struct rig_part part[RIG_PROMPTS];
    size_t row = (size_t)r->arch.vocab;

    *wrong = 0;
    memset(bits, 0, RIG_PROMPTS * sizeof *bits);
    for (int i = 0; i < prompts; i++)
        rig_begin(r, i, m->golden[i].token, m->golden[i].length);
    for (int step = 0; step < tokens; step++) {
        int parts = 0;

        for (int i = 0; i < prompts; i++)
            if (is_mine(r, i))
                part[parts++] = (struct rig_part){i, step ? 1 : m->golden[i].length, RIG_LAST};
        TRY(rig_step(r, part, parts));
        for (int p = 0; p < parts; p++) {
            struct rig_sequence *s = &r->seq[part[p].seq];
            int32_t next = rig_best(r, p);

            *wrong += next != m->golden[part[p].seq].greedy[step];
            bits[part[p].seq] =
                mix_hash_add(bits[part[p].seq], r->logits + (size_t)p * row, row * sizeof(float));
            s->token[s->length++] = next;
        }
    }
out:
    return rc;
}

/* Every prompt's bits, from whichever replica had it. */
static void share_bits(const struct rig *r, uint64_t *bits)
{
    for (int i = 0; i < RIG_PROMPTS; i++)
        if (i >= prompts || !is_mine(r, i) ||
            mix_plan_place(&r->plan, mix_comm_rank(comm)).tp_i > 0)
            bits[i] = 0;
    MPI_Allreduce(MPI_IN_PLACE, bits, RIG_PROMPTS, MPI_UINT64_T, MPI_BOR, MPI_COMM_WORLD);
}

/* Are these the bits that the plan's numeric part has made before? */
static bool same_bits(const struct rig *r, const uint64_t *bits)
{
    uint64_t id = mix_plan_numeric_id(&r->plan);

    for (int i = 0; i < numeric_parts; i++)
        if (known[i].id == id)
            return memcmp(known[i].bits, bits, sizeof known[i].bits) == 0;
    if (numeric_parts == MOST_NUMERIC)
        return false;
    known[numeric_parts].id = id;
    memcpy(known[numeric_parts++].bits, bits, sizeof known[0].bits);
    return true;
}

static void check(const struct rig_model *m, struct rig_layout l)
{
    int rc = MIX_OK, wrong = 0;
    uint64_t bits[RIG_PROMPTS];
    struct rig r = {0};
    bool same = false;

    TRY(rig_open(&r, comm, m->dir, &l));
    TRY(generate(&r, m, &wrong, bits));
out:
    if (all_ranks(rc == MIX_OK)) {
        share_bits(&r, bits);
        same = same_bits(&r, bits);
    }
    rig_close(&r);
    ok_all(rc == MIX_OK && wrong == 0 && same,
           "%s, domains of %d: tp %d dp %d, etp %d ep %d edp %d, %s: golden, and the same bits",
           m->name, l.domain_size, l.tp, world / l.tp, l.etp, l.ep, world / (l.etp * l.ep),
           mix_exchange_kind_name((int)l.exchange));
}

/* Has every pair of values of this layout been run before?  Then they are all marked. */
static bool pairs_known(const struct rig_layout *l)
{
    static bool seen[5][5][16][16];
    const int value[5] = {l->tp, l->etp, l->ep, l->domain_size, (int)l->exchange};
    bool known_all = true;

    for (int i = 0; i < 5; i++)
        for (int j = 0; j < i; j++) {
            known_all &= seen[i][j][value[i]][value[j]];
            seen[i][j][value[i]][value[j]] = true;
        }
    return known_all;
}

/* Numbers from a seed that all ranks have. */
static int draw(int below)
{
    static uint32_t n;
    uint32_t word[4], counter[4] = {n++, 0, 0, 0}, key[2] = {(uint32_t)seed, 0};

    mix_philox(word, counter, key);
    return (int)(word[0] % (uint32_t)below);
}

/* Heads of both models split over 1, 2 and 4. */
static int all_layouts(const struct rig_model *m, int domain)
{
    int layouts = 0;

    for (int tp = 1; tp <= domain; tp *= 2)
        for (int etp = 1; etp <= domain; etp *= 2)
            for (int ep = 1; etp * ep <= world; ep *= 2, layouts++)
                for (int x = 0; tp <= 4 && x < MIX_EXCHANGE_KINDS; x++) {
                    struct rig_layout l = {.world = world,
                                           .tp = tp,
                                           .etp = etp,
                                           .ep = ep,
                                           .domain_size = domain,
                                           .exchange = (enum mix_exchange_kind)x,
                                           .chunks = 1 + draw(7),
                                           .chunk_bytes = draw(4) ? 4096 : 1,
                                           .depth = 1 + draw(2),
                                           .dtype = MIX_F32,
                                           .max_num_seqs = prompts,
                                           .max_batched_tokens = prompts * 64,
                                           .max_model_len = 256};

                    if (!TAP_SANITIZED || !pairs_known(&l))
                        check(m, l);
                }
    return layouts;
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"awkward", "tiny"};
    bool all = getenv("MIXSERVE_LONG") != NULL;

    if (argc > 1)
        seed = atoi(argv[1]);
    prompts = all ? RIG_PROMPTS : 4;
    tokens = all ? RIG_GREEDY : 8;
    if (rig_comm(&comm) != MIX_OK)
        return 1;
    world = mix_comm_size(comm);
    if (mix_comm_rank(comm) > 0)
        tap_mute();
    /* Sanitizers see every pair of sizes of one model: the other takes the same ways. */
    for (int i = 0; i < (TAP_SANITIZED ? 1 : 2); i++) {
        struct rig_model m;
        int layouts = 0;

        numeric_parts = 0;
        if (!rig_load_golden(&m, names[i])) {
            ok_all(false, "the golden files of %s", names[i]);
            continue;
        }
        for (int domain = 1; domain <= world; domain *= 2)
            layouts += all_layouts(&m, domain);
        ok_all(layouts == (world == 1   ? 1
                           : world == 2 ? 8
                           : world == 4 ? 31
                                        : 85),
               "%s: %d of the 125 layouts, seed %d", m.name, layouts, seed);
        rig_free_golden(&m);
    }
    rig_comm_close(comm);
    return tap_done();
}
