/* cmd_plan.c - mixserve plan: how a job would run on machines that are not here.
 *
 * config.json is all that it needs of the model; no MPI, no device, no weights. */
#include "cli/cli.h"

#include "arch/arch.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "cli/choose.h"
#include "cli/sbatch.h"
#include "engine/histogram.h"
#include "io/file.h"
#include "kernels/kernels.h"
#include "plan/explain.h"
#include "plan/search.h"

#include <stdio.h>
#include <string.h>

enum { SHOWN = 10, ROWS = 100000, PROMPT = 512, ANSWER = 256 };

struct planning {
    const struct mix_options *o;
    struct mix_arch arch;
    struct mix_machine machine;
    struct mix_topo topo;
    struct mix_lengths lengths;
    struct mix_plan_input in;
    struct mix_plan_ranking ranking;
    double start;
};

static int find_machine(struct planning *p)
{
    const struct mix_options *o = p->o;

    if (o->gpu && o->machine)
        return MIX_FAIL(MIX_EUSAGE, "--gpu and --machine both say what the machine is: give one");
    if (!o->gpu && !o->machine)
        return MIX_FAIL(MIX_EUSAGE,
                        "one of --gpu NAME (%s) and --machine FILE (of mixserve probe "
                        "--save) is needed",
                        mix_machine_presets());
    if (o->machine)
        return mix_machine_load(&p->machine, o->machine);
    if (!mix_machine_preset(&p->machine, o->gpu))
        return MIX_FAIL(MIX_EUSAGE, "--gpu %s: it is one of %s", o->gpu, mix_machine_presets());
    return MIX_OK;
}

/* Of rows that may be so long. */
static struct mix_lengths assumed(int64_t answer, int64_t most)
{
    int64_t prompt = PROMPT;

    if (prompt + answer > most) {
        answer = most * answer / (prompt + answer);
        prompt = most - answer;
    }
    return mix_lengths_of(ROWS, prompt, answer);
}

static int find_lengths(struct planning *p)
{
    const struct mix_options *o = p->o;
    int64_t most = o->max_model_len ? o->max_model_len : p->arch.max_positions;
    int rc = MIX_OK;

    if (!o->input) {
        p->lengths = assumed(o->max_tokens >= 0 ? o->max_tokens : ANSWER, most);
        return MIX_OK;
    }
    TRY(mix_histogram_read(&p->lengths, o->input, o->model, o->max_tokens, most));
    if (!p->lengths.sampled)
        rc = MIX_FAIL(MIX_EINPUT, "%s: %s", o->input,
                      p->lengths.refused ? "no row of it can be run; mixserve check says why"
                                         : "it has no rows: nothing to plan");
out:
    return rc;
}

/* Fastest products of a type: what the machine has bf16 units for. */
static double fastest(const struct mix_machine *m, enum mix_machine_type type)
{
    const struct mix_rate *r = &m->rate[type][MIX_WORK_DENSE];

    return r->points > 0 ? r->speed[r->points - 1] : 0;
}

/* On CPUs weights are packed as this program's kernels do here. */
static struct mix_plan_kernels kernels(const struct planning *p, enum mix_dtype type)
{
    const struct mix_kernels *k = &mix_kernels_cpu;
    struct mix_plan_kernels seen = {.describe = "planned", .invariant = true};

    if (strcmp(p->machine.device, k->name) == 0) {
        seen.product_bytes = k->product_bytes;
        seen.packed = mix_kernels_packed(k, type);
    } else {
        seen.packed = (int)mix_dtype_size(type);
    }
    return seen;
}

static void describe(struct planning *p)
{
    const struct mix_options *o = p->o;

    p->in = (struct mix_plan_input){
        .arch = &p->arch,
        .topo = &p->topo,
        .pins = mix_choose_pins(o),
        .device = p->machine.device,
        .f32 = kernels(p, MIX_F32),
        .bf16 = kernels(p, MIX_BF16),
        .has_bf16 =
            fastest(&p->machine, MIX_MACHINE_BF16) > 1.2 * fastest(&p->machine, MIX_MACHINE_F32),
        .page = MIX_PAGE,
        .machine = &p->machine,
        .lengths = &p->lengths,
        .objective = mix_objective_parse(o->objective),
    };
}

static int print(struct planning *p)
{
    int rc;
    struct mix_str text = {0};
    struct mix_plan plan;
    bool script_only = p->o->sbatch && strcmp(p->o->sbatch, "-") == 0;
    struct mix_plan_case what = {.model = p->o->model,
                                 .machine = p->machine.name,
                                 .assumed = !p->o->input,
                                 .lengths = &p->lengths,
                                 .start = p->start};
    struct mix_sbatch script = {.o = p->o,
                                .plan = &plan,
                                .nodes = (int)p->o->nodes,
                                .each = (int)p->o->ranks_per_node,
                                .gpus = !p->machine.shared,
                                .seconds = p->ranking.c[0].seconds};

    mix_plan_take(&p->in, &p->ranking, 0, &plan);
    if (p->o->sbatch) {
        TRY(mix_sbatch(&script, &text));
        if (!script_only) {
            TRY(mix_file_write(p->o->sbatch, text.s, text.len));
            mix_str_clear(&text);
        }
    }
    if (!script_only)
        TRY(p->o->json ? mix_plan_ranking_json(&p->in, &p->ranking, &what, p->ranking.fit, &text)
                       : mix_plan_explain_ranking(&p->in, &p->ranking, &what, SHOWN, &text));
    fwrite(text.s, 1, text.len, stdout);
out:
    mix_str_fini(&text);
    return rc;
}

static int run(const struct mix_options *o, const bool *given, int argc, char **argv)
{
    int rc;
    struct planning p = {.o = o, .start = mix_now()};
    const char *cannot;

    (void)given, (void)argc, (void)argv;
    TRY(find_machine(&p));
    TRY(mix_arch_load(&p.arch, o->model));
    if ((cannot = mix_arch_cannot_run(&p.arch)))
        mix_log(MIX_LOG_WARN, "planned only: this build cannot run %s: %s", o->model, cannot);
    TRY(find_lengths(&p));
    TRY(mix_plan_topo(&p.topo, (int)o->nodes, (int)o->ranks_per_node,
                      p.machine.memory * (p.machine.shared ? 1 : (double)o->ranks_per_node)));
    describe(&p);
    TRY(mix_plan_rank(&p.in, &p.ranking));
    TRY(p.ranking.fit ? print(&p) : mix_plan_refuse(&p.in, &p.ranking));
out:
    mix_plan_ranking_fini(&p.ranking);
    mix_plan_topo_fini(&p.topo);
    return rc;
}

const struct mix_command mix_cmd_plan = {
    .name = "plan",
    .id = MIX_CMD_PLAN,
    .text = "how a job would run on machines that are not here, and how long",
    .more =
        "Weighs every layout of the ranks; needs config.json alone, no MPI and no GPU, so that\n"
        "a login node will do.  docs/planner.md has the model and how far it is off.",
    .example =
        "mixserve plan --model inputs/configs/Qwen3-30B-A3B --nodes 4 --ranks-per-node 8 \\\n"
        "    --gpu h200 --sbatch job.sh",
    .run = run,
};
