/* rig.c - see rig.h. */
#include "rig.h"

#include "base/err.h"
#include "base/mem.h"
#include "io/safetensors.h"
#include "kernels/kernels.h"

#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- a model */

static struct mix_plan plan_of(const struct rig_layout *l, int pages)
{
    int ep = l->ep ? l->ep : 1, domain = l->domain_size ? l->domain_size : l->world;
    struct mix_plan p = {
        .numeric = {.tp = l->tp,
                    .etp = l->etp,
                    .dtype = (int32_t)l->dtype,
                    .kv_dtype = (int32_t)l->dtype,
                    .dispatch = (int32_t)l->dtype,
                    .invariant = 1,
                    .device = "cpu"},
        .world = l->world,
        .domains = l->world / domain,
        .domain_size = domain,
        .dp = l->world / l->tp,
        .ep = ep,
        .edp = l->world / (l->etp * ep),
        .exchange = (int32_t)l->exchange,
        .chunks = l->chunks,
        .chunk_bytes = l->chunk_bytes,
        .depth = l->depth,
        .max_num_seqs = l->max_num_seqs,
        .max_batched_tokens = l->max_batched_tokens,
        .max_model_len = l->max_model_len,
        .pages = pages,
    };

    mix_plan_sums(&p.numeric, p.exchange, ep, domain, l->homes != NULL);
    return p;
}

int rig_open(struct rig *r, struct mix_comm *comm, const char *dir, const struct rig_layout *l)
{
    int rc = MIX_OK;
    const char *threads = getenv("OMP_NUM_THREADS");
    size_t seqs = (size_t)l->max_num_seqs, tokens = (size_t)l->max_batched_tokens, vocab;

    *r = (struct rig){.comm = comm};
    r->pages_each = (l->max_model_len + MIX_PAGE - 1) / MIX_PAGE;
    r->plan = plan_of(l, r->pages_each * l->max_num_seqs);
    TRY(mix_arch_load(&r->arch, dir));
    TRY(mix_dev_open(&r->dev, "cpu", 0, threads ? atoi(threads) : 2));
    struct mix_model_config config = {.dir = dir,
                                      .arch = &r->arch,
                                      .plan = &r->plan,
                                      .comm = comm,
                                      .dev = r->dev,
                                      .homes = l->homes};
    TRY(mix_model_open(&r->model, &config));

    vocab = (size_t)r->arch.vocab;
    TRY(mix_calloc(&r->seq, seqs, sizeof *r->seq, "rig"));
    for (size_t i = 0; i < seqs; i++)
        TRY(mix_calloc(&r->seq[i].token, (size_t)l->max_model_len, sizeof(int32_t), "rig"));
    TRY(mix_calloc(&r->logits, tokens * vocab, sizeof *r->logits, "rig"));
    TRY(mix_calloc(&r->mine, tokens * vocab, sizeof *r->mine, "rig"));
    TRY(mix_calloc(&r->id, tokens, sizeof *r->id, "rig"));
    TRY(mix_calloc(&r->position, tokens, sizeof *r->position, "rig"));
    TRY(mix_calloc(&r->sample, tokens, sizeof *r->sample, "rig"));
    TRY(mix_calloc(&r->first, seqs + 1, sizeof *r->first, "rig"));
    TRY(mix_calloc(&r->table, seqs * (size_t)r->pages_each, sizeof *r->table, "rig"));
out:
    if (rc)
        rig_close(r);
    return rc;
}

void rig_close(struct rig *r)
{
    for (int i = 0; r->seq && i < r->plan.max_num_seqs; i++)
        free(r->seq[i].token);
    free(r->seq);
    free(r->logits);
    free(r->mine);
    free(r->id);
    free(r->position);
    free(r->sample);
    free(r->first);
    free(r->table);
    mix_model_close(r->model);
    mix_dev_close(r->dev);
    *r = (struct rig){0};
}

/* ---- steps */

void rig_begin(struct rig *r, int i, const int32_t *token, int length)
{
    memcpy(r->seq[i].token, token, sizeof *token * (size_t)length);
    r->seq[i].length = length;
    r->seq[i].at = 0;
}

/* The rows that owners have, from all of them to all: sizes follow from the split. */
static int gather_logits(struct rig *r, const struct mix_step *s, int first, int mine)
{
    int rc = MIX_OK;
    struct mix_group *g = mix_model_replica(r->model);
    int size = mix_group_size(g), row = 0;
    size_t at[64], bytes[64], row_bytes = sizeof(float) * (size_t)r->arch.vocab;

    for (int i = 0; i < size; i++) {
        struct mix_part tokens = mix_split(s->tokens, size, i);
        int begin = row;

        while (row < s->samples && s->sample[row] < tokens.first + tokens.count)
            row++;
        at[i] = (size_t)begin * row_bytes;
        bytes[i] = (size_t)(row - begin) * row_bytes;
        if (i == mix_group_rank(g))
            MIX_CHECK(first == begin && mine == row - begin, "owner of rows [%d, %d), not [%d, %d)",
                      first, first + mine, begin, row);
    }
    TRY(mix_group_allgather(g, r->logits, at, bytes, r->mine));
out:
    return rc;
}

