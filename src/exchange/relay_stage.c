/* relay_stage.c - what a rank does with the rows of a stage: its experts, and its sums. */
#include "exchange/relay_private.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "exchange/pace.h"

#include <stdlib.h>
#include <string.h>

int mix_relay_open_stage(struct mix_relay *r, const struct mix_exchange *e)
{
    int rc = MIX_OK;
    const struct mix_exchange_config *c = &e->config;
    size_t all = (size_t)r->places * (size_t)r->domains * (size_t)r->max_rows;
    size_t ids = all * (size_t)r->config.width, hidden = (size_t)c->hidden;
    size_t parts = (size_t)r->domains * (size_t)r->max_rows * (size_t)r->places;
    int locals = mix_homes_most_local(c->homes);
    size_t mine = (size_t)e->size * (size_t)c->max_owned * (size_t)(locals < c->k ? locals : c->k);

    TRY(mix_experts_open(&r->experts, e, (int)mine));
    TRY(mix_calloc(&r->local, mine, sizeof *r->local, "routing"));
    TRY(mix_calloc(&r->at, mine, sizeof *r->at, "routing"));
    TRY(mix_calloc(&r->expert, ids, sizeof *r->expert, "routing"));
    TRY(mix_calloc(&r->found, ids, sizeof *r->found, "routing"));
    TRY(mix_calloc(&r->weight, ids, sizeof *r->weight, "routing"));
    TRY(mix_calloc(&r->to, all, sizeof *r->to, "routing"));
    TRY(mix_calloc(&r->part, parts, sizeof *r->part, "routing"));
    for (int i = 0; i < 2; i++)
        TRY(mix_calloc(&r->shown[i], (size_t)r->places, sizeof *r->shown[i], "routing"));
    TRY(mix_dev_alloc(r->dev, &r->expert_d, ids * sizeof *r->expert, "routing"));
    TRY(mix_dev_alloc(r->dev, &r->found_d, ids * sizeof *r->found, "routing"));
    TRY(mix_dev_alloc(r->dev, &r->weight_d, ids * sizeof *r->weight, "routing"));
    TRY(mix_dev_alloc(r->dev, &r->to_d, all * sizeof *r->to, "routing"));
    TRY(mix_dev_alloc(r->dev, &r->part_d, parts * sizeof *r->part, "routing"));
    TRY(mix_dev_alloc(r->dev, &r->output, mine * hidden * sizeof *r->output, "results of experts"));
    if (r->narrow)
        TRY(mix_dev_alloc(r->dev, &r->wide, all * hidden * mix_dtype_size(c->type),
                          "rows of an exchange"));
out:
    return rc;
}

void mix_relay_close_stage(struct mix_relay *r)
{
    mix_experts_close(r->experts);
    free(r->local);
    free(r->at);
    free(r->expert);
    free(r->found);
    free(r->weight);
    free(r->to);
    free(r->part);
    free(r->shown[0]);
    free(r->shown[1]);
    mix_dev_release(r->dev, r->expert_d);
    mix_dev_release(r->dev, r->found_d);
    mix_dev_release(r->dev, r->weight_d);
    mix_dev_release(r->dev, r->to_d);
    mix_dev_release(r->dev, r->part_d);
    mix_dev_release(r->dev, r->output);
    mix_dev_release(r->dev, r->wide);
}

/* ---- whose expert it is */

/* The home that a row of an owner goes to for an expert, among all of the copy. */
static int home_of(const struct mix_exchange *e, int expert, int owner)
{
    const struct mix_homes *h = e->config.homes;
    int first = mix_comm_rank(e->config.comm) - e->me;

    if (h->most == 1)
        return h->home[(long)e->step.layer * h->experts + expert];
    return mix_homes_choose(h, e->config.plan, e->step.layer, expert, first + owner);
}

static int check_id(const struct mix_exchange *e, int32_t id)
{
    int rc = MIX_OK;

    MIX_CHECK(id >= -1 && id < e->config.homes->experts, "a row goes to expert %d of %d", (int)id,
              e->config.homes->experts);
out:
    return rc;
}

/* ---- partial sums */

/* Rows of a stage that I compute: how many, and with how many experts in all. */
struct take {
    int rows, n;
    double bytes; /* read from others */
};

/* A place in my partial sums, which a member's rail looks at. */
static size_t partial(const struct mix_relay *r, int member, int round, int row)
{
    return mix_relay_row(r, member * r->domains + round, row);
}

