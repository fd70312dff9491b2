/* cmd_bench.c - mixserve bench: what is predicted against what is measured.
 *
 * bench plan runs layouts of a model, bench exchange steps of every exchange.  All ranks run; rank
 * 0 prints one table, or one JSON document. */
#include "cli/cli.h"

#include "base/err.h"
#include "base/median.h"
#include "base/mem.h"
#include "cli/bench_exchange.h"
#include "cli/bench_plan.h"
#include "model/gauge.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double step_s = 0.1; /* of a layout in a pass: 40 layouts take 3 jobs about a minute */

struct bench {
    const struct mix_options *o;
    struct mix_comm *comm;
    struct mix_group *world;
    struct mix_dev *dev;
    struct mix_topo topo;
    struct mix_arch arch;
    struct mix_machine machine;
    struct mix_bench_job *job;          /* [MIX_BENCH_JOBS] */
    struct mix_bench_settings settings; /* of bench exchange */
    struct mix_bench_size *size;        /* [settings.sizes] */
    int domain;
};

static int open_world(struct bench *b)
{
    int rc = MIX_OK;

    TRY(mix_comm_open(&b->comm, b->o->stall_timeout));
    TRY(mix_group_open_world(&b->world, b->comm));
    TRY(mix_topo_gather(&b->topo));
    TRY(mix_dev_open(&b->dev, "cpu", 0,
                     b->o->threads ? (int)b->o->threads
                                   : b->topo.rank[mix_comm_rank(b->comm)].threads));
    TRY(mix_calloc(&b->job, MIX_BENCH_JOBS, sizeof *b->job, "what is measured"));
out:
    return rc;
}

static int look_at_model(struct mix_arch *arch, const char *dir)
{
    int rc = MIX_OK;
    const char *cannot;

    TRY(mix_arch_load(arch, dir));
    if ((cannot = mix_arch_cannot_run(arch)))
        rc = MIX_FAIL(MIX_EINPUT, "%s: %s", dir, cannot);
out:
    return rc;
}

static int check_domain(const struct bench *b)
{
    int ranks = b->topo.ranks;

    if (b->o->domain_size && ranks % b->o->domain_size)
        return MIX_FAIL(MIX_EUSAGE, "--domain-size %d does not divide %d ranks",
                        (int)b->o->domain_size, ranks);
    if (ranks % b->domain)
        return MIX_FAIL(MIX_EFIT,
                        "%s has %d of the %d ranks, other hosts have not; --domain-size N says "
                        "what a domain is",
                        b->topo.rank[0].host, b->domain, ranks);
    return MIX_OK;
}

/* Rank 0 looks at the files; everybody gets what is in them, or the code of what is wrong. */
static int look(struct bench *b, bool exchange)
{
    int rc = MIX_OK;
    struct {
        int64_t rc;
        struct mix_arch arch;
        struct mix_machine machine;
        struct mix_bench_settings settings;
    } letter = {0};

    b->domain = b->o->domain_size ? (int)b->o->domain_size : b->topo.rank[0].local_ranks;
    if (mix_comm_rank(b->comm) == 0) {
        letter.rc = exchange ? mix_bench_settings(&letter.settings, b->o)
                             : look_at_model(&letter.arch, b->o->model);
        if (letter.rc == MIX_OK && b->o->machine)
            letter.rc = mix_machine_load(&letter.machine, b->o->machine);
        if (letter.rc == MIX_OK)
            letter.rc = check_domain(b);
    }
    TRY(mix_group_bcast(b->world, &letter, sizeof letter, 0));
    b->arch = letter.arch;
    b->machine = letter.machine;
    b->settings = letter.settings;
    if (b->o->num_layers && b->o->num_layers < b->arch.layers)
        b->arch.layers = (int)b->o->num_layers;
    rc = (int)letter.rc;
out:
    return rc;
}

/* arch: of the model; NULL for bench exchange, which has the width that gauge takes without one. */
static int find_machine(struct bench *b, const struct mix_arch *arch)
{
    int rc;
    struct mix_gauge g;
    struct mix_gauge_config c = {
        .comm = b->comm,
        .world = b->world,
        .dev = b->dev,
        .topo = &b->topo,
        .arch = arch,
        .domain_size = b->domain,
    };

    if (b->o->machine)
        return MIX_OK;
    TRY(mix_gauge_machine(&g, &c));
    b->machine = g.machine;
out:
    return rc;
}

/* ---- what it says */

struct summary {
    double median_error, p90_error; /* of steps: |predicted / measured - 1| */
    int best;                       /* of run, by the measured job */
    double regret;                  /* of the first: its job over the best, less 1 */
    double spread;                  /* of the best over its passes */
    double told[MIX_COST_PARTS], spent[MIX_COST_PARTS]; /* means over layouts */
};

static double job_seconds(const struct mix_bench_layout *l)
{
    return l->steps * l->measured;
}

