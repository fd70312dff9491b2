/* rehearse.c - see rehearse.h. */
#include "model/rehearse.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/median.h"

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

/* The layouts that rehearse a job, and how much longer than their parts their steps took. */
struct rehearsal {
    struct mix_trial *trials;
    int count;
    double times[LAYOUTS];
};

/* By turns, because what disturbs a machine lasts longer than a layout's steps: *n layouts of each
 * job, as many as there is time for, but two. */
static int run(struct rehearsal *r, int *n, const struct mix_trial_config *c, double seconds)
{
    int rc = MIX_OK, most = LAYOUTS;
    double start = mix_now(), spent = 0, median, part[MIX_COST_PARTS];

    for (int j = 0; j < JOBS; j++)
        most = r[j].count < most ? r[j].count : most;
    for (*n = 0; *n < most && (*n < 2 || spent * (*n + 1) / *n < seconds); ++*n) {
        for (int j = 0; j < JOBS; j++) {
            const struct mix_trial *t = &r[j].trials[*n];

            TRY(mix_trial_run(t, c, step_s, &median, part));
            r[j].times[*n] = median / t->predicted;
        }
        spent = mix_now() - start;
        TRY(mix_group_reduce_f64(c->world, &spent, 1, MIX_MAX));
    }
out:
    return rc;
}

/* A factor for each job: the middle of its layouts, drawn to that of all if they are few. */
static int one_type(struct mix_whole *w, const struct mix_trial_config *c, double seconds)
{
    int rc = MIX_OK, n = 0, fit;
    struct rehearsal r[JOBS] = {0};
    double all[JOBS * LAYOUTS], middle, own;

    for (int j = 0; j < JOBS; j++)
        TRY(mix_trial_choose(&r[j].trials, &r[j].count, &fit, c, jobs[j].prompt, jobs[j].answer, 0,
                             LAYOUTS));
    TRY(run(r, &n, c, seconds));
    if (!n)
        goto out;
    for (int j = 0; j < JOBS; j++)
        memcpy(&all[j * n], r[j].times, (size_t)n * sizeof *all);
    middle = mix_median(all, JOBS * n);
    for (; w->points < JOBS; w->points++) {
        struct rehearsal *it = &r[w->points];

        own = mix_median(it->times, n);
        w->tokens[w->points] = it->trials[0].step.prompt + it->trials[0].step.decode;
        w->times[w->points] = exp((n * log(own) + 2 * log(middle)) / (n + 2));
    }
out:
    for (int j = 0; j < JOBS; j++)
        free(r[j].trials);
    return rc;
}

int mix_rehearse(struct mix_whole whole[MIX_MACHINE_TYPES], const struct mix_trial_config *config,
                 double seconds)
{
    static const char *const dtype[] = {
        [MIX_MACHINE_F32] = "float32", [MIX_MACHINE_BF16] = "bfloat16"};
    int rc = MIX_OK;
    struct mix_whole found[MIX_MACHINE_TYPES] = {0};
    struct mix_trial_config c = *config;
    struct mix_arch arch;

    if (!cut(&arch, config->arch, c.machine->ranks))
        goto out;
    c.arch = &arch;
    for (int t = 0; t < MIX_MACHINE_TYPES; t++) {
        c.dtype = dtype[t];
        TRY(one_type(&found[t], &c, seconds / MIX_MACHINE_TYPES));
    }
out:
    if (rc == MIX_OK)
        memcpy(whole, found, sizeof found);
    return rc;
}
