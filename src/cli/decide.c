/* decide.c - see decide.h.  Rank 0 decides; the last function hands it on. */
#include "config.h"

#include "cli/decide.h"

#include "arch/tensors.h"
#include "base/busy.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/choose.h"
#include "io/safetensors.h"
#include "model/identity.h"
#include "plan/scatter.h"
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

static bool made_up(const struct mix_decide *k)
{
    return strcmp(k->o->load_format, "dummy") == 0;
}

/* What would go wrong with the model after the job has begun. Here one rank says it once, and there
 * is no folder yet, to which the model put right would be another one. */
static int look_at_model(const struct mix_decide *k)
{
    int rc = MIX_OK, count = made_up(k) ? 0 : mix_tensors_count(k->arch);
    const char *dir = k->o->model;
    struct mix_safetensors *files = NULL;
    struct mix_tokenizer *tokenizer = NULL;

    if (count)
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

/* Open the job, and see what is to be planned; rank 0 alone. */
static int look(const struct mix_decide *k, struct mix_decision *d, struct mix_job **job,
                struct mix_choose *choose)
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
    TRY(mix_model_identity(k->o->model, !made_up(k), &id.model_hash));
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
    TRY(mix_choose_init(choose, k, *job));
out:
    mix_str_fini(&parameters);
    mix_str_fini(&info);
    mix_str_fini(&options);
    return rc;
}

/* Plan, and begin the job; rank 0 alone. */
static int begin(const struct mix_decide *k, struct mix_decision *d, struct mix_job **job,
                 struct mix_choose *choose)
{
    int rc = MIX_OK;

    TRY(mix_choose_plan(choose, &d->plan));
    d->weighed = choose->in.machine != NULL;
    d->machine = choose->machine;
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
static int look_for_all(struct mix_decide k, struct mix_decision *d, struct mix_job **job,
                        struct mix_choose *choose)
{
    double stall_s = k.o->stall_timeout, every_s = stall_s > 0 && stall_s < 4 ? stall_s / 4 : 1;
    int rc, told;

    mix_busy_set(tell_more, &k, every_s);
    rc = look(&k, d, job, choose);
    mix_busy_set(NULL, NULL, 0);
    told = tell(&k, false);
    return rc ? rc : told;
}

static int wait_for_rank_0(const struct mix_decide *k)
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
    bool me = mix_comm_rank(k->comm) == 0;
    struct mix_choose choose = {0};
    struct {
        int64_t rc, measure;
    } letter = {0};

    memset(d, 0, sizeof *d);
    if (me) {
        letter.rc = look_for_all(*k, d, job, &choose);
        letter.measure = choose.measure;
    } else {
        TRY(wait_for_rank_0(k));
    }
    TRY(mix_group_bcast(k->world, &letter, sizeof letter, 0));
    TRY((int)letter.rc);
    if (letter.measure)
        TRY(mix_choose_measure(&choose.machine, k));
    if (me && d->state == MIX_JOB_RUN)
        rc = begin(k, d, job, &choose);
    TRY(mix_plan_scatter(k->world, &d->plan, rc));
    TRY(mix_group_bcast(k->world, d, sizeof *d, 0));
out:
    if (rc && me) { /* nothing has begun: a command that is refused leaves no folder behind */
        mix_job_close(*job);
        *job = NULL;
    }
    return rc;
}