/* The ids of a row that are at home with me; returns how many. */
static int take_row(struct mix_relay *r, const struct mix_exchange *e, struct take *t, int owner,
                    const int32_t *id, const float *weight)
{
    const int32_t *local = e->local + (long)e->step.layer * e->config.homes->experts;
    int width = r->config.width, found = 0;
    size_t at = (size_t)t->rows * (size_t)width;

    for (int j = 0; j < width; j++) {
        bool mine = id[j] >= 0 && local[id[j]] >= 0 && home_of(e, id[j], owner) == e->place.ep_i;

        r->expert[at + (size_t)j] = id[j];
        r->weight[at + (size_t)j] = weight ? weight[j] : 1;
        r->found[at + (size_t)j] = mine ? t->n + found : -1;
        if (mine)
            r->local[t->n + found++] = local[id[j]];
    }
    return found;
}

/* What a part of a member's rows has for me. */
static int take_part(struct mix_relay *r, struct mix_exchange *e, struct take *t, int member,
                     struct mix_relay_part p)
{
    int rc = MIX_OK, width = r->config.width, rows = p.to - p.from, owner, before = t->rows;
    const char *block = mix_relay_landing(r, member, p.round, p.from);
    size_t ids = (size_t)width * sizeof(int32_t);
    const char *weights = block + (size_t)rows * ids, *x = block + (size_t)rows * r->head;

    owner = mix_relay_owner(r, member, p.round);
    for (int i = 0; i < rows; i++) {
        const int32_t *id = (const int32_t *)(const void *)(block + (size_t)i * ids);
        const float *weight =
            r->config.weighted ? (const float *)(const void *)(weights + (size_t)i * ids) : NULL;
        const char *row = x + (size_t)i * r->x_row;
        int found;

        for (int j = 0; j < width; j++)
            TRY(check_id(e, id[j]));
        found = take_row(r, e, t, owner, id, weight);
        if (!found)
            continue;
        if (r->narrow) {
            r->part[t->rows] = row;
            row = r->wide +
                  (size_t)t->rows * (size_t)e->config.hidden * mix_dtype_size(e->config.type);
        }
        for (int j = 0; j < found; j++)
            r->at[t->n + j] = row;
        r->to[t->rows] = (int32_t)partial(r, member, p.round, p.from + i);
        t->n += found;
        t->rows++;
    }
    if (member != r->place && t->rows > before) {
        size_t bytes = (size_t)(t->rows - before) * (size_t)e->config.hidden * sizeof(float);

        e->traffic.bytes[MIX_PHASE_COMBINE][MIX_INSIDE] += bytes;
        e->traffic.messages[MIX_PHASE_COMBINE][MIX_INSIDE]++;
        t->bytes += (double)(t->rows - before) * (double)r->x_row;
    }
out:
    return rc;
}

/* Rows that came in eight bits, in the type of x. */
static int widen(struct mix_relay *r, struct mix_exchange *e, int rows)
{
    int rc = MIX_OK;
    struct mix_fp8_unpack unpack = {.y = r->wide,
                                    .at = (const void *const *)r->part_d,
                                    .y_type = e->config.type,
                                    .rows = rows,
                                    .dim = e->config.hidden};

    TRY(mix_dev_upload(r->dev, r->part_d, r->part, (size_t)rows * sizeof *r->part));
    TRY(e->kern->fp8_unpack(r->dev, &unpack));
out:
    return rc;
}

int mix_relay_compute(struct mix_relay *r, struct mix_exchange *e, int stage)
{
    int rc = MIX_OK;
    double start = mix_now(), before = e->times.experts_s, read;
    struct take t = {0};
    const struct mix_pace *pace = e->config.pace;
    struct mix_experts_rows rows = {.expert = r->local, .at = r->at};
    struct mix_combine combine = {
        .y = (float *)(void *)((char *)mix_window_at(r->window, r->place) + r->partial_at),
        .row = r->found_d,
        .expert = r->expert_d,
        .weight = r->weight_d,
        .to = r->to_d,
        .k = r->config.width,
        .dim = e->config.hidden,
        .experts = e->config.homes->experts,
    };

    mix_exchange_enter(e, MIX_PHASE_DISPATCH);
    for (int piece = mix_relay_first_piece(r, stage); piece < mix_relay_last_piece(r, stage);
         piece++)
        for (int m = 0; m < r->places; m++) {
            int come = mix_relay_come(r, m, mix_relay_piece_round(r, piece));

            TRY(take_part(r, e, &t, m, mix_relay_part(r, piece, come)));
        }
    if (r->narrow)
        TRY(widen(r, e, t.rows));
    rows.rows = t.n;
    TRY(mix_experts_keep(r->experts, e, &rows, r->output, r->found,
                         (size_t)t.rows * (size_t)r->config.width, &combine.x));
    mix_exchange_enter(e, MIX_PHASE_COMBINE);
    combine.tokens = t.rows;
    TRY(mix_dev_upload(r->dev, r->to_d, r->to, (size_t)t.rows * sizeof *r->to));
    t.rows *= r->config.width;
    TRY(mix_dev_upload(r->dev, r->expert_d, r->expert, (size_t)t.rows * sizeof *r->expert));
    TRY(mix_dev_upload(r->dev, r->found_d, r->found, (size_t)t.rows * sizeof *r->found));
    TRY(mix_dev_upload(r->dev, r->weight_d, r->weight, (size_t)t.rows * sizeof *r->weight));
    TRY(e->kern->combine(r->dev, &combine));
    e->times.inside_s += mix_now() - start - (e->times.experts_s - before);
    r->computed_at[stage] = 0;
    if (pace) {
        read = pace->inside_rate > 0 ? t.bytes / pace->inside_rate : 0;
        read = mix_pace_busy(&r->node_free, start, read);
        r->computed_at[stage] = mix_pace_busy(&r->experts_free, read, t.n * pace->row_s);
    }
out:
    return rc;
}

