/* report.c - see report.h. */
#include "engine/report.h"

#include "base/err.h"
#include "base/mem.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const names[MIX_SECTIONS] = {
    [MIX_SECTION_LOAD] = "load",
    [MIX_SECTION_ATTENTION] = "attention",
    [MIX_SECTION_ROUTER] = "router",
    [MIX_SECTION_EXPERTS] = "experts",
    [MIX_SECTION_INSIDE] = "exchange inside",
    [MIX_SECTION_BETWEEN] = "exchange between",
    [MIX_SECTION_WAITING] = "waiting",
    [MIX_SECTION_HEAD] = "head",
    [MIX_SECTION_SAMPLING] = "sampling",
    [MIX_SECTION_IDLE] = "idle",
    [MIX_SECTION_WRITE] = "write (beside)",
    [MIX_SECTION_TOTAL] = "total",
};

static const char *const phases[MIX_PHASES] = {
    [MIX_PHASE_COUNTS] = "counts",
    [MIX_PHASE_DISPATCH] = "dispatch",
    [MIX_PHASE_COMBINE] = "combine",
};

int mix_report_gather(struct mix_report *r, struct mix_group *world,
                      const double seconds[MIX_SECTIONS])
{
    int rc = MIX_OK;
    int64_t rss = (int64_t)mix_peak_rss();

    memcpy(r->least, seconds, sizeof r->least);
    memcpy(r->mean, seconds, sizeof r->mean);
    memcpy(r->most, seconds, sizeof r->most);
    TRY(mix_group_reduce_f64(world, r->least, MIX_SECTIONS, MIX_MIN));
    TRY(mix_group_reduce_f64(world, r->mean, MIX_SECTIONS, MIX_SUM));
    TRY(mix_group_reduce_f64(world, r->most, MIX_SECTIONS, MIX_MAX));
    TRY(mix_group_reduce_i64(world, &rss, 1, MIX_MAX));
    r->ranks = mix_group_size(world);
    for (int i = 0; i < MIX_SECTIONS; i++)
        r->mean[i] /= r->ranks;
    r->peak_rss = (size_t)rss;
out:
    return rc;
}

int mix_report_exchange(struct mix_report *r, struct mix_group *world,
                        const struct mix_exchange_traffic *traffic,
                        const struct mix_exchange_times *times)
{
    int rc = MIX_OK, ranks = mix_group_size(world);

    for (int p = 0; p < MIX_PHASES; p++) {
        struct mix_report_phase *s = &r->phase[p];

        s->seconds = times->phase_s[p] / ranks;
        for (int i = 0; i < MIX_SIDES; i++) {
            s->bytes[i] = (double)traffic->bytes[p][i] / ranks;
            s->messages[i] = (double)traffic->messages[p][i] / ranks;
        }
        TRY(mix_group_reduce_f64(world, &s->seconds, 1, MIX_SUM));
        TRY(mix_group_reduce_f64(world, s->bytes, MIX_SIDES, MIX_SUM));
        TRY(mix_group_reduce_f64(world, s->messages, MIX_SIDES, MIX_SUM));
    }
out:
    return rc;
}

/* Which part of a step's cost a section is; -1: none. */
static int part_of(int section)
{
    static const int part[MIX_SECTIONS] = {
        [MIX_SECTION_ATTENTION] = 1 + MIX_COST_ATTENTION,
        [MIX_SECTION_ROUTER] = 1 + MIX_COST_ROUTER,
        [MIX_SECTION_EXPERTS] = 1 + MIX_COST_EXPERTS,
        [MIX_SECTION_INSIDE] = 1 + MIX_COST_INSIDE,
        [MIX_SECTION_BETWEEN] = 1 + MIX_COST_BETWEEN,
        [MIX_SECTION_WAITING] = 1 + MIX_COST_WAITING,
        [MIX_SECTION_HEAD] = 1 + MIX_COST_HEAD,
    };

    return part[section] - 1;
}

static bool predicted(const struct mix_report *r, int section)
{
    return r->predicts && (part_of(section) >= 0 || section == MIX_SECTION_TOTAL);
}

