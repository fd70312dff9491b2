/* rehearse.c - see rehearse.h. */
#include "model/rehearse.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/median.h"
#include "kernels/kernels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LAYOUTS = 9, LAYERS = 4, VOCAB = 4096, POSITIONS = 1024 };

static const double most_bytes = 128 << 20; /* weights of all ranks of a node */
static const double step_s = 0.02;          /* of a layout */

/* Steps of generated tokens almost alone, mixed ones, and full ones. */
static const struct {
    int prompt, answer;
} jobs[] = {{32, 160}, {80, 60}, {512, 12}};
enum { JOBS = sizeof jobs / sizeof jobs[0] };

/* The first layers of the model, as many as every rank may hold; false: not even those with
 * experts. */
static bool cut(struct mix_arch *a, const struct mix_arch *whole, int ranks)
{
    double left = most_bytes / ranks / sizeof(float), layer;
    bool moe = false;
    int n = 0;

    *a = *whole;
    a->vocab = whole->vocab < VOCAB ? whole->vocab : VOCAB;
    a->max_positions = POSITIONS;
    left -= 2.0 * a->vocab * a->hidden;
    for (; n < whole->layers && n < LAYERS; n++) {
        layer = 2.0 * (a->heads + a->kv_heads) * a->head_dim * a->hidden;
        layer += 3.0 * a->hidden *
                 (a->moe[n] ? (double)(a->experts + a->shared_experts) * a->moe_inner : a->inner);
        if (layer > left)
            break;
        left -= layer;
        moe |= a->moe[n];
    }
    a->layers = n;
    return moe;
}

/* Measured over predicted, the middle one of as many layouts as there is time for. */
static int one_job(struct mix_whole *w, const struct mix_trial_config *c, int job, double seconds)
{
    int rc = MIX_OK, count, fit, n = 0;
    struct mix_trial *trials = NULL;
    double times[LAYOUTS], start = mix_now(), spent = 0, median, part[MIX_COST_PARTS];

    TRY(mix_trial_choose(&trials, &count, &fit, c, jobs[job].prompt, jobs[job].answer, 0, LAYOUTS));
    if (!count)
        goto out;
    for (; n < count && (n == 0 || spent * (n + 1) / n < seconds); n++) {
        TRY(mix_trial_run(&trials[n], c, step_s, &median, part));
        times[n] = median / trials[n].predicted;
        spent = mix_now() - start;
        TRY(mix_group_reduce_f64(c->world, &spent, 1, MIX_MAX));
    }
    w->tokens[w->points] = trials[0].step.prompt + trials[0].step.decode;
    w->times[w->points++] = mix_median(times, n);
out:
    free(trials);
    return rc;
}

int mix_rehearse(struct mix_whole whole[MIX_MACHINE_TYPES], const struct mix_trial_config *config,
                 double seconds)
{
    static const char *const dtype[] = {
        [MIX_MACHINE_F32] = "float32", [MIX_MACHINE_BF16] = "bfloat16"};
    int rc = MIX_OK, ranks = 1;
    struct mix_whole found[MIX_MACHINE_TYPES] = {0};
    struct mix_trial_config c = *config;
    struct mix_arch arch;

    for (int i = 0; i < c.topo->ranks; i++)
        ranks = c.topo->rank[i].local_ranks > ranks ? c.topo->rank[i].local_ranks : ranks;
    if (!cut(&arch, config->arch, ranks))
        goto out;
    c.arch = &arch;
    for (int t = 0; t < MIX_MACHINE_TYPES; t++) {
        c.dtype = dtype[t];
        for (int j = 0; j < JOBS; j++)
            TRY(one_job(&found[t], &c, j, seconds / (MIX_MACHINE_TYPES * JOBS)));
    }
out:
    if (rc == MIX_OK)
        memcpy(whole, found, sizeof found);
    return rc;
}
