/* explain_json.c - a ranking as JSON, with the numbers behind it; see explain.h. */
#include "plan/explain.h"

#include "base/clock.h"
#include "base/err.h"
#include "plan/plan_json.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static json_t *of_parts(const struct mix_cost *c)
{
    json_t *o = json_object();

    for (int i = 0; i < MIX_COST_PARTS; i++)
        json_object_set_new(o, mix_cost_part_name((enum mix_cost_part)i), json_real(c->part[i]));
    return o;
}

static json_t *of_bounds(const struct mix_cost *c)
{
    json_t *o = json_object();

    for (int i = 0; i < MIX_BOUNDS; i++)
        json_object_set_new(o, mix_cost_bound_name((enum mix_cost_bound)i), json_real(c->bound[i]));
    return o;
}

static json_t *of_step(const struct mix_cost_step *s, const struct mix_cost *c)
{
    return json_pack("{s:f, s:f, s:f, s:f, s:f, s:o, s:o}", "seconds", c->total, "prompt_tokens",
                     s->prompt, "prompt_context", s->prompt_context, "answer_tokens", s->decode,
                     "context", s->context, "parts", of_parts(c), "bounds", of_bounds(c));
}

static json_t *of_bytes(const struct mix_plan_input *in, const struct mix_plan_candidate *c)
{
    const struct mix_memory *m = &c->memory;

    return json_pack("{s:I, s:{s:I, s:I, s:I, s:I, s:I}, s:I, s:I, s:I, s:I}", "weights",
                     (json_int_t)m->weights, "weights_by_part", "experts", (json_int_t)m->experts,
                     "attention", (json_int_t)m->attention, "dense", (json_int_t)m->dense,
                     "vocabulary", (json_int_t)m->vocabulary, "rest", (json_int_t)m->rest,
                     "keys_and_values", (json_int_t)(c->pages * m->kv_page), "activations",
                     (json_int_t)m->activations, "exchange", (json_int_t)m->exchange, "libraries",
                     (json_int_t)in->machine->reserved);
}

static json_t *of_candidate(const struct mix_plan_input *in, const struct mix_plan_candidate *best,
                            const struct mix_plan_candidate *c)
{
    const struct mix_layout *l = &c->layout;
    double times;
    char lost[96] = "";

    if (c != best)
        mix_plan_lost_by(in, best, c, lost);
    return json_pack(
        "{s:i, s:i, s:i, s:i, s:i, s:s, s:i, s:i, s:f, s:f, s:f, s:f, s:f, s:s, s:s, s:o, s:o, "
        "s:o, s:o}",
        "tp", l->tp, "dp", l->dp, "etp", l->etp, "ep", l->ep, "edp", l->edp, "exchange",
        mix_exchange_kind_name(l->exchange), "chunks", c->chunks, "chunk_bytes", c->chunk_bytes,
        "seconds", c->seconds, "ttft", c->ttft, "itl", c->itl, "steps", c->work.steps, "sequences",
        c->work.seqs, "bound_by",
        mix_cost_bound_name(mix_cost_bound_of(mix_plan_cost_of(in, c, &times))), "lost_by", lost,
        "bytes", of_bytes(in, c), "step", of_step(&c->work.mixed, &c->mixed), "prefill",
        of_step(&c->work.prefill, &c->prefill), "decode", of_step(&c->work.decode, &c->decode));
}

/* Those that do not fit or cannot be: the layout and why. */
static json_t *of_others(const struct mix_plan_ranking *r)
{
    json_t *a = json_array();

    for (int i = r->fit; i < r->count; i++) {
        const struct mix_plan_candidate *c = &r->c[i];
        json_t *o;
        char name[96];

        mix_layout_name(&c->layout, name);
        o = json_pack("{s:s}", "layout", name);
        if (c->why[0])
            json_object_set_new(o, "cannot_be", json_string(c->why));
        else
            json_object_set_new(o, "bytes_missing", json_integer((json_int_t)c->missing));
        json_array_append_new(a, o);
    }
    return a;
}

static json_t *of_bins(const int64_t bin[MIX_LENGTH_BINS])
{
    json_t *a = json_array();

    for (int i = 0; i < MIX_LENGTH_BINS; i++)
        json_array_append_new(a, json_integer((json_int_t)bin[i]));
    return a;
}

static json_t *of_job(const struct mix_plan_case *what)
{
    const struct mix_lengths *l = what->lengths;
    double n = l->sampled ? (double)l->sampled : 1;

    return json_pack("{s:I, s:I, s:I, s:b, s:b, s:f, s:f, s:I, s:o, s:o}", "rows",
                     (json_int_t)l->rows, "refused", (json_int_t)l->refused, "sampled",
                     (json_int_t)l->sampled, "assumed", what->assumed, "answers_assumed",
                     l->assumed, "prompt_tokens", l->prompt / n, "answer_tokens", l->answer / n,
                     "longest", (json_int_t)l->longest, "prompt_bins", of_bins(l->prompt_bin),
                     "answer_bins", of_bins(l->answer_bin));
}

/* plan.json of the chosen one. */
static int of_plan(const struct mix_plan_input *in, const struct mix_plan_ranking *r, json_t **out)
{
    int rc;
    struct mix_plan plan;
    struct mix_str text = {0};

    mix_plan_take(in, r, 0, &plan);
    TRY(mix_plan_to_json(&plan, &text));
    *out = json_loads(text.s, 0, NULL);
    MIX_CHECK(*out, "a plan that is no JSON");
out:
    mix_str_fini(&text);
    return rc;
}

int mix_plan_ranking_json(const struct mix_plan_input *in, const struct mix_plan_ranking *r,
                          const struct mix_plan_case *what, int most, struct mix_str *out)
{
    int rc;
    json_t *plan = NULL, *list = json_array(), *whole = NULL;
    char *text = NULL;

    MIX_CHECK(in->machine && r->fit > 0, "a ranking without times");
    TRY(of_plan(in, r, &plan));
    for (int i = 0; i < r->fit && i < most; i++)
        json_array_append_new(list, of_candidate(in, &r->c[0], &r->c[i]));
    whole = json_pack(
        "{s:s, s:s, s:i, s:i, s:i, s:i, s:s, s:o, s:f, s:f, s:f, s:O, s:O, s:i, s:i, s:i, s:o, "
        "s:s, s:f, s:f}",
        "model", what->model, "machine", what->machine, "nodes", r->mesh.hosts, "ranks",
        r->mesh.world, "domains", r->mesh.domains, "domain_size", r->mesh.domain, "objective",
        mix_objective_name(in->objective), "job", of_job(what), "seconds", r->c[0].seconds, "hours",
        r->c[0].seconds / 3600, "rank_hours", r->c[0].seconds / 3600 * r->mesh.world, "plan", plan,
        "ranking", list, "layouts", r->count, "possible", r->possible, "fit", r->fit, "others",
        of_others(r), "pipeline", "pp > 1 is not built", "search_seconds", r->seconds,
        "all_seconds", mix_now() - what->start);
    text = whole ? json_dumps(whole, JSON_INDENT(1) | JSON_REAL_PRECISION(9)) : NULL;
    if (!text) {
        rc = MIX_FAIL(MIX_EFIT, "out of host memory: a ranking as JSON");
        goto out;
    }
    TRY(mix_str_addf(out, "%s\n", text));
out:
    free(text);
    json_decref(whole);
    json_decref(list);
    json_decref(plan);
    return rc;
}
