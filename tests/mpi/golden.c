/* golden.c - what transformers computes, from every layout of this number of ranks.
 *
 * float32: the logits at every position of 20 prompts, and 64 greedy tokens after each; all
 * sequences generate together.  bfloat16: the distance of the distributions. */
#include "base/err.h"
#include "rig.h"
#include "tap_mpi.h"

#include <math.h>
#include <stdlib.h>

static const struct {
    int world, tp, etp;
} layouts[] = {
    {1, 1, 1},                                             /* */
    {2, 2, 2}, {2, 2, 1}, {2, 1, 1},                       /* split, whole, replicas */
    {4, 4, 4}, {4, 4, 2}, {4, 4, 1}, {4, 2, 2}, {4, 2, 1}, /* */
};

static struct mix_comm *comm;

/* The largest error at a position as a share of the largest |logit| there, over all positions. */
static double worst_logit(const struct rig *r, const struct rig_golden *g)
{
    double worst = 0;

    for (int t = 0; t < g->length; t++) {
        double error = 0, largest = 0;

        for (int v = 0; v < r->arch.vocab; v++) {
            double want = (double)g->logits[t * r->arch.vocab + v];

            error = fmax(error, fabs((double)r->logits[t * r->arch.vocab + v] - want));
            largest = fmax(largest, fabs(want));
        }
        worst = isnan(error) || error / largest > worst ? error / largest : worst;
    }
    return worst;
}

static double log_sum_exp(const float *x, int n)
{
    double largest = -INFINITY, sum = 0;

    for (int i = 0; i < n; i++)
        largest = fmax(largest, (double)x[i]);
    for (int i = 0; i < n; i++)
        sum += exp((double)x[i] - largest);
    return largest + log(sum);
}

/* Kullback-Leibler distance of our distribution to the golden one, the sum over positions. */
static double distance(const struct rig *r, const struct rig_golden *g)
{
    double sum = 0;
    int vocab = r->arch.vocab;

    for (int t = 0; t < g->length; t++) {
        const float *want = g->logits + t * vocab, *got = r->logits + t * vocab;
        double want_all = log_sum_exp(want, vocab), got_all = log_sum_exp(got, vocab);

        for (int v = 0; v < vocab; v++) {
            double p = (double)want[v] - want_all, q = (double)got[v] - got_all;

            sum += exp(p) * (p - q);
        }
    }
    return sum;
}

/* Prompt i in one step, logits at all of its positions; the next token. */
static int prompt(struct rig *r, const struct rig_golden *g, int i, int32_t *next)
{
    int rc = MIX_OK;
    struct rig_part part = {i, g->length, RIG_ALL};

    rig_begin(r, i, g->token, g->length);
    TRY(rig_step(r, &part, 1));
    *next = rig_best(r, g->length - 1);
out:
    return rc;
}

/* All sequences go on together; *wrong: how many of their tokens are not the golden ones. */
static int generate(struct rig *r, const struct rig_model *m, int32_t *next, int *wrong)
{
    int rc = MIX_OK;
    struct rig_part part[RIG_PROMPTS];

    *wrong = 0;
    for (int step = 0; step < RIG_GREEDY; step++) {
        for (int i = 0; i < RIG_PROMPTS; i++) {
            struct rig_sequence *s = &r->seq[i];

            *wrong += next[i] != m->golden[i].greedy[step];
            s->token[s->length++] = next[i];
            part[i] = (struct rig_part){i, 1, RIG_LAST};
        }
        if (step == RIG_GREEDY - 1)
            break;
        TRY(rig_step(r, part, RIG_PROMPTS));
        for (int i = 0; i < RIG_PROMPTS; i++)
            next[i] = rig_best(r, i);
    }
out:
    return rc;
}

static void check(const struct rig_model *m, int tp, int etp, enum mix_dtype dtype)
{
    int rc = MIX_OK, wrong = 0, positions = 0;
    double worst = 0, kl = 0;
    struct rig r = {0};
    struct rig_layout layout = {.world = mix_comm_size(comm),
                                .tp = tp,
                                .etp = etp,
                                .dtype = dtype,
                                .max_num_seqs = RIG_PROMPTS,
                                .max_batched_tokens = 160,
                                .max_model_len = 256};
    int32_t next[RIG_PROMPTS];

    TRY(rig_open(&r, comm, m->dir, &layout));
    TRY(rig_step(&r, NULL, 0));
    for (int i = 0; i < RIG_PROMPTS; i++) {
        double error;

        TRY(prompt(&r, &m->golden[i], i, &next[i]));
        error = worst_logit(&r, &m->golden[i]);
        worst = isnan(error) || error > worst ? error : worst;
        kl += distance(&r, &m->golden[i]);
        positions += m->golden[i].length;
    }
    if (dtype == MIX_F32)
        TRY(generate(&r, m, next, &wrong));
out:
    rig_close(&r);
    if (dtype == MIX_F32) {
        ok_all(rc == MIX_OK && worst <= 1e-4, "%s, tp %d, etp %d: logits within 1e-4 (%.1e)",
               m->name, tp, etp, worst);
        ok_all(rc == MIX_OK && wrong == 0, "%s, tp %d, etp %d: all greedy tokens (%d are not)",
               m->name, tp, etp, wrong);
    } else {
        ok_all(rc == MIX_OK && kl / positions <= 2e-3,
               "%s, tp %d, etp %d, bfloat16: KL at most 2e-3 (%.1e)", m->name, tp, etp,
               kl / positions);
    }
}

int main(void)
{
    static const char *const names[] = {"awkward", "tiny"};

    if (rig_comm(&comm) != MIX_OK)
        return 1;
    if (mix_comm_rank(comm) > 0)
        tap_mute();
    for (int i = 0; i < 2; i++) {
        struct rig_model m;

        if (!rig_load_golden(&m, names[i])) {
            ok_all(false, "the golden files of %s", names[i]);
            continue;
        }
        for (size_t l = 0; l < sizeof layouts / sizeof layouts[0]; l++)
            for (int type = 0; layouts[l].world == mix_comm_size(comm) && type < 2; type++)
                check(&m, layouts[l].tp, layouts[l].etp, type ? MIX_BF16 : MIX_F32);
        rig_free_golden(&m);
    }
    rig_comm_close(comm);
    return tap_done();
}
