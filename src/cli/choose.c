/* choose.c - see choose.h. */
#include "cli/choose.h"

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/histogram.h"
#include "kernels/kernels.h"
#include "model/gauge.h"
#include "plan/explain.h"
#include "plan/resume.h"

#include <string.h>

/* Seconds to measure: a share of what a short job takes; probe takes its time. */
static const double links_s = 0.4, rates_s = 1.2, steps_s = 0.8;

struct mix_plan_pins mix_choose_pins(const struct mix_options *o)
{
    return (struct mix_plan_pins){
        .tp = (int32_t)o->tp,
        .dp = (int32_t)o->dp,
        .etp = (int32_t)o->etp,
        .ep = (int32_t)o->ep,
        .edp = (int32_t)o->edp,
        .domain_size = (int32_t)o->domain_size,
        .exchange = o->exchange,
        .chunks = (int32_t)o->chunks,
        .in_turn = strcmp(o->async, "off") == 0,
        .dtype = o->dtype,
        .wire_dtype = o->wire_dtype,
        .max_num_seqs = (int32_t)o->max_num_seqs,
        .max_batched_tokens = (int32_t)o->max_num_batched_tokens,
        .max_model_len = (int32_t)o->max_model_len,
        .threads = (int32_t)o->threads,
        .kv_memory = o->kv_memory,
    };
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
    seen->product_bytes = kernels->product_bytes;
    seen->packed = mix_kernels_packed(kernels, type);
out:
    return rc;
}

/* Is there more than one plan to choose from, and anything to gain?  That nothing fits is said
 * later. */
static int look_at_choice(struct mix_choose *c)
{
    int rc = MIX_OK;
    const struct mix_options *o = c->known->o;
    struct mix_plan_ranking r = {0};

    if (o->machine) {
        TRY(mix_machine_load(&c->machine, o->machine));
        c->in.machine = &c->machine;
        goto out;
    }
    if (c->resumed || c->known->topo->ranks == 1)
        goto out;
    TRY(mix_plan_rank(&c->in, &r));
    c->measure = r.fit > 1;
out:
    mix_plan_ranking_fini(&r);
    return rc;
}

int mix_choose_init(struct mix_choose *c, const struct mix_decide *k, const struct mix_job *job)
{
    int rc = MIX_OK;
    const struct mix_options *o = k->o;

    *c = (struct mix_choose){
        .known = k,
        .in = {.arch = k->arch,
               .topo = k->topo,
               .pins = mix_choose_pins(o),
               .device = mix_dev_name(k->dev),
               .has_bf16 = mix_kernels_of(k->dev)->has_bf16(),
               .page = MIX_PAGE,
               .objective = mix_objective_parse(o->objective)},
    };
    c->resumed = mix_job_stored_plan(job, &c->stored);
    TRY(look_at_kernels(k, MIX_F32, c->f32, sizeof c->f32, &c->in.f32));
    TRY(look_at_kernels(k, MIX_BF16, c->bf16, sizeof c->bf16, &c->in.bf16));
    TRY(look_at_choice(c));
    if (!c->in.machine && !c->measure)
        goto out;
    TRY(mix_histogram_read(&c->lengths, o->input, o->model, o->max_tokens,
                           o->max_model_len ? o->max_model_len : k->arch->max_positions));
    if (c->lengths.sampled)
        c->in.lengths = &c->lengths;
out:
    return rc;
}

int mix_choose_measure(struct mix_machine *m, const struct mix_decide *k)
{
    int rc = MIX_OK;
    struct mix_gauge gauge = {0};
    struct mix_gauge_config config = {
        .comm = k->comm,
        .world = k->world,
        .dev = k->dev,
        .topo = k->topo,
        .arch = k->arch,
        .domain_size = k->o->domain_size ? (int)k->o->domain_size : k->topo->rank[0].local_ranks,
        .links_s = links_s,
        .rates_s = rates_s,
        .steps_s = steps_s,
    };

    TRY(mix_gauge_machine(&gauge, &config));
    mix_info("machine measured in %.1f s; --machine FILE takes one that probe has saved",
             gauge.links_s + gauge.rates_s + gauge.steps_s);
    *m = gauge.machine;
out:
    return rc;
}

/* The plan as lines of the log. */
static int tell(const struct mix_plan_input *in, const struct mix_plan *plan, const char *why)
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

int mix_choose_plan(struct mix_choose *c, struct mix_plan *plan)
{
    int rc = MIX_OK;
    struct mix_str why = {0};

    if (c->measure)
        c->in.machine = &c->machine;
    if (c->resumed)
        TRY(mix_plan_resume(&c->in, &c->stored, plan, &why));
    else
        TRY(mix_plan_search(&c->in, plan, &why));
    TRY(tell(&c->in, plan, mix_log_on(MIX_LOG_DEBUG) ? why.s : NULL));
    if (!plan->numeric.invariant)
        mix_log(MIX_LOG_WARN, "not batch-invariant: on this CPU a row's numbers depend on the rows "
                              "beside it; stored with the results");
out:
    mix_str_fini(&why);
    return rc;
}