static double spread(const struct mix_bench_layout *l)
{
    double low = l->pass[0], high = l->pass[0];

    for (int i = 1; i < MIX_BENCH_PASSES; i++) {
        low = fmin(low, l->pass[i]);
        high = fmax(high, l->pass[i]);
    }
    return high / low - 1;
}

static struct summary summarise(const struct mix_bench_job *j)
{
    struct summary s = {0};
    double error[MIX_BENCH_LAYOUTS];

    for (int i = 0; i < j->count; i++) {
        const struct mix_bench_layout *l = &j->run[i];

        error[i] = fabs(l->predicted / l->measured - 1);
        if (job_seconds(l) < job_seconds(&j->run[s.best]))
            s.best = i;
        for (int p = 0; p < MIX_COST_PARTS; p++) {
            s.told[p] += l->told[p] / j->count;
            s.spent[p] += l->spent[p] / j->count;
        }
    }
    s.median_error = mix_median(error, j->count);
    s.p90_error = error[j->count * 9 / 10];
    s.regret = job_seconds(&j->run[0]) / job_seconds(&j->run[s.best]) - 1;
    s.spread = spread(&j->run[s.best]);
    return s;
}

/* Is the plan that would be chosen as good as the best, as far as that can be seen? */
static bool good(const struct summary *s)
{
    return s->regret <= fmax(0.07, 2 * s->spread);
}

static void print_job(const struct mix_bench_job *j)
{
    struct summary s = summarise(j);

    printf("\njob %s: %d of %d layouts that fit\n"
           "   #  %-44s  tokens  predicted   measured  ratio  spread       job\n",
           j->name, j->count, j->fit, "layout");
    for (int i = 0; i < j->count; i++) {
        const struct mix_bench_layout *l = &j->run[i];
        char name[96];

        mix_layout_name(&l->layout, name);
        printf("%4d  %-44s  %6.1f  %6.2f ms  %6.2f ms  %5.2f  %4.0f %%  %6.0f s%s\n", l->rank + 1,
               name, l->tokens, l->predicted * 1e3, l->measured * 1e3, l->predicted / l->measured,
               spread(l) * 100, job_seconds(l), i == s.best ? "  best" : "");
    }
    printf("error of a step: median %.1f %%, 9 of 10 within %.1f %%; the first is %.1f %% off the "
           "best (spread %.1f %%): %s\n",
           s.median_error * 100, s.p90_error * 100, s.regret * 100, s.spread * 100,
           good(&s) ? "good" : "bad");
    printf("%-12s", "mean, ms");
    for (int p = 0; p < MIX_COST_PARTS; p++)
        printf("  %17s", mix_cost_part_name((enum mix_cost_part)p));
    printf("\n%-12s", "predicted");
    for (int p = 0; p < MIX_COST_PARTS; p++)
        printf("  %17.3f", s.told[p] * 1e3);
    printf("\n%-12s", "measured");
    for (int p = 0; p < MIX_COST_PARTS; p++)
        printf("  %17.3f", s.spent[p] * 1e3);
    printf("\n");
}

static json_t *parts_json(const double *part)
{
    json_t *o = json_object();

    for (int p = 0; p < MIX_COST_PARTS; p++)
        json_object_set_new(o, mix_cost_part_name((enum mix_cost_part)p), json_real(part[p]));
    return o;
}

static json_t *layout_json(const struct mix_bench_layout *l)
{
    return json_pack(
        "{s:i, s:i, s:i, s:i, s:i, s:i, s:s, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:o, s:o}", "rank",
        l->rank + 1, "tp", (int)l->layout.tp, "dp", (int)l->layout.dp, "etp", (int)l->layout.etp,
        "ep", (int)l->layout.ep, "edp", (int)l->layout.edp, "exchange",
        mix_exchange_kind_name(l->layout.exchange), "tokens", l->tokens, "decode", l->decode,
        "context", l->context, "steps", l->steps, "predicted_seconds", l->predicted,
        "measured_seconds", l->measured, "spread", spread(l), "predicted", parts_json(l->told),
        "measured", parts_json(l->spent));
}

static json_t *job_json(const struct mix_bench_job *j)
{
    struct summary s = summarise(j);
    json_t *list = json_array();

    for (int i = 0; i < j->count; i++)
        json_array_append_new(list, layout_json(&j->run[i]));
    return json_pack("{s:s, s:i, s:f, s:f, s:f, s:f, s:b, s:i, s:o}", "job", j->name, "fit", j->fit,
                     "median_error", s.median_error, "p90_error", s.p90_error, "regret", s.regret,
                     "spread", s.spread, "good", (int)good(&s), "best", j->run[s.best].rank + 1,
                     "layouts", list);
}

static int print_json(const struct bench *b)
{
    json_t *list = json_array(), *all;

    for (int i = 0; i < MIX_BENCH_JOBS; i++)
        json_array_append_new(list, job_json(&b->job[i]));
    all = json_pack("{s:i, s:i, s:s, s:s, s:o}", "ranks", b->topo.ranks, "domain_size", b->domain,
                    "model", b->o->model, "machine", b->machine.name, "jobs", list);
    return mix_cli_print_json(all, "what was measured");
}

