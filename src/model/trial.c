/* trial.c - see trial.h.  Rank 0 ranks; everybody runs what it says. */
#include "model/trial.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/median.h"
#include "base/mem.h"
#include "base/rng.h"
#include "kernels/kernels.h"
#include "model/model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    SEQS = 32,
    TOKENS = 256, /* of a replica's step, at most */
    ROWS = 100000,
    MOST_STEPS = 200,
    KV = 64 << 20, /* bytes of a rank: enough for 32 of the longest rows of a small model */
};

/* ---- rank 0: which layouts */

static int plan_input(struct mix_plan_input *in, const struct mix_trial_config *c,
                      struct mix_lengths *lengths, int prompt, int answer, char *f32, char *bf16,
                      size_t room)
{
    int rc = MIX_OK;
    const struct mix_kernels *kern = mix_kernels_of(c->dev);

    *lengths = mix_lengths_of(ROWS, prompt, answer);
    *in = (struct mix_plan_input){
        .arch = c->arch,
        .topo = c->topo,
        .pins = {.dtype = c->dtype,
                 .domain_size = c->domain_size,
                 .max_num_seqs = SEQS,
                 .max_batched_tokens = TOKENS,
                 .max_model_len = prompt + answer,
                 .kv_memory = KV},
        .device = mix_dev_name(c->dev),
        .f32 = {.describe = f32, .packed = mix_kernels_packed(kern, MIX_F32)},
        .bf16 = {.describe = bf16, .packed = mix_kernels_packed(kern, MIX_BF16)},
        .has_bf16 = kern->has_bf16(),
        .page = MIX_PAGE,
        .machine = c->machine,
        .lengths = lengths,
        .objective = MIX_OBJECTIVE_THROUGHPUT,
    };
    TRY(kern->describe(MIX_F32, f32, room));
    TRY(kern->describe(MIX_BF16, bf16, room));
out:
    return rc;
}

/* chosen[most]: the best, and of the others as many as there is room for. */
static int draw(int fit, int best, int most, int *chosen)
{
    int count = 0, left = most - best, others = fit - best;

    for (int i = 0; i < fit; i++) {
        uint32_t x[4];

        if (fit > most && i >= best) {
            mix_philox(x, (uint32_t[]){(uint32_t)i, 0, 0, 0}, (uint32_t[]){4, 0});
            if (x[0] % (uint32_t)others-- >= (uint32_t)left)
                continue;
            left--;
        }
        chosen[count++] = i;
    }
    return count;
}

static int make(struct mix_trial **trials, int64_t *count, int64_t *fit,
                const struct mix_trial_config *c, int prompt, int answer, int best, int most)
{
    int rc = MIX_OK, *chosen = NULL;
    char f32[200], bf16[200];
    struct mix_lengths lengths;
    struct mix_plan_input in;
    struct mix_plan_ranking r = {0};

    TRY(plan_input(&in, c, &lengths, prompt, answer, f32, bf16, sizeof f32));
    TRY(mix_plan_rank(&in, &r));
    if (!(*fit = r.fit))
        goto out;
    TRY(mix_calloc(&chosen, (size_t)most, sizeof *chosen, "layouts to run"));
    *count = draw(r.fit, best, most, chosen);
    TRY(mix_calloc(trials, (size_t)*count, sizeof **trials, "layouts to run"));
    for (int i = 0; i < *count; i++) {
        const struct mix_plan_candidate *k = &r.c[chosen[i]];
        struct mix_trial *t = &(*trials)[i];

        mix_plan_take(&in, &r, chosen[i], &t->plan);
        t->rank = chosen[i];
        t->step = k->work.mixed;
        t->steps = k->work.steps;
        t->predicted = k->mixed.total;
        memcpy(t->told, k->mixed.part, sizeof t->told);
    }
out:
    free(chosen);
    mix_plan_ranking_fini(&r);
    return rc;
}

int mix_trial_choose(struct mix_trial **trials, int *count, int *fit,
                     const struct mix_trial_config *c, int prompt, int answer, int best, int most)
{
    int rc = MIX_OK;
    int64_t head[3] = {0}; /* code, trials, layouts that fit */

    *trials = NULL;
    if (mix_comm_rank(c->comm) == 0)
        head[0] = make(trials, &head[1], &head[2], c, prompt, answer, best, most);
    TRY(mix_group_bcast(c->world, head, sizeof head, 0));
    TRY((int)head[0]);
    if (!*trials)
        TRY(mix_calloc(trials, (size_t)head[1], sizeof **trials, "layouts to run"));
    TRY(mix_group_bcast(c->world, *trials, (size_t)head[1] * sizeof **trials, 0));
    *count = (int)head[1];
    *fit = (int)head[2];
out:
    if (rc != MIX_OK) {
        free(*trials);
        *trials = NULL;
    }
    return rc;
}

/* ---- a step */

struct stepping {
    struct mix_model *model;
    int32_t id[TOKENS], position[TOKENS], first[SEQS + 1], sample[SEQS];
    int32_t *table;
    float *logits;
    struct mix_step step;
};

