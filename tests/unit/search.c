/* search.c - which plan is chosen, on memories counted by hand (memory.c has the counts). */
#include "plan/search.h"

#include "base/err.h"
#include "base/log.h"
#include "plan/chunks.h"
#include "plan_fixture.h"
#include "tap.h"

#include <string.h>

enum { MOST_RANKS = 64, PLENTY = 1 << 30 };

static struct mix_arch arch;
static struct mix_topo_rank room[MOST_RANKS];

/* Needs of a rank with rows of 64 tokens (4 pages), 4 sequences and 8 tokens a step:
 * weights + row + max(row, a step's buffers). */
enum {
    NEED_TP1 = 7648 + 8192 + 8192,
    NEED_TP2 = 4640 + 4096 + 4896,
    NEED_TP4 = 3424 + 4096 + 4416,
    NEED_LEAST = 3424 + 4096 + 4096, /* tp 4, etp 2, ep 2: fewer rows meet on a rank */
};

static struct mix_plan_pins small_pins(void)
{
    return (struct mix_plan_pins){
        .max_num_seqs = 4, .max_batched_tokens = 8, .max_model_len = 64, .dtype = "float32"};
}

static int search(int hosts, int each, uint64_t memory, const struct mix_plan_pins *pins,
                  struct mix_plan *plan)
{
    struct mix_topo t = some_hosts(room, hosts, each, memory);
    struct mix_plan_input in = some_input(&arch, &t);

    in.pins = *pins;
    return mix_plan_search(&in, plan, NULL);
}

/* The smallest tp that fits, to the byte. */
static void memory_decides(void)
{
    static const struct {
        uint64_t memory;
        int code, tp, etp, ep, pages;
    } cases[] = {
        {PLENTY, MIX_OK, 1, 1, 1, 16}, /* 4 sequences of 4 pages: more would never be used */
        {4 * NEED_TP1, MIX_OK, 1, 1, 1, 4},
        {4 * NEED_TP1 - 1, MIX_OK, 2, 2, 1, 9}, /* half of 24031 - 4640 */
        {4 * NEED_TP2, MIX_OK, 2, 2, 1, 4},
        {4 * NEED_TP2 - 1, MIX_OK, 4, 4, 1, 4},
        {4 * NEED_TP4, MIX_OK, 4, 4, 1, 4},
        {4 * NEED_LEAST, MIX_OK, 4, 2, 2, 4},
        {4 * NEED_LEAST - 1, MIX_EFIT, 0, 0, 0, 0},
        {0, MIX_EFIT, 0, 0, 0, 0},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mix_plan_pins pins = small_pins();
        struct mix_plan p = {.world = -1};
        int rc;

        mix_log_level(MIX_LOG_SILENT);
        rc = search(1, 4, cases[i].memory, &pins, &p);
        mix_log_level(MIX_LOG_INFO);
        if (cases[i].code) {
            ok(rc == cases[i].code && p.world == -1, "%llu bytes are too few",
               (unsigned long long)cases[i].memory);
            continue;
        }
        ok(rc == MIX_OK && p.numeric.tp == cases[i].tp && p.numeric.etp == cases[i].etp &&
               p.dp == 4 / cases[i].tp && p.ep == cases[i].ep && p.world == 4,
           "%llu bytes take tp %d, etp %d, ep %d", (unsigned long long)cases[i].memory,
           p.numeric.tp, p.numeric.etp, p.ep);
        ok(p.pages == cases[i].pages && p.max_model_len == 64, "with %d pages", p.pages);
        ok(mix_plan_wrong(&p) == NULL, "which is a plan");
    }
}

static void what_is_missing(void)
{
    struct mix_plan_pins pins = small_pins();
    struct mix_plan p;

    mix_log_level(MIX_LOG_SILENT);
    ok(search(2, 4, 4 * NEED_LEAST - 1, &pins, &p) == MIX_EFIT &&
           strstr(mix_err_last(), "(1 bytes) too few") && strstr(mix_err_last(), "tp 4"),
       "a byte too few is said");
    ok(strstr(mix_err_last(), "numbers of ranks that would do: 2, 4 (1, 2 on each node)"),
       "and what would do: %s", mix_err_last());
    ok(search(1, 4, 100, &pins, &p) == MIX_EFIT && strstr(mix_err_last(), "no number of ranks"),
       "and when nothing would");
    mix_log_level(MIX_LOG_INFO);
}

