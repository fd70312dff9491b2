/* step.c - steps of a model: generating with 1 to 256 sequences, and reading prompts.
 *
 *   [mpirun -n N] bench/step [--model DIR] [--threads N] [--dtype bf16|f32] [--steps N] [--etp N]
 *                            [--context N] [--dummy] [--num-layers N] [--clock wall|cpu]
 *
 * All ranks are one replica (tp = N).  Each line: tokens of a step, the median step, tokens a
 * second, and where this rank's time went, as shares.  No tokenizer, no sampler, no files. */
#include "base/err.h"
#include "base/mem.h"
#include "bench.h"
#include "kernels/pages.h"
#include "model/model.h"

#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SEQS = 256, MOST_TOKENS = 512, MOST_STEPS = 1001 };

struct setup {
    const char *dir;
    int threads, steps, etp, context, layers;
    enum mix_dtype dtype;
    bool dummy;
    struct mix_arch arch;
    struct mix_plan plan;
    struct mix_model *model;
    int rank, stride; /* pages of a sequence at most */
    int32_t id[MOST_TOKENS], position[MOST_TOKENS], first[MOST_SEQS + 1], sample[MOST_SEQS];
    int32_t *table;
    float *logits;
};

static int open_model(struct setup *s, struct mix_comm *comm, struct mix_dev *dev)
{
    int rc = MIX_OK, ranks = mix_comm_size(comm);
    struct mix_model_config config = {.dir = s->dir,
                                      .arch = &s->arch,
                                      .plan = &s->plan,
                                      .comm = comm,
                                      .dev = dev,
                                      .dummy = s->dummy};

    s->rank = mix_comm_rank(comm);
    s->etp = s->etp ? s->etp : ranks;
    s->plan = (struct mix_plan){
        .numeric = {.tp = ranks,
                    .etp = s->etp,
                    .dtype = (int32_t)s->dtype,
                    .kv_dtype = (int32_t)s->dtype,
                    .dispatch = (int32_t)s->dtype,
                    .wire = (int32_t)s->dtype},
        .exchange = MIX_EXCHANGE_TP,
        .world = ranks,
        .domains = 1,
        .domain_size = ranks,
        .dp = 1,
        .ep = 1,
        .edp = ranks / s->etp,
        .max_num_seqs = MOST_SEQS,
        .max_batched_tokens = MOST_TOKENS,
        .max_model_len = s->context + s->steps < 512 ? 512 : s->context + s->steps,
    };
    s->stride = (s->plan.max_model_len + MIX_PAGE - 1) / MIX_PAGE;
    s->plan.pages = s->stride * MOST_SEQS;
    TRY(mix_arch_load(&s->arch, s->dir));
    if (s->layers > 0 && s->layers < s->arch.layers)
        s->arch.layers = s->layers;
    TRY(mix_model_open(&s->model, &config));
    TRY(mix_calloc(&s->table, (size_t)s->plan.pages, sizeof *s->table, "pages"));
    TRY(mix_calloc(&s->logits, MOST_SEQS * (size_t)s->arch.vocab, sizeof *s->logits, "logits"));
    for (int i = 0; i < s->plan.pages; i++)
        s->table[i] = i;
out:
    return rc;
}

/* One step: each sequence's tokens at positions [at, at + each). */
static int step(struct setup *s, int seqs, int each, int at)
{
    struct mix_step one = {.id = s->id,
                           .position = s->position,
                           .first = s->first,
                           .table = s->table,
                           .sample = s->sample,
                           .tokens = seqs * each,
                           .seqs = seqs,
                           .table_stride = s->stride,
                           .samples = seqs};
    int first, mine;

    for (int i = 0; i < seqs; i++) {
        for (int j = 0; j < each; j++) {
            s->id[i * each + j] = (i * 31 + (at + j) * 7) % s->arch.vocab;
            s->position[i * each + j] = at + j;
        }
        s->first[i + 1] = (i + 1) * each;
        s->sample[i] = (i + 1) * each - 1;
    }
    return mix_model_forward(s->model, &one, s->logits, &first, &mine);
}

