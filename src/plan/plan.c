/* plan.c - coordinates of a rank, and what makes two plans numerically the same. */
#include "plan/plan.h"

#include "base/hash.h"

#include <stdio.h>
#include <string.h>

struct mix_place mix_plan_place(const struct mix_plan *plan, int rank)
{
    int tp = plan->numeric.tp, etp = plan->numeric.etp;

    return (struct mix_place){
        .tp_i = rank % tp,
        .dp_i = rank / tp,
        .etp_i = rank % etp,
        .ep_i = rank / etp % plan->ep,
        .edp_i = rank / etp / plan->ep,
        .domain = rank / plan->domain_size,
    };
}

static const char *const kind_names[MIX_EXCHANGE_KINDS] = {
    [MIX_EXCHANGE_TP] = "tp",         [MIX_EXCHANGE_EP] = "ep",
    [MIX_EXCHANGE_HYBRID] = "hybrid", [MIX_EXCHANGE_MIXSERVE] = "mixserve",
    [MIX_EXCHANGE_FUSED] = "fused",
};

const char *mix_exchange_kind_name(int kind)
{
    return kind >= 0 && kind < MIX_EXCHANGE_KINDS ? kind_names[kind] : "unknown";
}

int mix_exchange_kind_parse(const char *name)
{
    for (int i = 0; i < MIX_EXCHANGE_KINDS; i++)
        if (!strcmp(name, kind_names[i]))
            return i;
    return -1;
}

bool mix_exchange_chunked(int kind)
{
    return kind == MIX_EXCHANGE_MIXSERVE || kind == MIX_EXCHANGE_FUSED;
}

static bool power_of_two(int x)
{
    return (x & (x - 1)) == 0;
}

void mix_plan_sums(struct mix_plan_numeric *n, int exchange, int ep, int domain_size, bool shuffled)
{
    bool subtrees = n->etp == 1 && power_of_two(ep) && !shuffled, exact = n->wire == MIX_F32;
    int homes = n->etp * ep > domain_size ? domain_size / n->etp : ep; /* of a domain */

    n->sums = MIX_SUMS_EXPERTS;
    n->sum_domains = 0;
    if ((exchange != MIX_EXCHANGE_TP && exchange != MIX_EXCHANGE_FUSED) || (subtrees && exact))
        return;
    n->sums = ep;
    if (exchange == MIX_EXCHANGE_TP)
        return;
    if (subtrees)
        n->sums = ep / homes;
    else if (!exact || !power_of_two(homes))
        n->sum_domains = ep / homes;
}

int mix_plan_chunks(int chunks, int chunk_bytes, int64_t bytes)
{
    int64_t most = bytes / (chunk_bytes > 1 ? chunk_bytes : 1);

    return most < chunks ? (int)most : chunks;
}

const char *mix_plan_wrong(const struct mix_plan *plan)
{
    static char text[160];
    const struct mix_plan_numeric *n = &plan->numeric;
    const int32_t positive[] = {n->tp,
                                n->etp,
                                plan->world,
                                plan->dp,
                                plan->ep,
                                plan->edp,
                                plan->domains,
                                plan->domain_size,
                                plan->max_num_seqs,
                                plan->max_batched_tokens,
                                plan->max_model_len,
                                plan->pages};

    for (size_t i = 0; i < sizeof positive / sizeof positive[0]; i++)
        if (positive[i] < 1)
            return "a number that must be at least 1 is less";
    if (plan->threads < 0 || plan->chunks < 0 || plan->chunk_bytes < 0 || plan->depth < 0 ||
        plan->bytes_weights < 0 || plan->bytes_kv < 0 || plan->bytes_activations < 0)
        return "a negative number";
    if ((n->dtype != MIX_F32 && n->dtype != MIX_BF16) ||
        (n->kv_dtype != MIX_F32 && n->kv_dtype != MIX_BF16))
        return "a number type that is neither F32 nor BF16";
    if (n->wire != MIX_F32 && n->wire != MIX_BF16)
        return "a wire type that is neither F32 nor BF16";
    if (plan->chunks > MIX_PLAN_CHUNKS)
        return "rows cut into more chunks than an exchange takes";
    if (n->dispatch != n->dtype && n->dispatch != MIX_F8E4M3)
        return "rows that go to experts in a type that is neither that of operands nor F8_E4M3";
    if (plan->exchange < 0 || plan->exchange >= MIX_EXCHANGE_KINDS)
        return "an exchange that this build does not have";
    if ((int64_t)n->tp * plan->dp != plan->world)
        snprintf(text, sizeof text, "%d ranks are not tp %d x dp %d", plan->world, n->tp, plan->dp);
    else if ((__int128)n->etp * plan->ep * plan->edp != plan->world)
        snprintf(text, sizeof text, "%d ranks are not etp %d x ep %d x edp %d", plan->world, n->etp,
                 plan->ep, plan->edp);
    else if ((int64_t)plan->domains * plan->domain_size != plan->world)
        snprintf(text, sizeof text, "%d ranks are not %d domains of %d", plan->world, plan->domains,
                 plan->domain_size);
    else if (plan->domain_size % n->tp || plan->domain_size % n->etp)
        snprintf(text, sizeof text, "a domain of %d ranks does not hold whole replicas of tp %d",
                 plan->domain_size, n->tp);
    else
        return NULL;
    return text;
}