static void pins(void)
{
    static const struct {
        const char *what;
        int hosts, each;
        struct mix_plan_pins pin;
        int code;
        const char *says;              /* part of the message */
        int tp, dp, etp, edp, domains; /* of the plan */
    } cases[] = {
        {"nothing pinned", 2, 4, {0}, MIX_OK, NULL, 1, 8, 1, 8, 2},
        {"tp", 2, 4, {.tp = 4}, MIX_OK, NULL, 4, 2, 4, 2, 2},
        {"dp", 2, 4, {.dp = 4}, MIX_OK, NULL, 2, 4, 2, 4, 2},
        {"tp with whole experts", 1, 4, {.tp = 2, .etp = 1}, MIX_OK, NULL, 2, 2, 1, 4, 1},
        {"tp with whole experts, by copies",
         1,
         4,
         {.tp = 4, .edp = 4},
         MIX_OK,
         NULL,
         4,
         1,
         1,
         4,
         1},
        {"etp alone", 1, 4, {.etp = 2}, MIX_OK, NULL, 2, 2, 2, 2, 1},
        {"a domain over two hosts", 2, 2, {.tp = 4, .domain_size = 4}, MIX_OK, NULL, 4, 1, 4, 1, 1},
        {"two domains in a host", 1, 4, {.domain_size = 2}, MIX_OK, NULL, 1, 4, 1, 4, 2},
        {"ep 1", 1, 4, {.ep = 1, .exchange = "tp"}, MIX_OK, NULL, 1, 4, 1, 4, 1},
        {"exchange auto", 1, 1, {.exchange = "auto", .dtype = "auto"}, MIX_OK, NULL, 1, 1, 1, 1, 1},
        {"tp 8 of 4 heads",
         1,
         8,
         {.tp = 8},
         MIX_EFIT,
         "4 heads and 2 kv heads; tp 1, 2, 4 would",
         0,
         0,
         0,
         0,
         0},
        {"tp 3", 1, 3, {.tp = 3}, MIX_EFIT, "4 heads and 2 kv heads; tp 1 would", 0, 0, 0, 0, 0},
        {"tp over hosts",
         2,
         2,
         {.tp = 4},
         MIX_EFIT,
         "divide the 2 ranks of a domain",
         0,
         0,
         0,
         0,
         0},
        {"dp 1 over hosts",
         2,
         2,
         {.dp = 1},
         MIX_EFIT,
         "tp 4 does not divide the 2 ranks",
         0,
         0,
         0,
         0,
         0},
        {"dp 3 of 4", 1, 4, {.dp = 3}, MIX_EUSAGE, "size 3 does not divide 4", 0, 0, 0, 0, 0},
        {"tp 2 x dp 4 of 4", 1, 4, {.tp = 2, .dp = 4}, MIX_EUSAGE, "tp 2 x dp 4", 0, 0, 0, 0, 0},
        {"etp 2 x edp 4 of 4",
         1,
         4,
         {.etp = 2, .edp = 4},
         MIX_EUSAGE,
         "experts' mesh (etp 2, ep 0, edp 4; 0: free) do not multiply to 4",
         0,
         0,
         0,
         0,
         0},
        {"edp 3 of 4", 1, 4, {.edp = 3}, MIX_EUSAGE, "size 3 does not divide 4", 0, 0, 0, 0, 0},
        {"etp 4 with tp 2", 1, 4, {.tp = 2, .etp = 4}, MIX_OK, NULL, 2, 2, 4, 1, 1},
        {"etp 3 of 4", 1, 4, {.etp = 3}, MIX_EUSAGE, "experts' mesh (etp 3", 0, 0, 0, 0, 0},
        {"etp over hosts",
         2,
         2,
         {.etp = 4},
         MIX_EUSAGE,
         "etp 4 does not divide the 2 ranks",
         0,
         0,
         0,
         0,
         0},
        {"ep 2", 1, 4, {.ep = 2}, MIX_OK, NULL, 1, 4, 1, 2, 1},
        {"ep 4 of 3 experts",
         1,
         4,
         {.ep = 4},
         MIX_EUSAGE,
         "ep 4 is more than 3 experts",
         0,
         0,
         0,
         0,
         0},
        {"ep 3 of 4 ranks", 1, 4, {.ep = 3}, MIX_EUSAGE, "size 3 does not divide 4", 0, 0, 0, 0, 0},
        {"etp 2 x ep 2 x edp 2 of 4",
         1,
         4,
         {.etp = 2, .ep = 2, .edp = 2},
         MIX_EUSAGE,
         "etp 2 x ep 2 x edp 2 is not",
         0,
         0,
         0,
         0,
         0},
        {"exchange ep alone", 1, 1, {.exchange = "ep"}, MIX_OK, NULL, 1, 1, 1, 1, 1},
        {"hybrid over hosts",
         2,
         2,
         {.etp = 2, .ep = 2, .exchange = "hybrid"},
         MIX_OK,
         NULL,
         1,
         4,
         2,
         1,
         2},
        {"hybrid over part of a host",
         3,
         4,
         {.etp = 2, .ep = 3, .exchange = "hybrid"},
         MIX_EUSAGE,
         "whole domains or lie inside one",
         0,
         0,
         0,
         0,
         0},
        {"fused over hosts",
         2,
         2,
         {.etp = 1, .ep = 2, .exchange = "fused"},
         MIX_OK,
         NULL,
         1,
         4,
         1,
         2,
         2},
        {"fused in a domain over two hosts",
         2,
         2,
         {.domain_size = 4, .exchange = "fused"},
         MIX_EUSAGE,
         "share a node's memory",
         0,
         0,
         0,
         0,
         0},
        {"hybrid in eight bits",
         2,
         2,
         {.exchange = "hybrid", .wire_dtype = "fp8"},
         MIX_EUSAGE,
         "hybrid does not send rows in eight bits",
         0,
         0,
         0,
         0,
         0},
        {"exchange pigeon",
         1,
         4,
         {.exchange = "pigeon"},
         MIX_EUSAGE,
         "--exchange pigeon: auto, tp",
         0,
         0,
         0,
         0,
         0},
        {"wire-dtype fp4",
         1,
         4,
         {.wire_dtype = "fp4"},
         MIX_EUSAGE,
         "--wire-dtype fp4",
         0,
         0,
         0,
         0,
         0},
        {"chunks and none",
         1,
         4,
         {.chunks = 3, .in_turn = true},
         MIX_EUSAGE,
         "--async off cuts no rows: --chunks 3",
         0,
         0,
         0,
         0,
         0},
        {"dtype float8", 1, 4, {.dtype = "float8"}, MIX_EUSAGE, "--dtype float8", 0, 0, 0, 0, 0},
        {"a domain of 3",
         1,
         4,
         {.domain_size = 3},
         MIX_EUSAGE,
         "3 does not divide 4",
         0,
         0,
         0,
         0,
         0},
        {"a row longer than the model's",
         1,
         1,
         {.max_model_len = 65},
         MIX_EUSAGE,
         "the model has 64 positions",
         0,
         0,
         0,
         0,
         0},
        {"fewer tokens than sequences",
         1,
         1,
         {.max_num_seqs = 9, .max_batched_tokens = 8},
         MIX_EUSAGE,
         "8 is less than --max-num-seqs 9",
         0,
         0,
         0,
         0,
         0},
        {"a pool below a row",
         1,
         1,
         {.kv_memory = 8191},
         MIX_EFIT,
         "holds no row of 64 tokens",
         0,
         0,
         0,
         0,
         0},
        {"a pool above the host",
         1,
         1,
         {.kv_memory = PLENTY},
         MIX_EFIT,
         "does not fit",
         0,
         0,
         0,
         0,
         0},
        {"a pool above all hosts",
         1,
         64,
         {.kv_memory = INT64_MAX / 2},
         MIX_EFIT,
         "does not fit",
         0,
         0,
         0,
         0,
         0},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mix_plan p = {0};
        int rc;

        mix_log_level(MIX_LOG_SILENT);
        rc = search(cases[i].hosts, cases[i].each, PLENTY, &cases[i].pin, &p);
        mix_log_level(MIX_LOG_INFO);
        if (cases[i].code)
            ok(rc == cases[i].code && strstr(mix_err_last(), cases[i].says), "%s: %s",
               cases[i].what, mix_err_last());
        else
            ok(rc == MIX_OK && p.numeric.tp == cases[i].tp && p.dp == cases[i].dp &&
                   p.numeric.etp == cases[i].etp && p.edp == cases[i].edp &&
                   p.domains == cases[i].domains && !mix_plan_wrong(&p),
               "%s: tp %d x dp %d, etp %d x edp %d", cases[i].what, p.numeric.tp, p.dp,
               p.numeric.etp, p.edp);
    }
}

