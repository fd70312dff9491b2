/* plan.c - coordinates by hand, and which plans are numerically the same. */
#include "plan/plan.h"

#include "base/dtype.h"
#include "tap.h"

#include <stdio.h>
#include <string.h>

static struct mix_plan some_plan(void)
{
    return (struct mix_plan){
        .numeric = {.tp = 2,
                    .etp = 2,
                    .dtype = MIX_BF16,
                    .kv_dtype = MIX_BF16,
                    .dispatch = MIX_BF16,
                    .invariant = 1,
                    .device = "cpu",
                    .kernels = "page 16, avx512_bf16"},
        .world = 8,
        .domains = 2,
        .domain_size = 4,
        .dp = 4,
        .ep = 1,
        .edp = 4,
    };
}

static void places(void)
{
    static const struct {
        int tp, etp, ep, domain_size, rank;
        struct mix_place want;
    } cases[] = {
        /* tp_i dp_i etp_i ep_i edp_i domain */
        {1, 1, 1, 1, 0, {0, 0, 0, 0, 0, 0}}, {2, 2, 1, 4, 0, {0, 0, 0, 0, 0, 0}},
        {2, 2, 1, 4, 5, {1, 2, 1, 0, 2, 1}}, {4, 4, 1, 8, 7, {3, 1, 3, 0, 1, 0}},
        {4, 1, 1, 8, 7, {3, 1, 0, 0, 7, 0}}, /* experts whole on every rank */
        {1, 4, 2, 4, 6, {0, 6, 2, 1, 0, 1}}, /* independent meshes: etp 4, ep 2 */
        {2, 1, 4, 4, 6, {0, 3, 0, 2, 1, 1}},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mix_plan p = {.numeric = {.tp = cases[i].tp, .etp = cases[i].etp},
                             .ep = cases[i].ep,
                             .domain_size = cases[i].domain_size};
        struct mix_place got = mix_plan_place(&p, cases[i].rank);

        ok(memcmp(&got, &cases[i].want, sizeof got) == 0, "place of rank %d, case %zu",
           cases[i].rank, i);
    }
}

/* rank = dp_i * tp + tp_i = (edp_i * ep + ep_i) * etp + etp_i, for every mesh of 24 ranks. */
static void every_mesh(void)
{
    enum { WORLD = 24 };
    bool good = true;

    for (int tp = 1; tp <= WORLD; tp++)
        for (int etp = 1; etp <= WORLD; etp++)
            for (int ep = 1; ep <= WORLD; ep++) {
                struct mix_plan p = {.numeric = {.tp = tp, .etp = etp}, .ep = ep, .domain_size = 1};

                if (WORLD % tp || WORLD % (etp * ep))
                    continue;
                for (int r = 0; r < WORLD; r++) {
                    struct mix_place at = mix_plan_place(&p, r);

                    good &= at.dp_i * tp + at.tp_i == r && at.tp_i < tp;
                    good &= (at.edp_i * ep + at.ep_i) * etp + at.etp_i == r;
                    good &= at.etp_i < etp && at.ep_i < ep && at.edp_i < WORLD / (etp * ep);
                }
            }
    ok(good, "every mesh of 24 ranks numbers them as the header says");
}

static void same_numbers(void)
{
    struct mix_plan a = some_plan(), b = some_plan();

    ok(mix_plan_numeric_difference(&a, &b) == NULL &&
           mix_plan_numeric_id(&a) == mix_plan_numeric_id(&b),
       "equal plans have one id");
    b.world = 2;
    b.dp = b.edp = 1;
    b.domains = 1;
    b.domain_size = 2;
    b.chunks = b.chunk_bytes = b.depth = 3;
    b.threads = b.max_num_seqs = b.max_batched_tokens = b.max_model_len = b.pages = 77;
    strcpy(b.numeric.device + 5, "x"); /* after the end of the string */
    ok(mix_plan_numeric_difference(&a, &b) == NULL &&
           mix_plan_numeric_id(&a) == mix_plan_numeric_id(&b),
       "another placement does not change it");
    memset(a.numeric.kernels, 'k', sizeof a.numeric.kernels); /* full, without an end */
    b = a;
    ok(mix_plan_numeric_difference(&a, &b) == NULL &&
           mix_plan_numeric_id(&a) == mix_plan_numeric_id(&b),
       "a name that fills its place");
}

