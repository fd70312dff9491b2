/* report.c - see report.h. */
#include "engine/report.h"

#include "base/err.h"
#include "base/mem.h"

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

int mix_report_text(struct mix_str *text, const struct mix_report *r)
{
    int rc = MIX_OK;
    char rows[32], in[32], out[32], time[32], rss[32];
    double total = r->mean[MIX_SECTION_TOTAL];

    TRY(mix_str_addf(text, "%-18s %9s %9s %9s %7s   (seconds over %d rank%s)\n", "section", "min",
                     "avg", "max", "share", r->ranks, r->ranks == 1 ? "" : "s"));
    for (int i = 0; i < MIX_SECTIONS; i++)
        TRY(mix_str_addf(text, "%-18s %9.2f %9.2f %9.2f %6.1f%%\n", names[i], r->least[i],
                         r->mean[i], r->most[i], total > 0 ? 100 * r->mean[i] / total : 0.0));
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
    for (int i = 0; i < MIX_SECTIONS; i++)
        TRY(mix_str_addf(text, "%s\"%s\": {\"min\": %.4f, \"avg\": %.4f, \"max\": %.4f}",
                         i ? ", " : "", names[i], r->least[i], r->mean[i], r->most[i]));
    TRY(mix_str_addf(text, "}}\n"));
out:
    return rc;
}