static void limits(void)
{
    struct mix_plan_pins pins = {0};
    struct mix_plan p;

    ok(search(1, 1, PLENTY, &pins, &p) == MIX_OK && p.max_num_seqs == 256 &&
           p.max_batched_tokens == 2048 && p.max_model_len == 64 && p.pages == 256 * 4 &&
           p.threads == 0,
       "the defaults");
    pins = (struct mix_plan_pins){.max_num_seqs = 5000, .threads = 3};
    ok(search(1, 1, PLENTY, &pins, &p) == MIX_OK && p.max_num_seqs == 5000 &&
           p.max_batched_tokens == 5000 && p.threads == 3,
       "as many tokens as sequences");
    pins = (struct mix_plan_pins){.max_batched_tokens = 7};
    ok(search(1, 1, PLENTY, &pins, &p) == MIX_OK && p.max_num_seqs == 7,
       "no more sequences than tokens");
    pins = (struct mix_plan_pins){.kv_memory = 5 * 2048 + 2047, .dtype = "float32"};
    ok(search(1, 1, PLENTY, &pins, &p) == MIX_OK && p.pages == 5 && p.bytes_kv == 5 * 2048,
       "a pinned pool is whole pages");
    arch.max_positions = 100000;
    pins = (struct mix_plan_pins){.kv_memory = 70 * 2048, .dtype = "float32"};
    ok(search(1, 1, PLENTY, &pins, &p) == MIX_OK && p.max_model_len == 70 * 16,
       "the longest row is what the pool holds");
    pins.max_model_len = 70 * 16 + 1;
    mix_log_level(MIX_LOG_SILENT);
    ok(search(1, 1, PLENTY, &pins, &p) == MIX_EFIT &&
           strstr(mix_err_last(), "holds no row of 1121 tokens"),
       "a longer one that was asked for does not fit");
    mix_log_level(MIX_LOG_INFO);
    arch.max_positions = 64;
}

