/* cmd_run.c - mixserve run: the control path, from options to a running engine.
 *
 *   topo -> arch -> plan -> scatter -> model -> store -> engine/run -> merge -> report
 *
 * Rank 0 alone looks at the job and decides; everybody follows its plan. */
#include "config.h"

#include "cli/cli.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/choose.h"
#include "cli/decide.h"
#include "engine/report.h"
#include "engine/run.h"
#include "engine/stop.h"
#include "kernels/kernels.h"
#include "topo/topo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE_S = 30, PIECE_BYTES = 16 << 20, GRACE_S = 10 };

struct run {
    const struct mix_options *o;
    struct mix_comm *comm;
    struct mix_group *world;
    struct mix_dev *dev;
    struct mix_topo topo;
    struct mix_arch arch;
    struct mix_decision decision; /* the plan, and what is to be done */
    struct mix_job *job;          /* rank 0, else NULL */
    struct mix_progress *progress;
    struct mix_model *model;
    struct mix_store *store; /* leaders, else NULL */
    double start, load_s;
};

/* Everything here is collective or local; a rank that failed must not get here, see run(). */
static void close_all(struct run *r)
{
    mix_store_close(r->store);
    mix_model_close(r->model);
    mix_progress_close(r->progress);
    mix_job_close(r->job);
    mix_dev_close(r->dev);
    mix_group_close(r->world);
    mix_topo_fini(&r->topo);
    mix_comm_close(r->comm);
}

/* The model's numbers, or the code of what is wrong with them, from rank 0: one rank says it. */
static int read_arch(struct run *r)
{
    int rc = MIX_OK;
    struct {
        int64_t rc;
        struct mix_arch arch;
    } letter = {0};

    if (mix_comm_rank(r->comm) == 0)
        letter.rc = mix_arch_load(&letter.arch, r->o->model);
    TRY(mix_group_bcast(r->world, &letter, sizeof letter, 0));
    r->arch = letter.arch;
    if (r->o->num_layers && r->o->num_layers < r->arch.layers)
        r->arch.layers = (int)r->o->num_layers;
    rc = (int)letter.rc;
out:
    return rc;
}

static int open_world(struct run *r)
{
    int rc = MIX_OK;

    mix_stop_install();
    TRY(mix_comm_open(&r->comm, r->o->stall_timeout));
    mix_comm_hurry(r->comm, mix_stop_flag(), GRACE_S);
    TRY(mix_group_open_world(&r->world, r->comm));
    TRY(mix_topo_gather(&r->topo));
    if (mix_comm_rank(r->comm) == 0)
        mix_topo_log(&r->topo);
    TRY(read_arch(r));
out:
    return rc;
}

static int open_device(struct run *r)
{
    const struct mix_topo_rank *me = &r->topo.rank[mix_comm_rank(r->comm)];
    int threads = r->o->threads ? (int)r->o->threads : me->threads;

    return mix_dev_open(&r->dev, "cpu", 0, threads);
}

/* A test that kills jobs wants more pieces than one every 30 s. */
static double piece_seconds(void)
{
    const char *test = getenv("MIXSERVE_TEST_PIECE");

    return test ? atof(test) : PIECE_S;
}

static int load(struct run *r)
{
    int rc = MIX_OK, rank = mix_comm_rank(r->comm);
    double start = mix_now();
    const struct mix_plan *plan = &r->decision.plan;
    struct mix_model_config model = {.dir = r->o->model,
                                     .arch = &r->arch,
                                     .plan = plan,
                                     .comm = r->comm,
                                     .dev = r->dev,
                                     .dummy = strcmp(r->o->load_format, "dummy") == 0};
    struct mix_store_config store = {.input = r->o->input,
                                     .folder = r->decision.folder,
                                     .model = r->o->model,
                                     .rules = r->decision.rules,
                                     .attempt = r->decision.attempt,
                                     .leader = rank,
                                     .plan_id = mix_plan_numeric_id(plan),
                                     .piece_s = piece_seconds(),
                                     .piece_bytes = PIECE_BYTES};

    TRY(mix_model_open(&r->model, &model));
    if (mix_plan_place(plan, rank).tp_i == 0)
        TRY(mix_store_open(&r->store, &store));
    r->load_s = mix_now() - start;
    mix_info("model loaded in %.1f s", r->load_s);
out:
    return rc;
}

/* On stdout, by rank 0, when nothing can go wrong any more. */
static int print_report(struct run *r, struct mix_report *all)
{
    int rc = MIX_OK;
    size_t rss = mix_peak_rss();
    struct mix_str text = {0};

    if (!r->job)
        return MIX_OK;
    all->peak_rss = rss > all->peak_rss ? rss : all->peak_rss; /* merging comes after gathering */
    TRY((r->o->json ? mix_report_json : mix_report_text)(&text, all));
    fwrite(text.s, 1, text.len, stdout);
out:
    mix_str_fini(&text);
    return rc;
}

/* What the planner says of the steps that were taken, if it had a machine. */
static int predict(struct run *r, const struct mix_run_result *result, struct mix_report *all)
{
    const struct mix_plan *plan = &r->decision.plan;
    struct mix_cost_model m = mix_cost_of_plan(
        &r->arch, &r->decision.machine, plan, r->topo.rank[0].local_ranks,
        mix_kernels_packed(mix_kernels_of(r->dev), (enum mix_dtype)plan->numeric.dtype));

    return mix_report_predict(all, r->world, r->store ? &result->taken : NULL, plan->dp,
                              r->job && r->decision.weighed ? &m : NULL);
}

