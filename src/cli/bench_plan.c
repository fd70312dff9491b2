/* bench_plan.c - see bench_plan.h.  Rank 0 ranks; everybody runs what it says. */
#include "cli/bench_plan.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"
#include "cli/choose.h"
#include "kernels/kernels.h"
#include "model/model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    BEST = 20, /* of the ranking; the others are drawn */
    SEQS = 32,
    TOKENS = 256, /* of a replica's step, at most */
    ROWS = 100000,
    MOST_STEPS = 200,
    KV = 64 << 20, /* bytes of a rank: enough for 32 of the longest rows of a small model */
};

static const struct {
    const char *name;
    int prompt, answer;
} jobs[MIX_BENCH_JOBS] = {{"prefill", 384, 8}, {"decode", 16, 240}, {"even", 96, 96}};

/* ---- rank 0: which layouts */

static int plan_input(struct mix_plan_input *in, const struct mix_bench_config *c,
                      struct mix_lengths *lengths, int job, char *f32, char *bf16, size_t room)
{
    int rc = MIX_OK;
    const struct mix_kernels *kern = mix_kernels_of(c->dev);

    *lengths = mix_lengths_of(ROWS, jobs[job].prompt, jobs[job].answer);
    *in = (struct mix_plan_input){
        .arch = c->arch,
        .topo = c->topo,
        .pins = {.dtype = c->dtype,
                 .domain_size = c->domain_size,
                 .max_num_seqs = SEQS,
                 .max_batched_tokens = TOKENS,
                 .max_model_len = jobs[job].prompt + jobs[job].answer,
                 .kv_memory = KV},
        .device = mix_dev_name(c->dev),
        .f32 = {.describe = f32, .packed = mix_choose_packed(c->dev, MIX_F32)},
        .bf16 = {.describe = bf16, .packed = mix_choose_packed(c->dev, MIX_BF16)},
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

/* The best, and of the others as many as there is room for, by chance but always the same. */
static int choose(int fit, int *chosen)
{
    int count = 0, left = MIX_BENCH_LAYOUTS - BEST, others = fit - BEST;

    for (int i = 0; i < fit; i++) {
        uint32_t x[4];

        if (fit > MIX_BENCH_LAYOUTS && i >= BEST) {
            mix_philox(x, (uint32_t[]){(uint32_t)i, 0, 0, 0}, (uint32_t[]){4, 0});
            if (x[0] % (uint32_t)others-- >= (uint32_t)left)
                continue;
            left--;
        }
        chosen[count++] = i;
    }
    return count;
}

/* What everybody needs to know of a layout. */
struct task {
    struct mix_plan plan;
    struct mix_cost_step step;
    int32_t rank;
    double steps, predicted, told[MIX_COST_PARTS];
};

static int make_tasks(struct task **tasks, int64_t *count, int64_t *fit,
                      const struct mix_bench_config *c, int job)
{
    int rc = MIX_OK, chosen[MIX_BENCH_LAYOUTS];
    char f32[200], bf16[200];
    struct mix_lengths lengths;
    struct mix_plan_input in;
    struct mix_plan_ranking r = {0};

    TRY(plan_input(&in, c, &lengths, job, f32, bf16, sizeof f32));
    TRY(mix_plan_rank(&in, &r));
    if (!r.fit) {
        rc = mix_plan_refuse(&in, &r);
        goto out;
    }
    *fit = r.fit;
    *count = choose(r.fit, chosen);
    TRY(mix_calloc(tasks, (size_t)*count, sizeof **tasks, "layouts to measure"));
    for (int i = 0; i < *count; i++) {
        const struct mix_plan_candidate *k = &r.c[chosen[i]];
        struct task *t = &(*tasks)[i];

        mix_plan_take(&in, &r, chosen[i], &t->plan);
        t->rank = chosen[i];
        t->step = k->work.mixed;
        t->steps = k->work.steps;
        t->predicted = k->mixed.total;
        memcpy(t->told, k->mixed.part, sizeof t->told);
    }
out:
    mix_plan_ranking_fini(&r);
    return rc;
}

/* The tasks of rank 0 to all. */
static int share_tasks(struct task **tasks, struct mix_bench_job *j,
                       const struct mix_bench_config *c, int job)
{
    int rc = MIX_OK;
    int64_t head[3] = {0}; /* code, tasks, layouts that fit */

    if (mix_comm_rank(c->comm) == 0)
        head[0] = make_tasks(tasks, &head[1], &head[2], c, job);
    TRY(mix_group_bcast(c->world, head, sizeof head, 0));
    TRY((int)head[0]);
    if (!*tasks)
        TRY(mix_calloc(tasks, (size_t)head[1], sizeof **tasks, "layouts to measure"));
    TRY(mix_group_bcast(c->world, *tasks, (size_t)head[1] * sizeof **tasks, 0));
    j->count = (int)head[1];
    j->fit = (int)head[2];
out:
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
static void lay_out(struct stepping *s, const struct task *t, const struct mix_arch *arch)
{
    int most = t->plan.max_model_len - 1;
    int decode = bounded(t->step.decode, 0, t->plan.max_num_seqs);
    int prompt = bounded(t->step.prompt, decode ? 0 : 1, t->plan.max_batched_tokens - decode);
    int chunk = bounded(t->step.chunk, 1, t->plan.max_batched_tokens);

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

static int open_model(struct stepping *s, const struct task *t, const struct mix_bench_config *c)
{
    int rc = MIX_OK;
    int stride = (t->plan.max_model_len + MIX_PAGE - 1) / MIX_PAGE;
    struct mix_model_config model = {.dir = c->dir,
                                     .arch = c->arch,
                                     .plan = &t->plan,
                                     .comm = c->comm,
                                     .dev = c->dev,
                                     .dummy = true};

    TRY(mix_calloc(&s->table, (size_t)(stride * SEQS), sizeof *s->table, "pages"));
    for (int i = 0; i < stride * SEQS; i++)
        s->table[i] = i % t->plan.pages;
    TRY(mix_calloc(&s->logits, (size_t)SEQS * (size_t)c->arch->vocab, sizeof *s->logits, "logits"));
    TRY(mix_model_open(&s->model, &model));
    lay_out(s, t, c->arch);
out:
    return rc;
}

static int one_step(struct stepping *s, const struct mix_bench_config *c, double *seconds)
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

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
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
static int measure(struct stepping *s, const struct mix_bench_config *c, double *median,
                   double spent[MIX_COST_PARTS])
{
    int rc = MIX_OK, steps;
    double t[MOST_STEPS], before[MIX_COST_PARTS], warm;

    for (int i = 0; i < 3; i++)
        TRY(one_step(s, c, &warm));
    TRY(mix_group_reduce_f64(c->world, &warm, 1, MIX_MAX));
    steps = bounded(c->step_s / warm, 5, MOST_STEPS);
    parts_of(before, mix_model_times(s->model));
    for (int i = 0; i < steps; i++)
        TRY(one_step(s, c, &t[i]));
    parts_of(spent, mix_model_times(s->model));
    TRY(mix_group_reduce_f64(c->world, t, steps, MIX_MAX));
    qsort(t, (size_t)steps, sizeof *t, by_value);
    *median = t[steps / 2];
    for (int i = 0; i < MIX_COST_PARTS; i++)
        spent[i] = (spent[i] - before[i]) / steps / mix_group_size(c->world);
    TRY(mix_group_reduce_f64(c->world, spent, MIX_COST_PARTS, MIX_SUM));
out:
    return rc;
}

static int run_task(const struct task *t, const struct mix_bench_config *c, double *median,
                    double spent[MIX_COST_PARTS])
{
    int rc = MIX_OK;
    struct stepping *s = NULL;

    TRY(mix_calloc(&s, 1, sizeof *s, "a step"));
    TRY(open_model(s, t, c));
    TRY(measure(s, c, median, spent));
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

/* ---- a job */

static struct mix_bench_layout entry(const struct task *t)
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

int mix_bench_job(struct mix_bench_job *j, const struct mix_bench_config *c, int job)
{
    int rc = MIX_OK;
    struct task *tasks = NULL;
    double spent[MIX_COST_PARTS], sorted[MIX_BENCH_PASSES];

    *j = (struct mix_bench_job){.name = jobs[job].name};
    TRY(share_tasks(&tasks, j, c, job));
    for (int i = 0; i < j->count; i++)
        j->run[i] = entry(&tasks[i]);
    for (int pass = 0; pass < MIX_BENCH_PASSES; pass++)
        for (int i = 0; i < j->count; i++) {
            TRY(run_task(&tasks[i], c, &j->run[i].pass[pass], spent));
            for (int p = 0; p < MIX_COST_PARTS; p++)
                j->run[i].spent[p] += spent[p] / MIX_BENCH_PASSES;
        }
    for (int i = 0; i < j->count; i++) {
        memcpy(sorted, j->run[i].pass, sizeof sorted);
        qsort(sorted, MIX_BENCH_PASSES, sizeof *sorted, by_value);
        j->run[i].measured = sorted[MIX_BENCH_PASSES / 2];
    }
out:
    free(tasks);
    return rc;
}
