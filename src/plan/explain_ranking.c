/* explain_ranking.c - the tables of `mixserve plan`; see explain.h. */
#include "plan/explain.h"

#include "base/clock.h"
#include "base/err.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- numbers */

const char *mix_plan_seconds(double s, char text[32])
{
    if (s < 0.9995e-3)
        snprintf(text, 32, "%.3g us", s * 1e6);
    else if (s < 0.9995)
        snprintf(text, 32, "%.3g ms", s * 1e3);
    else if (s < 120)
        snprintf(text, 32, "%.3g s", s);
    else if (s < 7200)
        snprintf(text, 32, "%.3g min", s / 60);
    else
        snprintf(text, 32, "%.*f h", s < 36e4 ? 1 : 0, s / 3600);
    return text;
}

const struct mix_cost *mix_plan_cost_of(const struct mix_plan_input *in,
                                        const struct mix_plan_candidate *c, double *times)
{
    switch (in->objective) {
    case MIX_OBJECTIVE_TTFT:
        *times = c->work.prefill_steps;
        return &c->prefill;
    case MIX_OBJECTIVE_ITL:
        *times = 1;
        return &c->decode;
    default:
        *times = c->work.steps;
        return &c->mixed;
    }
}

void mix_plan_lost_by(const struct mix_plan_input *in, const struct mix_plan_candidate *best,
                      const struct mix_plan_candidate *c, char text[96])
{
    double times, first, more[MIX_COST_PARTS];
    const struct mix_cost *cost = mix_plan_cost_of(in, c, &times);
    const struct mix_cost *least = mix_plan_cost_of(in, best, &first);
    size_t at = 0;

    text[0] = '\0';
    for (int i = 0; i < MIX_COST_PARTS; i++)
        more[i] = times * cost->part[i] - first * least->part[i];
    for (int said = 0; said < 2; said++) {
        int most = 0;
        char s[32];

        for (int i = 1; i < MIX_COST_PARTS; i++)
            if (more[i] > more[most])
                most = i;
        if (more[most] <= (said ? 0.02 : 1e-6) * first * least->total)
            break;
        at += (size_t)snprintf(text + at, 96 - at, "%s%s +%s", said ? ", " : "",
                               mix_cost_part_name((enum mix_cost_part)most),
                               mix_plan_seconds(more[most], s));
        more[most] = 0;
    }
}

/* Three digits, or as many as there are before the point. */
static const char *number(double x, char text[32])
{
    snprintf(text, 32, x < 999.5 ? "%.3g" : "%.0f", x);
    return text;
}

/* ---- tables */

static int job(const struct mix_plan_input *in, const struct mix_plan_case *what,
               struct mix_str *out)
{
    const struct mix_lengths *l = what->lengths;
    double n = l->sampled ? (double)l->sampled : 1;
    char rows[32], refused[32];
    int rc;

    TRY(mix_str_addf(out, "job: %s rows", mix_group_digits(l->rows, rows)));
    if (l->refused)
        TRY(mix_str_addf(out, " (%s more cannot be run: bad, or too long)",
                         mix_group_digits(l->refused, refused)));
    TRY(mix_str_addf(out, "%s, prompts of %.0f tokens on average, answers of %.0f%s\n",
                     what->assumed ? " (assumed: no --input)" : "", l->prompt / n, l->answer / n,
                     l->assumed ? " (assumed where there is no limit: --max-tokens)" : ""));
    TRY(mix_str_addf(out, "a step: up to %s; chosen for %s\n",
                     in->pins.max_num_seqs || in->pins.max_batched_tokens
                         ? "the sequences and tokens asked for"
                         : "256 sequences and 2048 tokens of a replica",
                     mix_objective_name(in->objective)));
out:
    return rc;
}

static int times(const struct mix_plan_input *in, const struct mix_plan_ranking *r, int n,
                 struct mix_str *out)
{
    int rc;

    TRY(mix_str_addf(out,
                     "\n  #   tp    dp  etp    ep   edp  exchange  chunks       job     ttft      "
                     "itl  bound by                     lost by\n"));
    for (int i = 0; i < n; i++) {
        const struct mix_plan_candidate *c = &r->c[i];
        const struct mix_layout *l = &c->layout;
        const char *bound;
        double t;
        char job[32], ttft[32], itl[32], lost[96] = "", chunks[16] = "-";

        bound = mix_cost_bound_name(mix_cost_bound_of(mix_plan_cost_of(in, c, &t)));
        if (i)
            mix_plan_lost_by(in, &r->c[0], c, lost);
        if (mix_exchange_chunked(l->exchange))
            snprintf(chunks, sizeof chunks, "%d", c->chunks);
        TRY(mix_str_addf(out, "%3d %4d %5d %4d %5d %5d  %-8s %7s %9s %8s %8s  ", i + 1, l->tp,
                         l->dp, l->etp, l->ep, l->edp, mix_exchange_kind_name(l->exchange), chunks,
                         mix_plan_seconds(c->seconds, job), mix_plan_seconds(c->ttft, ttft),
                         mix_plan_seconds(c->itl, itl)));
        TRY(lost[0] ? mix_str_addf(out, "%-28s %s\n", bound, lost)
                    : mix_str_addf(out, "%s\n", bound));
    }
out:
    return rc;
}