/* ---- sums */

/* Which members have a partial sum of a row of mine: into part [places]. */
static void find_parts(struct mix_relay *r, const struct mix_exchange *e, struct mix_relay_part p,
                       int row, int owner, const int32_t *id, const void **part)
{
    int etp = e->config.plan->numeric.etp, first = r->domain * r->homes;
    size_t at = partial(r, r->place, p.round, row) * (size_t)e->config.hidden * sizeof(float);

    memset(part, 0, (size_t)r->places * sizeof *part);
    for (int j = 0; j < r->config.width; j++) {
        int home = id[j] < 0 ? -1 : home_of(e, id[j], owner) - first;

        if (home < 0 || home >= r->homes)
            continue;
        for (int m = home * etp; m < (home + 1) * etp; m++)
            part[m] = (const char *)mix_window_at(r->window, m) + r->partial_at + at;
    }
}

int mix_relay_real(const struct mix_relay *r, struct mix_relay_part p)
{
    const int32_t *id =
        (const int32_t *)(const void *)mix_relay_landing(r, r->place, p.round, p.from);
    int n = 0;

    for (int i = 0; i < p.to - p.from; i++) {
        bool any = false;

        for (int j = 0; j < r->config.width; j++)
            any |= id[i * r->config.width + j] >= 0;
        n += any;
    }
    return n;
}

/* What the members have read of a part of my rows: x of those that they need, all ids. */
static void count_shown(struct mix_relay *r, struct mix_exchange *e, struct mix_relay_part p,
                        const int *shown)
{
    size_t heads = (size_t)mix_relay_real(r, p) * r->head;

    for (int m = 0; m < r->places; m++) {
        size_t bytes = (size_t)shown[m] * r->x_row + heads;

        if (m == r->place || !bytes)
            continue;
        e->traffic.bytes[MIX_PHASE_DISPATCH][MIX_INSIDE] += bytes;
        e->traffic.messages[MIX_PHASE_DISPATCH][MIX_INSIDE]++;
    }
}

/* Where the parts of each row's sum are; returns how many lie with others. */
static int look_for_parts(struct mix_relay *r, const struct mix_exchange *e,
                          struct mix_relay_part p, int from, int to, int *shown)
{
    int owner = mix_relay_owner(r, r->place, p.round), others = 0;
    const int32_t *id =
        (const int32_t *)(const void *)mix_relay_landing(r, r->place, p.round, p.from);

    for (int row = from; row < to; row++) {
        const void **part = r->part + (size_t)(row - from) * (size_t)r->places;

        find_parts(r, e, p, row, owner, id + (row - p.from) * r->config.width, part);
        for (int m = 0; m < r->places; m++) {
            shown[m] += part[m] != NULL;
            others += part[m] && m != r->place;
        }
    }
    return others;
}

int mix_relay_sum(struct mix_relay *r, struct mix_exchange *e, struct mix_relay_part p, int from,
                  int to)
{
    int rc = MIX_OK, others, *shown = r->shown[p.round == 0];
    double start = mix_now(), rate = e->config.pace ? e->config.pace->inside_rate : 0;
    struct mix_gather_sum sum = {.y = mix_relay_sums(r, p.round, from),
                                 .at = (const void *const *)r->part_d,
                                 .y_type = e->wire,
                                 .x_type = MIX_F32,
                                 .rows = to - from,
                                 .dim = e->config.hidden,
                                 .parts = r->places,
                                 .run = e->config.plan->numeric.etp};

    mix_exchange_enter(e, MIX_PHASE_COMBINE);
    if (from == p.from)
        memset(shown, 0, (size_t)r->places * sizeof *shown);
    others = look_for_parts(r, e, p, from, to, shown);
    if (to == p.to)
        count_shown(r, e, p, shown);
    TRY(mix_dev_upload(r->dev, r->part_d, r->part,
                       (size_t)(to - from) * (size_t)r->places * sizeof *r->part));
    TRY(e->kern->gather_sum(r->dev, &sum));
    if (rate > 0)
        mix_pace_busy(&r->node_free, start, others * (double)e->config.hidden * 4 / rate);
    e->times.inside_s += mix_now() - start;
out:
    return rc;
}
