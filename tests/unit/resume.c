/* resume.c - a job goes on, on other ranks, with the same bits. */
#include "plan/resume.h"

#include "base/err.h"
#include "base/log.h"
#include "plan_fixture.h"
#include "tap.h"

#include <string.h>

enum { MOST_RANKS = 64, PLENTY = 1 << 30 };

static struct mix_arch arch;
static struct mix_topo_rank room[MOST_RANKS];

static struct mix_plan begun(int tp, int etp)
{
    struct mix_topo t = some_hosts(room, 1, 4, PLENTY);
    struct mix_plan_input in = some_input(&arch, &t);
    struct mix_plan p = {0};

    in.pins = (struct mix_plan_pins){.tp = tp, .etp = etp, .dtype = "float32"};
    mix_plan_search(&in, &p, NULL);
    return p;
}

static void on_other_ranks(void)
{
    static const struct {
        int tp, etp, hosts, each, domain;
        const char *says; /* NULL: it goes on */
    } cases[] = {
        {2, 2, 1, 2, 0, NULL},
        {2, 2, 1, 4, 0, NULL},
        {2, 2, 3, 6, 0, NULL},
        {4, 1, 2, 4, 0, NULL},
        {1, 1, 1, 3, 0, NULL},
        {4, 4, 4, 1, 4, NULL}, /* a domain of four hosts */
        {2, 2, 1, 3, 0,
         "results depend on that: the 3 ranks of node n0 do not divide into groups of 2 and"},
        {4, 4, 2, 2, 0, "4, 8, 12, ... on each node do"},
        {4, 4, 1, 1, 0, "4, 8, 12, ... on each node do"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mix_plan was = begun(cases[i].tp, cases[i].etp), now = {.world = -1};
        struct mix_topo t = some_hosts(room, cases[i].hosts, cases[i].each, PLENTY);
        struct mix_plan_input in = some_input(&arch, &t);
        int rc;

        in.has_bf16 = true; /* what a new job would take does not matter */
        in.pins.domain_size = cases[i].domain;
        mix_log_level(MIX_LOG_SILENT);
        rc = mix_plan_resume(&in, &was, &now, NULL);
        mix_log_level(MIX_LOG_INFO);
        if (cases[i].says)
            ok(rc == MIX_EFIT && strstr(mix_err_last(), cases[i].says) && now.world == -1,
               "tp %d on %d x %d ranks: %s", cases[i].tp, cases[i].hosts, cases[i].each,
               mix_err_last());
        else
            ok(rc == MIX_OK && now.world == t.ranks && !mix_plan_wrong(&now) &&
                   mix_plan_numeric_id(&now) == mix_plan_numeric_id(&was) &&
                   now.max_model_len == was.max_model_len,
               "tp %d, etp %d go on on %d x %d ranks", cases[i].tp, cases[i].etp, cases[i].hosts,
               cases[i].each);
    }
}

static void changed(void)
{
    static const struct {
        struct mix_plan_pins pin;
        const char *device, *kernels, *says;
    } cases[] = {
        {{.tp = 1}, "cpu", "f32 kernels", "tp 1, was 2"},
        {{.etp = 1}, "cpu", "f32 kernels", "etp 1, was 2"},
        {{.dtype = "bfloat16"}, "cpu", "f32 kernels", "dtype BF16, was F32"},
        {{0}, "cuda", "f32 kernels", "device cuda, was cpu"},
        {{0}, "cpu", "avx2", "kernels avx2, was f32 kernels"},
        {{.tp = 2, .etp = 2, .dtype = "float32", .max_num_seqs = 9, .threads = 5, .dp = 2},
         "cpu",
         "f32 kernels",
         NULL},
        {{.dtype = "auto"}, "cpu", "f32 kernels", NULL},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mix_plan was = begun(2, 2), now = {0};
        struct mix_topo t = some_hosts(room, 1, 4, PLENTY);
        struct mix_plan_input in = some_input(&arch, &t);
        int rc;

        in.pins = cases[i].pin;
        in.device = cases[i].device;
        in.f32.describe = cases[i].kernels;
        mix_log_level(MIX_LOG_SILENT);
        rc = mix_plan_resume(&in, &was, &now, NULL);
        mix_log_level(MIX_LOG_INFO);
        if (cases[i].says)
            ok(rc == MIX_EINPUT && strstr(mix_err_last(), cases[i].says), "refused: %s",
               mix_err_last());
        else
            ok(rc == MIX_OK && mix_plan_numeric_id(&now) == mix_plan_numeric_id(&was),
               "the same pins, limits and placement are not, case %zu", i);
    }
}

/* So do rows in eight bits, and the groups that are summed; chunks and the exchange may change. */
static void rows_and_sums(void)
{
    struct mix_topo t = some_hosts(room, 2, 2, PLENTY);
    struct mix_plan_input in = some_input(&arch, &t);
    struct mix_plan was, now;

    in.pins = (struct mix_plan_pins){
        .tp = 2, .etp = 2, .ep = 2, .exchange = "fused", .dtype = "bfloat16", .wire_dtype = "fp8"};
    ok(mix_plan_search(&in, &was, NULL) == MIX_OK && was.numeric.sum_domains == 2 &&
           was.numeric.sums == 2 && was.numeric.wire == MIX_BF16,
       "begun with fused, in eight bits");
    in.pins = (struct mix_plan_pins){.chunks = 3};
    ok(mix_plan_resume(&in, &was, &now, NULL) == MIX_OK &&
           mix_plan_numeric_id(&now) == mix_plan_numeric_id(&was) && now.chunks == 3 &&
           now.exchange == MIX_EXCHANGE_FUSED,
       "goes on without being told");
    mix_log_level(MIX_LOG_SILENT);
    in.pins = (struct mix_plan_pins){.dtype = "float32"};
    ok(mix_plan_resume(&in, &was, &now, NULL) == MIX_EINPUT &&
           strstr(mix_err_last(), "dtype F32, was BF16"),
       "with another type it does not");
    was.numeric.sum_domains = 3;
    in.pins = (struct mix_plan_pins){0};
    ok(mix_plan_resume(&in, &was, &now, NULL) == MIX_EFIT &&
           strstr(mix_err_last(), "no layout sums experts as this job has begun"),
       "nor where no domains sum as it did");
    was = begun(2, 2);
    in.pins = (struct mix_plan_pins){.wire_dtype = "fp8"};
    ok(mix_plan_resume(&in, &was, &now, NULL) == MIX_EINPUT &&
           strstr(mix_err_last(), "rows to experts in F8_E4M3, was F32"),
       "%s", mix_err_last());
    mix_log_level(MIX_LOG_INFO);
}

/* The longest row stays, or the job stops: other rows would be refused. */
static void longest_row(void)
{
    struct mix_plan was = begun(1, 1), now;
    struct mix_topo t;
    struct mix_plan_input in;

    t = some_hosts(room, 1, 1, PLENTY);
    in = some_input(&arch, &t);
    was.max_model_len = 33;
    ok(mix_plan_resume(&in, &was, &now, NULL) == MIX_OK && now.max_model_len == 33 &&
           now.pages == 256 * 3,
       "a job of short rows goes on with short rows");
    in.pins.kv_memory = 2 * 2048;
    mix_log_level(MIX_LOG_SILENT);
    ok(mix_plan_resume(&in, &was, &now, NULL) == MIX_EFIT, "and not with a pool that holds none");
    mix_log_level(MIX_LOG_INFO);
}

int main(void)
{
    arch = small_arch();
    on_other_ranks();
    changed();
    rows_and_sums();
    longest_row();
    return tap_done();
}