static int bytes(const struct mix_plan_input *in, const struct mix_plan_ranking *r, int n,
                 struct mix_str *out)
{
    int rc;
    char a[32], b[32], c[32], d[32], e[32];

    TRY(mix_str_addf(out,
                     "\nbytes of the rank with most\n  #       weights keys, values  activations "
                     "    exchange    libraries   sequences\n"));
    for (int i = 0; i < n; i++) {
        const struct mix_plan_candidate *k = &r->c[i];

        TRY(mix_str_addf(out, "%3d  %12s %12s %12s %12s %12s  %10.0f\n", i + 1,
                         mix_human_bytes((double)k->memory.weights, a),
                         mix_human_bytes((double)k->pages * (double)k->memory.kv_page, b),
                         mix_human_bytes((double)k->memory.activations, c),
                         mix_human_bytes((double)k->memory.exchange, d),
                         mix_human_bytes(in->machine->reserved, e), k->work.seqs));
    }
out:
    return rc;
}

/* The step of the best, by part. */
static int step(const struct mix_plan_input *in, const struct mix_plan_candidate *c,
                struct mix_str *out)
{
    double n;
    const struct mix_cost *cost = mix_plan_cost_of(in, c, &n);
    const struct mix_cost_step *s = in->objective == MIX_OBJECTIVE_TTFT  ? &c->work.prefill
                                    : in->objective == MIX_OBJECTIVE_ITL ? &c->work.decode
                                                                         : &c->work.mixed;
    char t[32];
    int rc;

    TRY(mix_str_addf(out,
                     "\na step of 1: %.4g tokens of prompts and %.4g of answers a replica, %s\n",
                     s->prompt, s->decode, mix_plan_seconds(cost->total, t)));
    for (int i = 0; i < MIX_COST_PARTS; i++)
        TRY(mix_str_addf(out, "%s%s %.1f %%",
                         i ? ", " : "  by part: ", mix_cost_part_name((enum mix_cost_part)i),
                         100 * cost->part[i] / cost->total));
    for (int i = 0; i < MIX_BOUNDS; i++)
        TRY(mix_str_addf(out, "%s%s %.1f %%",
                         i ? ", " : "\n  bound by: ", mix_cost_bound_name((enum mix_cost_bound)i),
                         100 * cost->bound[i] / cost->total));
    TRY(mix_str_addf(out, "\n"));
    if (mix_exchange_chunked(c->layout.exchange))
        TRY(mix_str_addf(out, "  "));
    TRY(mix_plan_say_chunks(c->layout.exchange, c->chunks, c->chunk_bytes, out));
out:
    return rc;
}

/* What is not in the tables, and why. */
static int rest(const struct mix_plan_input *in, const struct mix_plan_ranking *r, int n,
                struct mix_str *out)
{
    char name[96], missing[32];
    int rc;

    TRY(mix_str_addf(out, "\n%d more fit", r->fit - n));
    if (r->fit < r->possible) {
        const struct mix_plan_candidate *c = &r->c[r->fit];

        mix_layout_name(&c->layout, name);
        TRY(mix_str_addf(out, "; %d do not (%s lacks %s of a %s, the others more)",
                         r->possible - r->fit, name, mix_human_bytes((double)c->missing, missing),
                         in->machine->shared ? "node's memory" : "device's memory"));
    }
    if (r->possible < r->count)
        TRY(mix_str_addf(out, "; %d cannot be (%s, ...)", r->count - r->possible,
                         r->c[r->possible].why));
    TRY(mix_str_addf(out, "; pp > 1 is not built\n"));
out:
    return rc;
}

int mix_plan_explain_ranking(const struct mix_plan_input *in, const struct mix_plan_ranking *r,
                             const struct mix_plan_case *what, int most, struct mix_str *out)
{
    int rc, n = most < r->fit ? most : r->fit;
    double hours = r->c[0].seconds / 3600, tokens;
    const struct mix_lengths *l = what->lengths;
    char job_time[32], all[32], speed[32];

    MIX_CHECK(in->machine && r->fit > 0, "a ranking without times");
    tokens = (double)l->rows * (l->prompt + l->answer) / (double)(l->sampled ? l->sampled : 1);
    TRY(mix_str_addf(out, "%s on %d node%s, %d rank%s of %s, %d domain%s of %d\n", what->model,
                     r->mesh.hosts, r->mesh.hosts == 1 ? "" : "s", r->mesh.world,
                     r->mesh.world == 1 ? "" : "s", what->machine, r->mesh.domains,
                     r->mesh.domains == 1 ? "" : "s", r->mesh.domain));
    TRY(job(in, what, out));
    TRY(mix_str_addf(out, "the best takes %s: %s %s-hours, %s tokens/s of prompts and answers\n",
                     mix_plan_seconds(r->c[0].seconds, job_time),
                     number(hours * r->mesh.world, all), in->machine->shared ? "rank" : "GPU",
                     number(tokens / r->c[0].seconds, speed)));
    TRY(times(in, r, n, out));
    TRY(step(in, &r->c[0], out));
    TRY(bytes(in, r, n, out));
    TRY(rest(in, r, n, out));
    TRY(mix_str_addf(out, "search %.4f s, all %.4f s\n", r->seconds, mix_now() - what->start));
out:
    return rc;
}
