/* progress.c - see progress.h.  Rank 0 only. */
#include "engine/progress.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "engine/letters.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct mix_progress {
    int64_t rows, done_before;
    bool quiet, live;
    double start, last, pause;
    struct mix_counts now, shown;
};

void mix_counts_add(struct mix_counts *sum, const struct mix_counts *c)
{
    sum->rows += c->rows;
    sum->failed += c->failed;
    sum->tokens_in += c->tokens_in;
    sum->tokens_out += c->tokens_out;
    sum->running += c->running;
    sum->waiting += c->waiting;
    sum->pages_used += c->pages_used;
    sum->pages += c->pages;
}

void mix_counts_pack(int64_t value[6], const struct mix_counts *c)
{
    value[MIX_REPORT_ROWS] = c->rows;
    value[MIX_REPORT_FAILED] = c->failed;
    value[MIX_REPORT_TOKENS_IN] = c->tokens_in;
    value[MIX_REPORT_TOKENS_OUT] = c->tokens_out;
    value[MIX_REPORT_RUNNING] = c->running << 32 | c->waiting;
    value[MIX_REPORT_PAGES] = c->pages_used << 32 | c->pages;
}

void mix_counts_unpack(struct mix_counts *c, const int64_t value[6])
{
    *c = (struct mix_counts){.rows = value[MIX_REPORT_ROWS],
                             .failed = value[MIX_REPORT_FAILED],
                             .tokens_in = value[MIX_REPORT_TOKENS_IN],
                             .tokens_out = value[MIX_REPORT_TOKENS_OUT],
                             .running = value[MIX_REPORT_RUNNING] >> 32,
                             .waiting = value[MIX_REPORT_RUNNING] & 0xFFFFFFFF,
                             .pages_used = value[MIX_REPORT_PAGES] >> 32,
                             .pages = value[MIX_REPORT_PAGES] & 0xFFFFFFFF};
}

int mix_progress_open(struct mix_progress **out, int64_t rows, int64_t done_before, bool quiet)
{
    struct mix_progress *p = NULL;
    int rc = mix_calloc(&p, 1, sizeof *p, "progress");

    if (rc)
        return rc;
    p->rows = rows;
    p->done_before = done_before;
    p->quiet = quiet;
    p->live = isatty(STDERR_FILENO);
    p->start = p->last = mix_now();
    p->pause = p->live ? 0.5 : 5;
    *out = p;
    return MIX_OK;
}

void mix_progress_close(struct mix_progress *p)
{
    if (!p)
        return;
    if (p->live && !p->quiet && p->last > p->start && write(STDERR_FILENO, "\n", 1) < 0)
        p->live = false;
    free(p);
}

int64_t mix_progress_rows(const struct mix_progress *p)
{
    return p->rows;
}

int64_t mix_progress_done_before(const struct mix_progress *p)
{
    return p->done_before;
}

struct mix_counts mix_progress_counts(const struct mix_progress *p)
{
    return p->now;
}

/* "rows 812 / 1 000 (81.2 %) | out 1 203 tok/s in 9 120 tok/s | ..." */
static void line(const struct mix_progress *p, double now, char *text, size_t room)
{
    const struct mix_counts *c = &p->now;
    double span = now - p->last, spent = now - p->start;
    int64_t done = p->done_before + c->rows;
    char a[32], b[32], in[32], out[32], eta[32] = "?";

    if (c->rows > 0)
        mix_human_time(spent * (double)(p->rows - done) / (double)c->rows, eta);
    snprintf(text, room,
             "rows %s / %s (%.1f %%)%s | out %s tok/s in %s tok/s | running %lld waiting %lld | "
             "KV %.0f %% | ETA %s",
             mix_group_digits(done, a), mix_group_digits(p->rows, b),
             p->rows ? 100.0 * (double)done / (double)p->rows : 100.0,
             c->rows == p->shown.rows ? ", none ended since the last line" : "",
             mix_group_digits((int64_t)((double)(c->tokens_out - p->shown.tokens_out) / span), out),
             mix_group_digits((int64_t)((double)(c->tokens_in - p->shown.tokens_in) / span), in),
             (long long)c->running, (long long)c->waiting,
             c->pages ? 100.0 * (double)c->pages_used / (double)c->pages : 0.0, eta);
}

void mix_progress_update(struct mix_progress *p, const struct mix_counts *all)
{
    double now = mix_now();
    char text[400], bare[420];

    p->now = *all;
    if (p->quiet || now - p->last < p->pause)
        return;
    line(p, now, text, sizeof text);
    if (p->live) {
        snprintf(bare, sizeof bare, "\r%s\033[K", text);
        if (write(STDERR_FILENO, bare, strlen(bare)) < 0)
            p->quiet = true;
    } else {
        mix_info("%s", text);
        p->pause = p->pause * 1.2 < 60 ? p->pause * 1.2 : 60;
    }
    p->last = now;
    p->shown = *all;
}