static void add_sequence(struct stepping *s, int tokens, int from, int vocab)
{
    struct mix_step *p = &s->step;

    for (int i = 0; i < tokens; i++, p->tokens++) {
        uint32_t x[4];

        mix_philox(x, (uint32_t[]){(uint32_t)p->seqs, (uint32_t)(from + i), 0, 0},
                   (uint32_t[]){5, 0});
        s->id[p->tokens] = (int32_t)(x[0] % (uint32_t)vocab); /* spread over the experts */
        s->position[p->tokens] = from + i;
    }
    s->sample[p->samples++] = p->tokens - 1;
    s->first[++p->seqs] = p->tokens;
}

static int bounded(double x, int least, int most)
{
    return x < least ? least : x > most ? most : (int)lround(x);
}

/* The mean step, in whole tokens: sequences that decode, then chunks of prompts. */
static void lay_out(struct stepping *s, const struct mix_trial *t, const struct mix_arch *arch)
{
    int most = t->plan.max_model_len - 1;
    int chunk = bounded(t->step.chunk, 1, t->plan.max_batched_tokens);
    int prompt = bounded(t->step.prompt, t->step.decode < 0.5, t->plan.max_batched_tokens);
    int prompts = (prompt + chunk - 1) / chunk; /* they have a seat, too */
    int decode = bounded(t->step.decode, 0, t->plan.max_num_seqs - prompts);

    s->step = (struct mix_step){.id = s->id,
                                .position = s->position,
                                .first = s->first,
                                .table = s->table,
                                .sample = s->sample,
                                .table_stride = (t->plan.max_model_len + MIX_PAGE - 1) / MIX_PAGE};
    for (int i = 0; i < decode; i++)
        add_sequence(s, 1, bounded(t->step.context, 0, most), arch->vocab);
    while (prompt > 0 && s->step.seqs < t->plan.max_num_seqs) {
        int n = prompt < chunk ? prompt : chunk;
        int from = bounded(t->step.prompt_context - n / 2.0, 0, most + 1 - n);

        add_sequence(s, n, from, arch->vocab);
        prompt -= n;
    }
}

static int open_model(struct stepping *s, const struct mix_trial *t,
                      const struct mix_trial_config *c)
{
    int rc = MIX_OK;
    int stride = (t->plan.max_model_len + MIX_PAGE - 1) / MIX_PAGE;
    struct mix_model_config model = {
        .arch = c->arch, .plan = &t->plan, .comm = c->comm, .dev = c->dev, .dummy = true};

    TRY(mix_calloc(&s->table, (size_t)(stride * SEQS), sizeof *s->table, "pages"));
    for (int i = 0; i < stride * SEQS; i++)
        s->table[i] = i % t->plan.pages;
    TRY(mix_calloc(&s->logits, (size_t)SEQS * (size_t)c->arch->vocab, sizeof *s->logits, "logits"));
    TRY(mix_model_open(&s->model, &model));
    lay_out(s, t, c->arch);
out:
    return rc;
}

static int one_step(struct stepping *s, const struct mix_trial_config *c, double *seconds)
{
    int rc = MIX_OK, first, mine;
    double at;

    TRY(mix_group_barrier(c->world));
    at = mix_now();
    TRY(mix_model_forward(s->model, &s->step, s->logits, &first, &mine));
    *seconds = mix_now() - at;
out:
    return rc;
}

static void parts_of(double part[MIX_COST_PARTS], struct mix_model_times t)
{
    part[MIX_COST_ATTENTION] = t.attention;
    part[MIX_COST_ROUTER] = t.router;
    part[MIX_COST_EXPERTS] = t.experts;
    part[MIX_COST_INSIDE] = t.exchange_inside;
    part[MIX_COST_BETWEEN] = t.exchange_between;
    part[MIX_COST_WAITING] = t.waiting;
    part[MIX_COST_HEAD] = t.head;
}

/* The median step, each as long as its slowest rank's; and where the mean rank's time went. */
static int measure(struct stepping *s, const struct mix_trial_config *c, double seconds,
                   double *median, double spent[MIX_COST_PARTS])
{
    int rc = MIX_OK, steps;
    double t[MOST_STEPS], before[MIX_COST_PARTS], warm;

    for (int i = 0; i < 2; i++)
        TRY(one_step(s, c, &warm));
    TRY(mix_group_reduce_f64(c->world, &warm, 1, MIX_MAX));
    steps = bounded(seconds / warm, 3, MOST_STEPS);
    parts_of(before, mix_model_times(s->model));
    for (int i = 0; i < steps; i++)
        TRY(one_step(s, c, &t[i]));
    parts_of(spent, mix_model_times(s->model));
    TRY(mix_group_reduce_f64(c->world, t, steps, MIX_MAX));
    *median = mix_median(t, steps);
    for (int i = 0; i < MIX_COST_PARTS; i++)
        spent[i] = (spent[i] - before[i]) / steps / mix_group_size(c->world);
    TRY(mix_group_reduce_f64(c->world, spent, MIX_COST_PARTS, MIX_SUM));
out:
    return rc;
}

int mix_trial_run(const struct mix_trial *t, const struct mix_trial_config *c, double seconds,
                  double *median, double spent[MIX_COST_PARTS])
{
    int rc = MIX_OK;
    struct stepping *s = NULL;

    TRY(mix_calloc(&s, 1, sizeof *s, "a step"));
    TRY(open_model(s, t, c));
    TRY(measure(s, c, seconds, median, spent));
out:
    if (s && rc == MIX_OK)
        mix_model_close(s->model);
    if (s) {
        free(s->table);
        free(s->logits);
    }
    free(s);
    return rc;
}