int mix_report_predict(struct mix_report *r, struct mix_group *world, const struct mix_steps *steps,
                       int replicas, const struct mix_cost_model *model)
{
    int rc = MIX_OK;
    struct mix_steps_sum sum[MIX_STEP_SIZES] = {0};
    struct mix_cost all;

    if (steps)
        memcpy(sum, steps->size, sizeof sum);
    TRY(mix_group_reduce_f64(world, &sum[0].steps, (int)(sizeof sum / (sizeof sum[0].steps)),
                             MIX_SUM));
    if (!model)
        goto out;
    mix_steps_cost(sum, replicas, model, &all);
    r->predicts = true;
    for (int i = 0; i < MIX_SECTIONS; i++)
        r->predicted[i] = part_of(i) >= 0 ? all.part[part_of(i)] : 0;
    r->predicted[MIX_SECTION_TOTAL] = all.total;
    for (int p = 0; p < MIX_PHASES; p++) {
        r->phase[p].expected[MIX_INSIDE] = all.sent[p][MIX_LINK_INSIDE];
        r->phase[p].expected[MIX_BETWEEN] = all.sent[p][MIX_LINK_BETWEEN];
        r->phase[p].predicted = all.phase[p];
    }
out:
    return rc;
}

/* ---- text */

static bool exchanged(const struct mix_report *r)
{
    double messages = 0;

    for (int p = 0; p < MIX_PHASES; p++)
        messages += r->phase[p].messages[MIX_INSIDE] + r->phase[p].messages[MIX_BETWEEN];
    return messages > 0;
}

/* Seconds of everything that moves tokens, or waits for it. */
static double moving(const double seconds[MIX_SECTIONS])
{
    return seconds[MIX_SECTION_INSIDE] + seconds[MIX_SECTION_BETWEEN] +
           seconds[MIX_SECTION_WAITING];
}

static int sections_text(struct mix_str *text, const struct mix_report *r)
{
    int rc = MIX_OK;
    char told[32];
    double total = r->mean[MIX_SECTION_TOTAL];

    TRY(mix_str_addf(text, "%-18s %9s %9s %9s %7s %10s   (seconds over %d rank%s)\n", "section",
                     "min", "avg", "max", "share", "predicted", r->ranks,
                     r->ranks == 1 ? "" : "s"));
    for (int i = 0; i < MIX_SECTIONS; i++) {
        strcpy(told, "-");
        if (predicted(r, i))
            snprintf(told, sizeof told, "%.2f", r->predicted[i]);
        TRY(mix_str_addf(text, "%-18s %9.2f %9.2f %9.2f %6.1f%% %10s\n", names[i], r->least[i],
                         r->mean[i], r->most[i], total > 0 ? 100 * r->mean[i] / total : 0.0, told));
    }
out:
    return rc;
}

/* Bytes, of these expected, messages: of a phase, to one side. */
static int sent_text(struct mix_str *text, const struct mix_report *r, int phase, int side)
{
    const struct mix_report_phase *s = &r->phase[phase];
    char bytes[32], expected[32] = "-", messages[32];

    if (r->predicts)
        mix_human_bytes(s->expected[side], expected);
    return mix_str_addf(text, " %10s %10s %9s", mix_human_bytes(s->bytes[side], bytes), expected,
                        mix_group_digits(llround(s->messages[side]), messages));
}

static int exchange_text(struct mix_str *text, const struct mix_report *r)
{
    int rc = MIX_OK;
    char told[32] = "-";

    TRY(mix_str_addf(text, "%-14s %9s %9s %10s %10s %9s %10s %10s %9s\n", "by a mean rank",
                     "seconds", "predicted", "inside", "expected", "messages", "between",
                     "expected", "messages"));
    for (int p = 0; p < MIX_PHASES; p++) {
        if (r->predicts)
            snprintf(told, sizeof told, "%.2f", r->phase[p].predicted);
        TRY(mix_str_addf(text, "%-14s %9.2f %9s", phases[p], r->phase[p].seconds, told));
        TRY(sent_text(text, r, p, MIX_INSIDE));
        TRY(sent_text(text, r, p, MIX_BETWEEN));
        TRY(mix_str_addf(text, "\n"));
    }
    TRY(mix_str_addf(text, "exchange inside, between and waiting: %.2f s", moving(r->mean)));
    if (r->predicts)
        TRY(mix_str_addf(text, ", predicted %.2f s", moving(r->predicted)));
    TRY(mix_str_addf(text, "\n"));
out:
    return rc;
}

