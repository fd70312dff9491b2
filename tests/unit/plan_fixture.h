/* plan_fixture.h - a model small enough to count by hand, and ranks that are not there. */
#ifndef MIX_TESTS_PLAN_FIXTURE_H
#define MIX_TESTS_PLAN_FIXTURE_H

#include "plan/search.h"

#include <stdio.h>

/* Two layers, the second with three experts; every size is another number. */
static inline struct mix_arch small_arch(void)
{
    return (struct mix_arch){
        .family = MIX_QWEN3_MOE,
        .hidden = 8,
        .layers = 2,
        .vocab = 10,
        .heads = 4,
        .kv_heads = 2,
        .head_dim = 4,
        .inner = 12,
        .experts = 3,
        .top_k = 2,
        .moe_inner = 5,
        .moe = {false, true},
        .max_positions = 64,
        .dtype = MIX_BF16,
    };
}

/* hosts nodes n0, n1, ... of each ranks and memory bytes; rank has room for all. */
static inline struct mix_topo some_hosts(struct mix_topo_rank *rank, int hosts, int each,
                                         uint64_t memory)
{
    struct mix_topo t = {.ranks = hosts * each, .hosts = hosts, .rank = rank};

    for (int i = 0; i < t.ranks; i++) {
        rank[i] = (struct mix_topo_rank){.host_index = i / each,
                                         .local_rank = i % each,
                                         .local_ranks = each,
                                         .threads = 1,
                                         .host_cores = each,
                                         .memory = memory};
        snprintf(rank[i].host, sizeof rank[i].host, "n%d", i / each);
        snprintf(rank[i].isa, sizeof rank[i].isa, "avx2");
    }
    return t;
}

static inline struct mix_plan_input some_input(const struct mix_arch *arch,
                                               const struct mix_topo *topo)
{
    return (struct mix_plan_input){
        .arch = arch,
        .topo = topo,
        .device = "cpu",
        .f32 = {.describe = "f32 kernels", .invariant = true, .packed = 4},
        .bf16 = {.describe = "bf16 kernels", .invariant = false, .packed = 2},
        .page = 16,
    };
}

#endif
