/* decide.c - see decide.h.  Rank 0 decides; the last function hands it on. */
#include "config.h"

#include "cli/decide.h"

#include "arch/tensors.h"
#include "base/busy.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "io/safetensors.h"
#include "kernels/kernels.h"
#include "model/identity.h"
#include "plan/explain.h"
#include "plan/resume.h"
#include "plan/scatter.h"
#include "plan/search.h"
#include "text/tokenizer.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* Rows and identity of the input. */
static int look_at_input(const struct mix_decide *k, struct mix_job_identity *id)
{
    int rc = MIX_OK;
    struct mix_input *input = NULL;

    TRY(mix_input_open(&input, k->o->input));
    id->rows = mix_input_rows(input);
    TRY(mix_input_hash(input, &id->input_hash));
out:
    mix_input_close(input);
    return rc;
}

/* What would go wrong with the model after the job has begun. Here one rank says it once, and there
 * is no folder yet, to which the model put right would be another one. */
static int look_at_model(const struct mix_decide *k)
{
    int rc = MIX_OK, count = mix_tensors_count(k->arch);
    const char *dir = k->o->model;
    struct mix_safetensors *files = NULL;
    struct mix_tokenizer *tokenizer = NULL;

    TRY(mix_safetensors_open(&files, dir));
    for (int i = 0; i < count; i++) {
        struct mix_tensor_spec want;
        const struct mix_tensor *have;
        char why[MIX_TENSOR_WHY];

        mix_tensors_at(k->arch, i, &want);
        have = mix_safetensors_find(files, want.name);
        if (mix_tensors_fits(&want, have ? have->dtype_name : NULL, have ? have->rank : 0,
                             have ? have->shape : NULL, why))
            continue;
        rc = MIX_FAIL(MIX_EINPUT, "%s: tensor %s: %s",
                      have ? mix_safetensors_path(files, have->file) : dir, want.name, why);
        goto out;
    }
    TRY(mix_tokenizer_open(&tokenizer, dir));
    if (mix_tokenizer_vocab(tokenizer) > k->arch->vocab)
        rc = MIX_FAIL(MIX_EINPUT, "%s/tokenizer.json has ids up to %d, the model only %d rows", dir,
                      mix_tokenizer_vocab(tokenizer) - 1, k->arch->vocab);
out:
    mix_tokenizer_close(tokenizer);
    mix_safetensors_close(files);
    return rc;
}

/* What is needed to run it again, as JSON: stored under /run. */
static int run_info(const struct mix_decide *k, struct mix_str *text)
{
    int rc = MIX_OK;
    json_t *words = json_array();
    char *line = NULL;

    for (int i = 0; i < k->argc; i++)
        json_array_append_new(words, json_string(k->argv[i]));
    line = json_dumps(words, 0);
    if (!line) {
        rc = MIX_FAIL(MIX_EUSAGE, "the command line is not UTF-8");
        goto out;
    }
    TRY(mix_str_addf(text, "{\"program\": \"mixserve %s\", \"command\": %s}", PACKAGE_VERSION,
                     line));
out:
    free(line);
    json_decref(words);
    return rc;
}

/* Largest product of the model, for the self-test of invariance. */
static int look_at_kernels(const struct mix_decide *k, enum mix_dtype type, char *describe,
                           size_t room, struct mix_plan_kernels *seen)
{
    int rc = MIX_OK;
    const struct mix_kernels *kernels = mix_kernels_of(k->dev);

    TRY(kernels->describe(type, describe, room));
    TRY(kernels->product_selftest(k->dev, type, 256, k->arch->hidden, &seen->invariant));
    seen->describe = describe;
    seen->packed = (int)(kernels->product_bytes(type, 4096, 4096) / (4096 * 4096));
out:
    return rc;
}

/* The plan as lines of the log. */
static int tell_plan(const struct mix_plan_input *in, const struct mix_plan *plan, const char *why)
{
    int rc = MIX_OK;
    struct mix_str text = {0};

    TRY(mix_plan_explain(in, plan, why, &text));
    for (char *line = text.s, *end; line && *line; line = end) {
        end = line + strcspn(line, "\n");
        end += *end ? (*end = '\0', 1) : 0;
        mix_info("%s", line);
    }
out:
    mix_str_fini(&text);
    return rc;
}

