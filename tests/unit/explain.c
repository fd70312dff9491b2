/* explain.c - the lines about a plan. */
#include "plan/explain.h"

#include "base/err.h"
#include "plan_fixture.h"
#include "tap.h"

#include <string.h>

static bool has(const struct mix_str *s, const char *line)
{
    bool found = strstr(s->s, line) != NULL;

    if (!found)
        fprintf(stderr, "# not found: %s\n# in:\n%s", line, s->s);
    return found;
}

int main(void)
{
    struct mix_arch arch = small_arch();
    struct mix_topo_rank room[8];
    struct mix_topo t = some_hosts(room, 2, 4, 1 << 30);
    struct mix_plan_input in = some_input(&arch, &t);
    struct mix_str why = {0}, out = {0};
    struct mix_plan p = {0};
    int lines = 0;

    in.pins = (struct mix_plan_pins){.tp = 2, .max_num_seqs = 4, .max_batched_tokens = 8};
    ok(mix_plan_search(&in, &p, &why) == MIX_OK && mix_plan_explain(&in, &p, why.s, &out) == MIX_OK,
       "a plan is explained");
    for (size_t i = 0; i < out.len; i++)
        lines += out.s[i] == '\n';
    ok(lines >= 6 && lines <= 11, "in %d lines", lines);
    ok(has(&out, ": 8 ranks on 2 nodes, attention tp 2 x dp 4, experts etp 2 x ep 1 x edp 4, "
                 "exchange tp\n"),
       "the layout");
    ok(has(&out,
           "groups: world 1 of 8, domain 2 of 4, rail 4 of 2, tp 4 of 2, etp 4 of 2, ep 8 of 1, "
           "edp 2 of 4\n"),
       "its groups");
    ok(has(&out, "F32 operands, F32 keys and values, batch-invariant; f32 kernels\n"), "numbers");
    ok(has(&out, "tp 2 x dp 4, etp 2 x ep 1 x edp 4, tp fits: "), "what decided");
    ok(has(&out, "up to 4 sequences and 8 tokens of a replica\n"), "a step");
    ok(has(&out, "up to 64 tokens\n"), "a row");
    ok(has(&out, "weights 4.53 KiB, keys and values 16.00 KiB, activations 4.78 KiB\n"), "bytes");
    ok(has(&out,
           "experts 864 B, attention 1.50 KiB, dense 576 B, vocabulary 320 B, rest 1.31 KiB\n"),
       "weights by part");
    ok(has(&out, "16 pages of 16 tokens (1.00 KiB each)\n"), "pages");
    mix_str_clear(&out);
    in.has_bf16 = true;
    in.pins = (struct mix_plan_pins){.kv_memory = 3 * 2048};
    ok(mix_plan_search(&in, &p, NULL) == MIX_OK &&
           mix_plan_explain(&in, &p, NULL, &out) == MIX_OK &&
           has(&out, "NOT batch-invariant; bf16 kernels\n"),
       "what is not invariant is said");
    mix_str_clear(&out);
    in.pins = (struct mix_plan_pins){.ep = 2, .edp = 1, .exchange = "fused", .wire_dtype = "fp8"};
    ok(mix_plan_search(&in, &p, NULL) == MIX_OK &&
           mix_plan_explain(&in, &p, NULL, &out) == MIX_OK &&
           has(&out, "rows to experts: F8_E4M3\n") &&
           has(&out, "rows to another domain: in up to 4 chunks of at least 64.00 KiB\n"),
       "types and chunks of rows");
    mix_str_clear(&out);
    in.pins.in_turn = true;
    ok(mix_plan_search(&in, &p, NULL) == MIX_OK &&
           mix_plan_explain(&in, &p, NULL, &out) == MIX_OK &&
           has(&out, "rows to another domain: all at once, before any is computed\n"),
       "or that there are none");
    mix_str_clear(&out);
    in.pins = (struct mix_plan_pins){.kv_memory = 3 * 2048};
    arch.max_positions = 2000;
    in.pins.kv_memory = 70 * 1024;
    ok(mix_plan_search(&in, &p, NULL) == MIX_OK &&
           mix_plan_explain(&in, &p, NULL, &out) == MIX_OK &&
           has(&out, "up to 1120 tokens (the model has 2000; memory for keys and values allows no "
                     "more)\n"),
       "a row that memory cuts short is said");
    mix_str_fini(&out);
    mix_str_fini(&why);
    return tap_done();
}