int mix_report_text(struct mix_str *text, const struct mix_report *r)
{
    int rc = MIX_OK;
    char rows[32], in[32], out[32], time[32], rss[32];

    TRY(sections_text(text, r));
    if (exchanged(r))
        TRY(exchange_text(text, r));
    TRY(mix_str_addf(text, "rows %s (%lld bad), prompt tokens %s, answer tokens %s in %s",
                     mix_group_digits(r->rows, rows), (long long)r->failed,
                     mix_group_digits(r->tokens_in, in), mix_group_digits(r->tokens_out, out),
                     mix_human_time(r->seconds, time)));
    TRY(mix_str_addf(text, ": %.0f tok/s in, %.0f tok/s out\n",
                     r->seconds > 0 ? (double)r->tokens_in / r->seconds : 0.0,
                     r->seconds > 0 ? (double)r->tokens_out / r->seconds : 0.0));
    TRY(mix_str_addf(text, "largest rank %s", mix_human_bytes((double)r->peak_rss, rss)));
    if (r->restarts)
        TRY(mix_str_addf(text,
                         "; %lld rows restarted for want of KV pages, %lld tokens computed "
                         "again",
                         (long long)r->restarts, (long long)r->wasted_tokens));
    TRY(mix_str_addf(text, "; %s\n", r->end));
out:
    return rc;
}

/* ---- JSON */

static int sent_json(struct mix_str *text, const struct mix_report *r, int phase, int side)
{
    int rc = MIX_OK;
    const struct mix_report_phase *s = &r->phase[phase];

    TRY(mix_str_addf(text, "\"%s\": {\"bytes\": %.0f, \"messages\": %.1f",
                     side == MIX_INSIDE ? "inside" : "between", s->bytes[side], s->messages[side]));
    if (r->predicts)
        TRY(mix_str_addf(text, ", \"expected\": %.0f", s->expected[side]));
    TRY(mix_str_addf(text, "}"));
out:
    return rc;
}

int mix_report_json(struct mix_str *text, const struct mix_report *r)
{
    int rc = MIX_OK;

    TRY(mix_str_addf(text,
                     "{\"end\": \"%s\", \"ranks\": %d, \"rows\": %lld, \"failed\": %lld, "
                     "\"tokens_in\": %lld, \"tokens_out\": %lld, \"restarts\": %lld, "
                     "\"wasted_tokens\": %lld, \"seconds\": %.3f, \"peak_rss\": %zu, "
                     "\"sections\": {",
                     r->end, r->ranks, (long long)r->rows, (long long)r->failed,
                     (long long)r->tokens_in, (long long)r->tokens_out, (long long)r->restarts,
                     (long long)r->wasted_tokens, r->seconds, r->peak_rss));
    for (int i = 0; i < MIX_SECTIONS; i++) {
        TRY(mix_str_addf(text, "%s\"%s\": {\"min\": %.4f, \"avg\": %.4f, \"max\": %.4f",
                         i ? ", " : "", names[i], r->least[i], r->mean[i], r->most[i]));
        if (predicted(r, i))
            TRY(mix_str_addf(text, ", \"predicted\": %.4f", r->predicted[i]));
        TRY(mix_str_addf(text, "}"));
    }
    TRY(mix_str_addf(text, "}, \"exchange\": {\"seconds\": %.4f", moving(r->mean)));
    if (r->predicts)
        TRY(mix_str_addf(text, ", \"predicted\": %.4f", moving(r->predicted)));
    for (int p = 0; p < MIX_PHASES; p++) {
        TRY(mix_str_addf(text, ", \"%s\": {\"seconds\": %.4f, ", phases[p], r->phase[p].seconds));
        if (r->predicts)
            TRY(mix_str_addf(text, "\"predicted\": %.4f, ", r->phase[p].predicted));
        TRY(sent_json(text, r, p, MIX_INSIDE));
        TRY(mix_str_addf(text, ", "));
        TRY(sent_json(text, r, p, MIX_BETWEEN));
        TRY(mix_str_addf(text, "}"));
    }
    TRY(mix_str_addf(text, "}}\n"));
out:
    return rc;
}