static int make_plan(const struct mix_decide *k, const struct mix_job *job, struct mix_plan *plan)
{
    int rc = MIX_OK;
    char f32[200], bf16[200];
    struct mix_plan stored;
    struct mix_str why = {0};
    struct mix_plan_input in = {
        .arch = k->arch,
        .topo = k->topo,
        .pins = {.tp = (int32_t)k->o->tp,
                 .dp = (int32_t)k->o->dp,
                 .etp = (int32_t)k->o->etp,
                 .edp = (int32_t)k->o->edp,
                 .dtype = k->o->dtype,
                 .max_num_seqs = (int32_t)k->o->max_num_seqs,
                 .max_batched_tokens = (int32_t)k->o->max_num_batched_tokens,
                 .max_model_len = (int32_t)k->o->max_model_len,
                 .threads = (int32_t)k->o->threads,
                 .kv_memory = k->o->kv_memory},
        .device = mix_dev_name(k->dev),
        .has_bf16 = mix_kernels_of(k->dev)->has_bf16(),
        .page = MIX_PAGE};

    TRY(look_at_kernels(k, MIX_F32, f32, sizeof f32, &in.f32));
    TRY(look_at_kernels(k, MIX_BF16, bf16, sizeof bf16, &in.bf16));
    if (mix_job_stored_plan(job, &stored))
        TRY(mix_plan_resume(&in, &stored, plan, &why));
    else
        TRY(mix_plan_search(&in, plan, &why));
    TRY(tell_plan(&in, plan, mix_log_on(MIX_LOG_DEBUG) ? why.s : NULL));
    if (!plan->numeric.invariant)
        mix_log(MIX_LOG_WARN, "not batch-invariant: on this CPU a row's numbers depend on the rows "
                              "beside it; stored with the results");
out:
    mix_str_fini(&why);
    return rc;
}

/* Rank 0 alone. */
static int decide(const struct mix_decide *k, struct mix_decision *d, struct mix_job **job)
{
    int rc = MIX_OK;
    struct mix_str parameters = {0}, info = {0}, options = {0};
    struct mix_job_identity id = {
        .output = k->o->output, .input = k->o->input, .model = k->o->model};
    const char *cannot = mix_arch_cannot_run(k->arch);

    if (cannot) {
        rc = MIX_FAIL(MIX_EINPUT, "%s: %s", k->o->model, cannot);
        goto out;
    }
    TRY(mix_options_list(&options, k->o, k->given, MIX_CMD_RUN));
    mix_log(MIX_LOG_DEBUG, "%s", options.s);
    TRY(look_at_input(k, &id));
    TRY(mix_model_identity(k->o->model, &id.model_hash));
    TRY(mix_options_numeric_json(&parameters, k->o));
    TRY(run_info(k, &info));
    id.parameters = parameters.s;
    id.run_info = info.s;
    TRY(mix_job_open(job, &id, &d->state));
    d->rows = id.rows;
    d->failed = mix_job_rows_failed(*job);
    if (d->state != MIX_JOB_RUN)
        goto out;
    TRY(look_at_model(k));
    TRY(make_plan(k, *job, &d->plan));
    TRY(mix_job_begin(*job, &d->plan));
    d->attempt = mix_job_attempt(*job);
    MIX_CHECK(strlen(mix_job_folder(*job)) < sizeof d->folder, "%s is too long a path",
              mix_job_folder(*job));
    strcpy(d->folder, mix_job_folder(*job));
    d->rules = (struct mix_row_rules){.defaults = {.temperature = k->o->temperature,
                                                   .top_p = k->o->top_p,
                                                   .top_k = k->o->top_k,
                                                   .seed = k->o->seed,
                                                   .max_tokens = k->o->max_tokens},
                                      .vocab = k->arch->vocab,
                                      .max_model_len = d->plan.max_model_len};
    if (k->o->max_tokens < 0)
        mix_info("answers end by themselves or at %d tokens, prompt included; --max-tokens limits "
                 "them",
                 d->plan.max_model_len);
    if (d->attempt > 1)
        mix_info("attempt %d: %lld of %lld rows are sealed already", d->attempt,
                 (long long)mix_job_rows_sealed(*job), (long long)d->rows);
out:
    if (rc) { /* nothing has begun: a command that is refused leaves no folder behind */
        mix_job_close(*job);
        *job = NULL;
    }
    mix_str_fini(&parameters);
    mix_str_fini(&info);
    mix_str_fini(&options);
    return rc;
}

/* To all: is rank 0 still at it? */
static int tell(const struct mix_decide *k, int64_t more)
{
    return mix_group_bcast(k->world, &more, sizeof more, 0);
}

static int tell_more(void *ctx)
{
    return tell(ctx, true);
}

/* A large input or folder takes longer to look at than the others wait for a rank that says
 * nothing. */
static int decide_for_all(struct mix_decide k, struct mix_decision *d, struct mix_job **job)
{
    double stall_s = k.o->stall_timeout, every_s = stall_s > 0 && stall_s < 4 ? stall_s / 4 : 1;
    int rc, told;

    mix_busy_set(tell_more, &k, every_s);
    rc = decide(&k, d, job);
    mix_busy_set(NULL, NULL, 0);
    told = tell(&k, false);
    return rc ? rc : told;
}

static int wait_for_decision(const struct mix_decide *k)
{
    int rc;
    int64_t more;

    do
        TRY(mix_group_bcast(k->world, &more, sizeof more, 0));
    while (more);
out:
    return rc;
}

int mix_decide(const struct mix_decide *k, struct mix_decision *d, struct mix_job **job)
{
    int rc = MIX_OK;

    memset(d, 0, sizeof *d);
    if (mix_comm_rank(k->comm) == 0)
        rc = decide_for_all(*k, d, job);
    else
        TRY(wait_for_decision(k));
    TRY(mix_plan_scatter(k->world, &d->plan, rc));
    TRY(mix_group_bcast(k->world, d, sizeof *d, 0));
out:
    return rc;
}