static void types(void)
{
    struct mix_topo t = some_hosts(room, 1, 1, PLENTY);
    struct mix_plan_input in = some_input(&arch, &t);
    struct mix_plan p;

    ok(mix_plan_search(&in, &p, NULL) == MIX_OK && p.numeric.dtype == MIX_F32 &&
           p.numeric.kv_dtype == MIX_F32 && p.numeric.invariant == 1 &&
           strcmp(p.numeric.kernels, "f32 kernels") == 0 && strcmp(p.numeric.device, "cpu") == 0,
       "float32 without bfloat16 hardware");
    in.has_bf16 = true;
    ok(mix_plan_search(&in, &p, NULL) == MIX_OK && p.numeric.dtype == MIX_BF16 &&
           p.numeric.kv_dtype == MIX_BF16 && p.numeric.invariant == 0 &&
           strcmp(p.numeric.kernels, "bf16 kernels") == 0,
       "bfloat16 with it");
    in.pins.dtype = "float32";
    ok(mix_plan_search(&in, &p, NULL) == MIX_OK && p.numeric.dtype == MIX_F32, "unless pinned");
}

/* Chunks and the type of rows, where memory decides. */
static void rows(void)
{
    struct mix_topo t = some_hosts(room, 2, 2, PLENTY);
    struct mix_plan_input in = some_input(&arch, &t);
    struct mix_plan p;

    in.pins = (struct mix_plan_pins){.etp = 2, .ep = 2, .exchange = "fused", .wire_dtype = "auto"};
    ok(mix_plan_search(&in, &p, NULL) == MIX_OK && p.exchange == MIX_EXCHANGE_FUSED &&
           p.chunks == MIX_CHUNKS && p.chunk_bytes == MIX_CHUNK_BYTES &&
           p.depth == MIX_PLAN_DEPTH && p.numeric.dispatch == MIX_F32 && !mix_plan_wrong(&p),
       "fused has the usual chunks");
    in.pins.chunks = 7;
    ok(mix_plan_search(&in, &p, NULL) == MIX_OK && p.chunks == 7 && p.chunk_bytes == 0 &&
           p.depth == MIX_PLAN_DEPTH,
       "or those asked for, of any size");
    in.pins.chunks = 0;
    in.pins.in_turn = true;
    ok(mix_plan_search(&in, &p, NULL) == MIX_OK && p.chunks == 0 && p.chunk_bytes == 0 &&
           p.depth == MIX_PLAN_DEPTH,
       "or none");
    in.pins = (struct mix_plan_pins){.wire_dtype = "fp8"};
    in.has_bf16 = true;
    ok(mix_plan_search(&in, &p, NULL) == MIX_OK && p.numeric.dispatch == MIX_F8E4M3 &&
           mix_exchange_chunked(p.exchange) && !mix_plan_wrong(&p),
       "rows in eight bits go by %s", mix_exchange_kind_name(p.exchange));
    in.pins.wire_dtype = NULL;
    ok(mix_plan_search(&in, &p, NULL) == MIX_OK && p.numeric.dispatch == MIX_BF16 &&
           p.exchange == MIX_EXCHANGE_TP && p.chunks == 0 && p.depth == 0,
       "tp has neither");
}