/* ---- the numeric part, member by member: padding and what follows a string do not count */

enum { NUMBERS = 9 };

static void numbers(const struct mix_plan_numeric *n, int32_t out[NUMBERS])
{
    out[0] = n->tp;
    out[1] = n->etp;
    out[2] = n->dtype;
    out[3] = n->kv_dtype;
    out[4] = n->wire;
    out[5] = n->sums;
    out[6] = n->invariant;
    out[7] = n->sum_domains;
    out[8] = n->dispatch;
}

uint64_t mix_plan_numeric_id(const struct mix_plan *plan)
{
    const struct mix_plan_numeric *n = &plan->numeric;
    int32_t x[NUMBERS];
    uint64_t h;

    numbers(n, x);
    h = mix_hash(x, sizeof x);
    h = mix_hash_add(h, n->device, strnlen(n->device, sizeof n->device));
    return mix_hash_add(h, n->kernels, strnlen(n->kernels, sizeof n->kernels));
}

static const char *dtype_name(int32_t t)
{
    return t >= 0 && t < MIX_DTYPES ? mix_dtype_name((enum mix_dtype)t) : "unknown";
}

static const char *yes_no(int32_t x)
{
    return x ? "yes" : "no";
}

/* "sums of 4 groups of experts in 2 domains" */
static const char *sums_name(const struct mix_plan_numeric *n, char text[60])
{
    int at;

    if (n->sums == MIX_SUMS_EXPERTS)
        return "sums of single experts";
    at = snprintf(text, 60, "sums of %d groups of experts", n->sums);
    if (n->sum_domains)
        snprintf(text + at, 60 - (size_t)at, " in %d domains", n->sum_domains);
    return text;
}

const char *mix_plan_numeric_difference(const struct mix_plan *plan, const struct mix_plan *was)
{
    static char text[512];
    const struct mix_plan_numeric *a = &plan->numeric, *b = &was->numeric;
    char name[2][60];

    if (a->tp != b->tp)
        snprintf(text, sizeof text, "tp %d, was %d", a->tp, b->tp);
    else if (a->etp != b->etp)
        snprintf(text, sizeof text, "etp %d, was %d", a->etp, b->etp);
    else if (a->dtype != b->dtype)
        snprintf(text, sizeof text, "dtype %s, was %s", dtype_name(a->dtype), dtype_name(b->dtype));
    else if (a->kv_dtype != b->kv_dtype)
        snprintf(text, sizeof text, "KV cache %s, was %s", dtype_name(a->kv_dtype),
                 dtype_name(b->kv_dtype));
    else if (a->wire != b->wire)
        snprintf(text, sizeof text, "wire type %s, was %s", dtype_name(a->wire),
                 dtype_name(b->wire));
    else if (a->dispatch != b->dispatch)
        snprintf(text, sizeof text, "rows to experts in %s, was %s", dtype_name(a->dispatch),
                 dtype_name(b->dispatch));
    else if (a->sums != b->sums || a->sum_domains != b->sum_domains)
        snprintf(text, sizeof text, "%s, was %s", sums_name(a, name[0]), sums_name(b, name[1]));
    else if (a->invariant != b->invariant)
        snprintf(text, sizeof text, "batch-invariant %s, was %s", yes_no(a->invariant),
                 yes_no(b->invariant));
    else if (strncmp(a->device, b->device, sizeof a->device))
        snprintf(text, sizeof text, "device %.16s, was %.16s", a->device, b->device);
    else if (strncmp(a->kernels, b->kernels, sizeof a->kernels))
        snprintf(text, sizeof text, "kernels %.200s, was %.200s", a->kernels, b->kernels);
    else
        return NULL;
    return text;
}