static void different_numbers(void)
{
    struct mix_plan was = some_plan();
    struct mix_plan now[12];
    static const char *const want[] = {
        "tp 1, was 2",
        "etp 1, was 2",
        "dtype F32, was BF16",
        "KV cache F32, was BF16",
        "wire type BF16, was F32",
        "sums of 2 groups of experts, was sums of single experts",
        "batch-invariant no, was yes",
        "device cuda, was cpu",
        "kernels page 16, avx2, was page 16, avx512_bf16",
        "rows to experts in F8_E4M3, was BF16",
        "sums of 4 groups of experts, was sums of 4 groups of experts in 2 domains",
        "sums of 4 groups of experts in 4 domains, was sums of 4 groups of experts in 2 domains",
    };

    for (int i = 0; i < 12; i++)
        now[i] = was;
    now[0].numeric.tp = 1;
    now[1].numeric.etp = 1;
    now[2].numeric.dtype = MIX_F32;
    now[3].numeric.kv_dtype = MIX_F32;
    now[4].numeric.wire = MIX_BF16;
    now[5].numeric.sums = 2;
    now[6].numeric.invariant = 0;
    strcpy(now[7].numeric.device, "cuda");
    strcpy(now[8].numeric.kernels, "page 16, avx2");
    now[9].numeric.dispatch = MIX_F8E4M3;
    now[10].numeric.sums = now[11].numeric.sums = 4;
    now[11].numeric.sum_domains = 4;
    for (int i = 0; i < 12; i++) {
        const char *got;

        if (i == 10) {
            was.numeric.sums = 4;
            was.numeric.sum_domains = 2;
        }
        got = mix_plan_numeric_difference(&now[i], &was);
        ok(got && strcmp(got, want[i]) == 0, "%s", want[i]);
        ok(mix_plan_numeric_id(&now[i]) != mix_plan_numeric_id(&was), "and another id");
    }
    now[0].numeric.dtype = -1;
    now[0].numeric.tp = 2;
    ok(strcmp(mix_plan_numeric_difference(&now[0], &was), "dtype unknown, was BF16") == 0,
       "a number that names no type");
}

/* Groups by hand: a home has all experts of an ep_i, a domain of m ranks m / etp homes. */
static void sums(void)
{
    static const struct {
        int exchange, etp, ep, domain, wire;
        bool shuffled;
        int sums, domains;
    } cases[] = {
        {MIX_EXCHANGE_EP, 2, 4, 4, MIX_BF16, false, 0, 0},
        {MIX_EXCHANGE_HYBRID, 1, 8, 4, MIX_BF16, false, 0, 0},
        {MIX_EXCHANGE_MIXSERVE, 2, 4, 4, MIX_BF16, true, 0, 0},
        {MIX_EXCHANGE_TP, 1, 8, 4, MIX_F32, false, 0, 0},
        {MIX_EXCHANGE_TP, 1, 8, 4, MIX_BF16, false, 8, 0},
        {MIX_EXCHANGE_TP, 2, 4, 4, MIX_F32, false, 4, 0},
        {MIX_EXCHANGE_FUSED, 1, 8, 4, MIX_F32, false, 0, 0},
        {MIX_EXCHANGE_FUSED, 1, 8, 4, MIX_BF16, false, 2, 0}, /* a domain is a subtree */
        {MIX_EXCHANGE_FUSED, 1, 8, 4, MIX_BF16, true, 8, 2},
        {MIX_EXCHANGE_FUSED, 2, 4, 4, MIX_F32, false, 4, 0}, /* of two homes: as tp */
        {MIX_EXCHANGE_FUSED, 2, 4, 4, MIX_BF16, false, 4, 2},
        {MIX_EXCHANGE_FUSED, 1, 6, 3, MIX_F32, false, 6, 2},
        {MIX_EXCHANGE_FUSED, 2, 2, 8, MIX_BF16, false, 2, 1}, /* inside a domain */
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mix_plan_numeric n = {.etp = cases[i].etp, .wire = cases[i].wire};

        mix_plan_sums(&n, cases[i].exchange, cases[i].ep, cases[i].domain, cases[i].shuffled);
        ok(n.sums == cases[i].sums && n.sum_domains == cases[i].domains,
           "%s, etp %d, ep %d, domains of %d, %s%s: %d groups in %d domains",
           mix_exchange_kind_name(cases[i].exchange), cases[i].etp, cases[i].ep, cases[i].domain,
           mix_dtype_name((enum mix_dtype)cases[i].wire), cases[i].shuffled ? ", shuffled" : "",
           n.sums, n.sum_domains);
    }
}

static void most_chunks(void)
{
    struct mix_plan p = some_plan();

    p.max_num_seqs = p.max_batched_tokens = p.max_model_len = p.pages = 1;
    p.chunks = MIX_PLAN_CHUNKS;
    ok(!mix_plan_wrong(&p), "%d chunks are a plan", p.chunks);
    p.chunks++;
    ok(mix_plan_wrong(&p) && strstr(mix_plan_wrong(&p), "chunks"), "%d are none", p.chunks);
}

int main(void)
{
    places();
    every_mesh();
    same_numbers();
    different_numbers();
    sums();
    most_chunks();
    for (int kind = 0; kind < MIX_EXCHANGE_KINDS; kind++)
        ok(mix_exchange_kind_parse(mix_exchange_kind_name(kind)) == kind, "exchange %s",
           mix_exchange_kind_name(kind));
    ok(mix_exchange_kind_parse("auto") == -1, "auto is no exchange");
    return tap_done();
}
