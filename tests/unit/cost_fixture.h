/* cost_fixture.h - paper machines: infinitely fast but for what a test looks at. */
#ifndef MIX_TESTS_COST_FIXTURE_H
#define MIX_TESTS_COST_FIXTURE_H

#include "plan/cost.h"

#define FAST 1e30

static inline struct mix_machine paper(void)
{
    struct mix_machine m = {.device = "cpu"};

    for (int t = 0; t < MIX_MACHINE_TYPES; t++)
        for (int w = 0; w < MIX_WORKS; w++)
            m.rate[t][w] =
                (struct mix_rate){.bandwidth = FAST, .points = 1, .rows = {1}, .speed = {FAST}};
    for (int k = 0; k < MIX_LINK_KINDS; k++)
        m.link[k] =
            (struct mix_link){.ports = 1, .points = 2, .bytes = {0, 1e6}, .seconds = {0, 1e-9}};
    return m;
}

/* Every message takes its bytes in seconds, and a round one second more. */
static inline void slow(struct mix_link *l)
{
    *l = (struct mix_link){
        .latency = 1, .ports = 1, .points = 2, .bytes = {0, 1e6}, .seconds = {0, 1e6}};
}

static inline struct mix_cost_model cost_model(const struct mix_arch *arch,
                                               const struct mix_machine *m, struct mix_layout l,
                                               int domain)
{
    return (struct mix_cost_model){.arch = arch,
                                   .machine = m,
                                   .type = MIX_MACHINE_BF16,
                                   .layout = l,
                                   .domain = domain,
                                   .node = domain,
                                   .type_bytes = 2,
                                   .kv_bytes = 2,
                                   .dispatch_bytes = 2,
                                   .wire_bytes = 2,
                                   .partial_bytes = 4,
                                   .dense_bytes = 2,
                                   .expert_bytes = 2,
                                   .dense_rows = 1,
                                   .expert_rows = 1,
                                   .dense_speed = 1,
                                   .expert_speed = 1};
}

#endif