int rig_step(struct rig *r, const struct rig_part *part, int parts)
{
    int rc = MIX_OK, first = -1, mine = -1;
    struct mix_step s = {.id = r->id,
                         .position = r->position,
                         .first = r->first,
                         .table = r->table,
                         .sample = r->sample,
                         .seqs = parts,
                         .table_stride = r->pages_each};

    r->first[0] = 0;
    for (int i = 0; i < parts; i++) {
        struct rig_sequence *q = &r->seq[part[i].seq];

        for (int j = 0; j < part[i].count; j++, s.tokens++, q->at++) {
            bool last = j == part[i].count - 1;

            r->id[s.tokens] = q->token[q->at];
            r->position[s.tokens] = q->at;
            if (part[i].want == RIG_ALL || (part[i].want == RIG_LAST && last))
                r->sample[s.samples++] = s.tokens;
        }
        r->first[i + 1] = s.tokens;
        for (int p = 0; p < r->pages_each; p++) /* a sequence's pages are far apart */
            r->table[i * r->pages_each + p] = p * r->plan.max_num_seqs + part[i].seq;
    }
    r->samples = s.samples;
    TRY(mix_model_forward(r->model, &s, r->mine, &first, &mine));
    TRY(gather_logits(r, &s, first, mine));
out:
    return rc;
}

int32_t rig_best(const struct rig *r, int row)
{
    const float *x = r->logits + (size_t)row * (size_t)r->arch.vocab;
    int best = 0;

    for (int i = 1; i < r->arch.vocab; i++)
        if (x[i] > x[best])
            best = i;
    return best;
}

/* ---- golden files */

static const struct {
    const char *name, *dir;
} models[] = {
    {"tiny", "inputs/models/tiny-qwen3-moe"},
    {"awkward", "tests/golden/awkward"},
};

static void *read_tensor(const struct mix_safetensors *s, int prompt, const char *what,
                         uint64_t *bytes)
{
    char name[32], *data;
    const struct mix_tensor *t;

    snprintf(name, sizeof name, "%02d.%s", prompt, what);
    t = mix_safetensors_find(s, name);
    if (!t || !(data = malloc(t->bytes)))
        return NULL;
    *bytes = t->bytes;
    if (mix_safetensors_read(s, t, 0, t->bytes, data) == MIX_OK)
        return data;
    free(data);
    return NULL;
}

bool rig_load_golden(struct rig_model *m, const char *name)
{
    const char *top = getenv("srcdir");
    struct mix_safetensors *s = NULL;
    char path[700];
    bool good = true;

    *m = (struct rig_model){.name = name};
    top = top ? top : ".";
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++)
        if (strcmp(models[i].name, name) == 0)
            snprintf(m->dir, sizeof m->dir, "%s/%s", top, models[i].dir);
    snprintf(path, sizeof path, "%s/tests/golden/%s.safetensors", top, name);
    if (access(path, R_OK) != 0 || mix_safetensors_open_file(&s, path) != MIX_OK)
        return false;
    for (int i = 0; i < RIG_PROMPTS; i++) {
        struct rig_golden *g = &m->golden[i];
        uint64_t tokens = 0, logits = 0, greedy = 0;
        int32_t *next = read_tensor(s, i, "greedy", &greedy);

        g->token = read_tensor(s, i, "tokens", &tokens);
        g->logits = read_tensor(s, i, "logits", &logits);
        g->length = (int)(tokens / sizeof(int32_t));
        if (next && greedy == sizeof g->greedy)
            memcpy(g->greedy, next, sizeof g->greedy);
        good = good && next && greedy == sizeof g->greedy && g->token && g->logits;
        free(next);
    }
    mix_safetensors_close(s);
    return good;
}

void rig_free_golden(struct rig_model *m)
{
    for (int i = 0; i < RIG_PROMPTS; i++) {
        free(m->golden[i].token);
        free(m->golden[i].logits);
    }
}

struct mix_group *rig_group(struct mix_comm *comm, const char *name, const int *world, int n)
{
    struct mix_group *g = NULL;

    for (int i = 0; i < n; i++)
        if (world[i] == mix_comm_rank(comm) && mix_group_open(&g, comm, name, world, n))
            g = NULL;
    return g;
}

struct mix_group *rig_group_backwards(struct mix_comm *comm)
{
    int n = mix_comm_size(comm), *world = calloc((size_t)n, sizeof *world);
    struct mix_group *g = NULL;

    for (int i = 0; world && i < n; i++)
        world[i] = n - 1 - i;
    if (world)
        g = rig_group(comm, "all", world, n);
    free(world);
    return g;
}

/* ---- MPI */

/* The leak checker, in a build that has one. */
void __lsan_disable(void) __attribute__((weak));
void __lsan_enable(void) __attribute__((weak));
void __lsan_do_leak_check(void) __attribute__((weak));

int rig_comm(struct mix_comm **comm)
{
    int rc;

    if (__lsan_disable)
        __lsan_disable();
    rc = mix_comm_open(comm, 60.0);
    if (__lsan_enable)
        __lsan_enable();
    return rc;
}

void rig_comm_close(struct mix_comm *comm)
{
    mix_comm_close(comm);
    if (__lsan_do_leak_check)
        __lsan_do_leak_check(); /* the last one: what MPI_Finalize loses is not ours either */
    MPI_Finalize();
}