/* What everybody did, to rank 0. */
static int gather_report(struct run *r, const struct mix_run_result *result, int code,
                         struct mix_report *all)
{
    int rc = MIX_OK;
    struct mix_model_times t = mix_model_times(r->model);
    struct mix_exchange_traffic sent = mix_model_traffic(r->model);
    struct mix_exchange_times took = mix_model_exchange_times(r->model);
    struct mix_store_stats files =
        r->store ? mix_store_stats(r->store) : (struct mix_store_stats){0};
    double seconds[MIX_SECTIONS] = {
        [MIX_SECTION_LOAD] = r->load_s,
        [MIX_SECTION_ATTENTION] = t.attention,
        [MIX_SECTION_ROUTER] = t.router,
        [MIX_SECTION_EXPERTS] = t.experts,
        [MIX_SECTION_INSIDE] = t.exchange_inside,
        [MIX_SECTION_BETWEEN] = t.exchange_between,
        [MIX_SECTION_WAITING] = t.waiting,
        [MIX_SECTION_HEAD] = t.head,
        [MIX_SECTION_SAMPLING] = result->sampling_s,
        [MIX_SECTION_IDLE] = result->idle_s,
        [MIX_SECTION_WRITE] = files.write_s,
        [MIX_SECTION_TOTAL] = result->total_s + r->load_s,
    };

    *all = (struct mix_report){.restarts = result->restarts,
                               .wasted_tokens = result->wasted_tokens,
                               .seconds = result->total_s,
                               .end = code == MIX_ESTOPPED ? "stopped, the same command goes on"
                                      : code == MIX_EROWS  ? "done, too many bad rows"
                                                           : "done"};
    TRY(mix_report_gather(all, r->world, seconds));
    TRY(mix_report_exchange(all, r->world, &sent, &took));
    TRY(predict(r, result, all));
    if (r->progress) {
        struct mix_counts c = mix_progress_counts(r->progress);
        all->rows = c.rows;
        all->failed = c.failed;
        all->tokens_in = c.tokens_in;
        all->tokens_out = c.tokens_out;
        mix_progress_close(r->progress); /* before the table: it may have a line open */
        r->progress = NULL;
    }
out:
    return rc;
}

/* The last step; rank 0's alone. */
static int merge(struct run *r)
{
    if (r->job && !r->o->no_merge)
        return mix_job_merge(r->job);
    if (r->job)
        mix_info("every shard is sealed; `mixserve merge %s` makes the file", r->o->output);
    return MIX_OK;
}

/* No row is left to run.  The bad rows of earlier attempts count as ever; who asked for JSON gets
 * it. */
static int finish(struct run *r)
{
    int rc = MIX_OK;
    bool bad = r->o->max_errors >= 0 && r->decision.failed > r->o->max_errors;
    struct mix_report all = {.ranks = mix_comm_size(r->comm), .end = "nothing to do"};

    if (r->decision.state == MIX_JOB_MERGE) {
        all.end = bad ? "done, too many bad rows" : "done";
        TRY(merge(r));
    } else {
        mix_info("%s is done: nothing to do", r->o->output);
        bad = false;
    }
    if (r->o->json)
        TRY(print_report(r, &all));
    rc = bad ? MIX_EROWS : MIX_OK;
out:
    return rc;
}

static int work(struct run *r)
{
    int rc = MIX_OK, code;
    struct mix_run_result result = {0};
    struct mix_report all;
    struct mix_run_config config = {.comm = r->comm,
                                    .dev = r->dev,
                                    .arch = &r->arch,
                                    .plan = &r->decision.plan,
                                    .page = MIX_PAGE,
                                    .ignore_eos = r->o->ignore_eos,
                                    .stop_at = r->o->max_time > 0 ? r->start + r->o->max_time : 0,
                                    .stall_s = r->o->stall_timeout,
                                    .max_errors = r->o->max_errors};

    TRY(load(r));
    if (r->job)
        TRY(mix_progress_open(&r->progress, r->decision.rows, mix_job_rows_sealed(r->job),
                              r->o->quiet));
    config.model = r->model;
    config.job = r->job;
    config.progress = r->progress;
    config.store = r->store;
    code = mix_run(&config, &result);
    if (code != MIX_OK && code != MIX_EROWS && code != MIX_ESTOPPED)
        return code;
    TRY(gather_report(r, &result, code, &all));
    mix_store_close(r->store); /* HDF5 is the thread's until here */
    r->store = NULL;
    if (code != MIX_ESTOPPED)
        TRY(merge(r));
    TRY(print_report(r, &all));
    rc = code;
out:
    return rc;
}

static int run(const struct mix_options *o, const bool *given, int argc, char **argv)
{
    int rc = MIX_OK;
    struct run r = {.o = o, .start = mix_now()};
    struct mix_decide decide = {.o = o, .given = given, .argc = argc, .argv = argv};

    TRY(open_world(&r));
    TRY(open_device(&r));
    decide.comm = r.comm;
    decide.world = r.world;
    decide.dev = r.dev;
    decide.topo = &r.topo;
    decide.arch = &r.arch;
    TRY(mix_decide(&decide, &r.decision, &r.job));
    TRY(r.decision.state == MIX_JOB_RUN ? work(&r) : finish(&r));
out:
    /* Closing is collective: a rank that fails leaves that out and lets main end the job. */
    if (rc == MIX_OK || rc == MIX_EROWS || rc == MIX_ESTOPPED)
        close_all(&r);
    return rc;
}

const struct mix_command mix_cmd_run = {
    .name = "run",
    .id = MIX_CMD_RUN,
    .text = "prompts in, results out; under mpirun or srun, alone it is one rank",
    .more = "Killed and started again with the same command, on any number of ranks, it goes on.",
    .example = "mpirun -n 4 mixserve run --model inputs/models/tiny-qwen3-moe --input "
               "inputs/demo.h5 --output r.h5",
    .run = run,
};
