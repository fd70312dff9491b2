/* bench_plan.c - see bench_plan.h. */
#include "cli/bench_plan.h"

#include "base/err.h"
#include "base/median.h"
#include "model/trial.h"

#include <stdlib.h>
#include <string.h>

enum { BEST = 20 }; /* of the ranking; the others are drawn */

static const struct {
    const char *name;
    int prompt, answer;
} jobs[MIX_BENCH_JOBS] = {{"prefill", 384, 8}, {"decode", 16, 240}, {"even", 96, 96}};

static struct mix_bench_layout entry(const struct mix_trial *t)
{
    struct mix_bench_layout l = {
        .layout = mix_layout_of_plan(&t->plan),
        .rank = t->rank,
        .steps = t->steps,
        .predicted = t->predicted,
        .tokens = t->step.prompt + t->step.decode,
        .decode = t->step.decode,
        .context = t->step.context,
    };

    memcpy(l.told, t->told, sizeof l.told);
    return l;
}

int mix_bench_job(struct mix_bench_job *j, const struct mix_trial_config *c, double step_s, int job)
{
    int rc = MIX_OK;
    struct mix_trial *trials = NULL;
    double spent[MIX_COST_PARTS], sorted[MIX_BENCH_PASSES];

    *j = (struct mix_bench_job){.name = jobs[job].name};
    TRY(mix_trial_choose(&trials, &j->count, &j->fit, c, jobs[job].prompt, jobs[job].answer, BEST,
                         MIX_BENCH_LAYOUTS));
    if (!j->fit) {
        rc = MIX_FAIL(MIX_EFIT,
                      "job %s: no layout fits into the memory that there is; mixserve "
                      "plan says what would",
                      j->name);
        goto out;
    }
    for (int i = 0; i < j->count; i++)
        j->run[i] = entry(&trials[i]);
    for (int pass = 0; pass < MIX_BENCH_PASSES; pass++)
        for (int i = 0; i < j->count; i++) {
            TRY(mix_trial_run(&trials[i], c, step_s, &j->run[i].pass[pass], spent));
            for (int p = 0; p < MIX_COST_PARTS; p++)
                j->run[i].spent[p] += spent[p] / MIX_BENCH_PASSES;
        }
    for (int i = 0; i < j->count; i++) {
        memcpy(sorted, j->run[i].pass, sizeof sorted);
        j->run[i].measured = mix_median(sorted, MIX_BENCH_PASSES);
    }
out:
    free(trials);
    return rc;
}