static void hosts(void)
{
    struct mix_topo t = some_hosts(room, 2, 4, PLENTY);
    struct mix_plan_input in = some_input(&arch, &t);
    struct mix_plan p;

    mix_log_level(MIX_LOG_SILENT);
    for (int i = 0; i < 8; i++)
        room[i].host_index = i % 2;
    ok(mix_plan_search(&in, &p, NULL) == MIX_EFIT &&
           strstr(mix_err_last(), "neighbours must share a node"),
       "ranks dealt out like cards");
    in.pins.domain_size = 1;
    ok(mix_plan_search(&in, &p, NULL) == MIX_OK && p.domains == 8, "unless each is a domain");
    in.pins.domain_size = 0;
    t = some_hosts(room, 2, 4, PLENTY);
    room[7].local_ranks = 3;
    ok(mix_plan_search(&in, &p, NULL) == MIX_EFIT && strstr(mix_err_last(), "n0 has 4 ranks"),
       "hosts of unequal numbers of ranks");
    t = some_hosts(room, 2, 4, PLENTY);
    room[4].memory = 4 * NEED_TP4; /* the second host is small */
    in.pins = small_pins();
    ok(mix_plan_search(&in, &p, NULL) == MIX_OK && p.numeric.tp == 4 && p.pages == 4,
       "the smallest host decides");
    room[4].memory = UINT64_MAX;
    ok(mix_plan_search(&in, &p, NULL) == MIX_OK && p.numeric.tp == 1, "no limit at all");
    t.ranks = 0;
    ok(mix_plan_search(&in, &p, NULL) == MIX_EBUG, "no ranks at all");
    mix_log_level(MIX_LOG_INFO);
}

static void reasons(void)
{
    struct mix_topo t = some_hosts(room, 1, 4, 4 * NEED_TP2);
    struct mix_plan_input in = some_input(&arch, &t);
    struct mix_str why = {0};
    struct mix_plan p;

    in.pins = small_pins();
    ok(mix_plan_search(&in, &p, &why) == MIX_OK &&
           strstr(why.s, "tp 2 x dp 2, etp 2 x ep 1 x edp 2, tp fits: 9.31 KiB a rank besides keys "
                         "and values\n") == why.s,
       "the best comes first");
    mix_str_clear(&why);
    in.pins.tp = in.pins.etp = in.pins.edp = 1;
    in.pins.ep = 4;
    arch.experts = 4;
    room[0].memory = 1000;
    mix_log_level(MIX_LOG_SILENT);
    ok(mix_plan_search(&in, &p, &why) == MIX_EFIT && strstr(why.s, " does not fit: ") &&
           strstr(why.s, " too much\n"),
       "and what does not fit says by how much");
    mix_log_level(MIX_LOG_INFO);
    arch.experts = 3;
    mix_str_fini(&why);
}

int main(void)
{
    arch = small_arch();
    memory_decides();
    what_is_missing();
    pins();
    limits();
    types();
    rows();
    hosts();
    reasons();
    return tap_done();
}