static void print_shares(struct mix_model_times a, struct mix_model_times b)
{
    const double part[] = {b.attention - a.attention, b.router - a.router,
                           b.experts - a.experts,     b.exchange_inside - a.exchange_inside,
                           b.waiting - a.waiting,     b.head - a.head};
    double sum = 0;

    for (int i = 0; i < 6; i++)
        sum += part[i];
    for (int i = 0; i < 6; i++)
        printf(" %9.0f%%", 100 * part[i] / sum);
    putchar('\n');
}

/* So many sequences go on by `each` tokens a step, from a context that they have already. */
static int measure(struct setup *s, const char *what, int seqs, int each, int steps)
{
    int rc = MIX_OK, context = each > 1 ? 0 : s->context;
    double time[MOST_STEPS], start, median, best;
    struct mix_model_times before;

    for (int i = 0; i < 3; i++)
        TRY(step(s, seqs, each, context));
    before = mix_model_times(s->model);
    for (int i = 0; i < steps; i++) {
        start = bench_now();
        TRY(step(s, seqs, each, context + (each > 1 ? 0 : i)));
        time[i] = bench_now() - start;
    }
    median = bench_median(time, steps);
    if (s->rank == 0) {
        best = time[steps / 10]; /* sorted by the median */
        printf("%-9s %5d %7d %9.3f %9.3f %9.0f", what, seqs, seqs * each, median * 1e3, best * 1e3,
               seqs * each / best);
        print_shares(before, mix_model_times(s->model));
    }
out:
    return rc;
}

static int parse(struct setup *s, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";

        if (strcmp(argv[i], "--dummy") == 0) {
            s->dummy = true;
            continue;
        }
        i++;
        if (strcmp(argv[i - 1], "--model") == 0)
            s->dir = value;
        else if (strcmp(argv[i - 1], "--threads") == 0)
            s->threads = atoi(value);
        else if (strcmp(argv[i - 1], "--dtype") == 0)
            s->dtype = strcmp(value, "f32") == 0 ? MIX_F32 : MIX_BF16;
        else if (strcmp(argv[i - 1], "--steps") == 0)
            s->steps = atoi(value);
        else if (strcmp(argv[i - 1], "--etp") == 0)
            s->etp = atoi(value);
        else if (strcmp(argv[i - 1], "--context") == 0)
            s->context = atoi(value);
        else if (strcmp(argv[i - 1], "--num-layers") == 0)
            s->layers = atoi(value);
        else if (strcmp(argv[i - 1], "--clock") == 0)
            bench_clock(value);
        else
            return MIX_FAIL(MIX_EUSAGE, "what is %s?", argv[i - 1]);
    }
    s->steps = s->steps < 1 ? 1 : s->steps > MOST_STEPS ? MOST_STEPS : s->steps;
    return MIX_OK;
}

int main(int argc, char **argv)
{
    static const int seqs[] = {1, 8, 64, 256};
    static struct setup s = {.dir = "inputs/models/tiny-qwen3-moe",
                             .threads = 1,
                             .steps = 101,
                             .context = 64,
                             .dtype = MIX_BF16};
    struct mix_comm *comm = NULL;
    struct mix_dev *dev = NULL;
    int rc = MIX_OK;

    TRY(parse(&s, argc, argv));
    TRY(mix_comm_open(&comm, 120));
    TRY(mix_dev_open(&dev, "cpu", 0, s.threads));
    TRY(open_model(&s, comm, dev));
    if (s.rank == 0)
        printf("%s, %s, %d ranks of %d threads, etp %d\n%-9s %5s %7s %9s %9s %9s %10s %10s %10s "
               "%10s %10s %10s\n",
               s.dir, mix_dtype_name(s.dtype), mix_comm_size(comm), s.threads, s.etp, "step",
               "seqs", "tokens", "ms", "best", "tokens/s", "attention", "router", "experts",
               "exchange", "waiting", "head");
    for (size_t i = 0; i < sizeof seqs / sizeof seqs[0]; i++)
        TRY(measure(&s, "generate", seqs[i], 1, s.steps));
    TRY(measure(&s, "prompts", 8, 64, (s.steps + 1) / 2));
    TRY(measure(&s, "prompts", 1, 512, (s.steps + 1) / 2));
out:
    free(s.table);
    free(s.logits);
    mix_model_close(s.model);
    mix_dev_close(dev);
    mix_comm_close(comm);
    MPI_Finalize();
    return rc;
}