static int tell(const struct bench *b)
{
    if (b->o->json)
        return print_json(b);
    printf("%s, %d layers, on %d ranks in domains of %d; machine %s\n", b->o->model, b->arch.layers,
           b->topo.ranks, b->domain, b->machine.name);
    for (int i = 0; i < MIX_BENCH_JOBS; i++)
        print_job(&b->job[i]);
    return MIX_OK;
}

/* ---- the two of them */

static int run_plan(struct bench *b, int *code)
{
    int rc = MIX_OK;
    struct mix_trial_config config = {.comm = b->comm,
                                      .world = b->world,
                                      .dev = b->dev,
                                      .topo = &b->topo,
                                      .arch = &b->arch,
                                      .machine = &b->machine,
                                      .dtype = b->o->dtype,
                                      .domain_size = b->domain};

    for (int i = 0; i < MIX_BENCH_JOBS; i++) {
        /* anew for each job, as a run does: machines change their mind */
        TRY(find_machine(b, &b->arch));
        TRY(mix_bench_job(&b->job[i], &config, step_s, i));
    }
    if (mix_comm_rank(b->comm) == 0)
        *code = tell(b);
out:
    return rc;
}

static int run_exchange(struct bench *b, int *code)
{
    int rc = MIX_OK;
    const struct mix_bench_settings *s = &b->settings;
    struct mix_bench_here here = {.comm = b->comm,
                                  .world = b->world,
                                  .dev = b->dev,
                                  .machine = &b->machine,
                                  .node = b->topo.rank[0].local_ranks,
                                  .domain_size = b->domain};

    mix_comm_domain_set(b->comm, b->domain);
    TRY(find_machine(b, NULL));
    TRY(mix_calloc(&b->size, (size_t)s->sizes, sizeof *b->size, "what is measured"));
    for (int i = 0; i < s->sizes; i++)
        TRY(mix_bench_exchange(&b->size[i], &here, s, s->size[i]));
    if (mix_comm_rank(b->comm) != 0)
        goto out;
    if (b->o->json)
        *code = mix_bench_exchange_json(&here, s, b->size);
    else
        mix_bench_exchange_print(&here, s, b->size);
out:
    return rc;
}

/* Is an option of the one without meaning for the other? */
static bool is_of(const struct mix_option *o, bool exchange)
{
    static const char *const of_plan[] = {"model", "num-layers", "dtype"};

    if (exchange)
        return strcmp(o->group, "Bench exchange") == 0;
    for (size_t i = 0; i < sizeof of_plan / sizeof *of_plan; i++)
        if (strcmp(o->name, of_plan[i]) == 0)
            return true;
    return false;
}

static int check_given(const bool *given, bool exchange)
{
    for (int i = 0; i < mix_options_count; i++)
        if (given[i] && is_of(&mix_options_table[i], !exchange))
            return MIX_FAIL(MIX_EUSAGE, "--%s is an option of bench %s", mix_options_table[i].name,
                            exchange ? "plan" : "exchange");
    return MIX_OK;
}

static int run(const struct mix_options *o, const bool *given, int argc, char **argv)
{
    int rc = MIX_OK, code = MIX_OK;
    bool exchange = strcmp(o->word[0], "exchange") == 0;
    struct bench b = {.o = o};

    (void)argc, (void)argv;
    if (!exchange && strcmp(o->word[0], "plan") != 0)
        return MIX_FAIL(MIX_EUSAGE, "bench %s: it is one of plan, exchange", o->word[0]);
    if (!exchange && !o->model)
        return MIX_FAIL(MIX_EUSAGE, "--model DIR is missing; see mixserve bench --help");
    TRY(check_given(given, exchange));
    TRY(open_world(&b));
    TRY(look(&b, exchange));
    TRY(exchange ? run_exchange(&b, &code) : run_plan(&b, &code));
    TRY(mix_group_bcast(b.world, &code, sizeof code, 0)); /* nobody leaves before it is known */
    TRY(code);
    mix_dev_close(b.dev);
    mix_group_close(b.world);
    mix_topo_fini(&b.topo);
    mix_comm_close(b.comm);
out:
    free(b.job);
    free(b.size);
    return rc;
}

const struct mix_command mix_cmd_bench = {
    .name = "bench",
    .id = MIX_CMD_BENCH,
    .words = "WHAT",
    .text = "what was predicted against what is measured, here",
    .more =
        "bench plan: layouts of the ranks at hand for a job of long prompts, one of long answers\n"
        "and an even one: up to 40, each with the planner's step and the measured one; at the\n"
        "end how far the plan that would be chosen is off the best.  Weights are made up.\n"
        "bench exchange: steps of every exchange, with experts and without, at several sizes: "
        "time,\n"
        "what is hidden, and what each rank sends, beside what is expected.",
    .example = "mpirun -n 4 mixserve bench plan --model inputs/models/tiny-qwen3-moe\n"
               "  mpirun -n 4 mixserve bench exchange --domain-size 2",
    .run = run,
};
