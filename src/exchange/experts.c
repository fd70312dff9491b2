/* experts.c - see experts.h. */
#include "exchange/experts.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "exchange/pace.h"
#include "exchange/route.h"

#include <stdlib.h>

struct mix_experts {
    struct mix_dev *dev;
    int max_rows, chunk;
    double start;           /* of the last run */
    int *first, *part;      /* [locals + 1] of all rows; of a chunk */
    int32_t *place, *order; /* [max_rows] */
    const void **at;        /* [chunk] host */

    const void **at_d; /* [chunk] device, as all that follow */
    int32_t *to;       /* [chunk] */
    void *sorted;      /* [chunk][hidden] type */
    float *out;        /* [chunk][hidden] */
};

int mix_experts_open(struct mix_experts **out, const struct mix_exchange *e, int max_rows)
{
    int rc = MIX_OK;
    struct mix_experts *x = NULL;
    const struct mix_exchange_config *c = &e->config;
    int chunk = c->max_rows < max_rows ? c->max_rows : max_rows;
    size_t rows = (size_t)max_rows, n = (size_t)chunk, numbers = n * (size_t)c->hidden;
    size_t locals = (size_t)mix_homes_most_local(c->homes) + 1;

    TRY(mix_calloc(&x, 1, sizeof *x, "an exchange"));
    x->dev = c->dev;
    x->max_rows = max_rows;
    x->chunk = chunk;
    TRY(mix_calloc(&x->first, locals, sizeof *x->first, "routing"));
    TRY(mix_calloc(&x->part, locals, sizeof *x->part, "routing"));
    TRY(mix_calloc(&x->place, rows, sizeof *x->place, "routing"));
    TRY(mix_calloc(&x->order, rows, sizeof *x->order, "routing"));
    TRY(mix_calloc(&x->at, n, sizeof *x->at, "routing"));
    TRY(mix_dev_alloc(x->dev, &x->at_d, n * sizeof *x->at_d, "routing"));
    TRY(mix_dev_alloc(x->dev, &x->to, n * sizeof *x->to, "routing"));
    TRY(mix_dev_alloc(x->dev, &x->sorted, numbers * mix_dtype_size(c->type), "rows of experts"));
    TRY(mix_dev_alloc(x->dev, &x->out, numbers * sizeof *x->out, "results of experts"));
    *out = x;
    x = NULL;
out:
    mix_experts_close(x);
    return rc;
}

void mix_experts_close(struct mix_experts *x)
{
    if (!x)
        return;
    free(x->first);
    free(x->part);
    free(x->place);
    free(x->order);
    free(x->at);
    mix_dev_release(x->dev, x->at_d);
    mix_dev_release(x->dev, x->to);
    mix_dev_release(x->dev, x->sorted);
    mix_dev_release(x->dev, x->out);
    free(x);
}

static int clamp(int x, int low, int high)
{
    return x < low ? low : x > high ? high : x;
}

/* Sorted rows [from, from + n): bring them here, and run their experts. */
static int run_chunk(struct mix_experts *x, struct mix_exchange *e, const void *const *at, int from,
                     int n)
{
    int rc = MIX_OK, locals = mix_exchange_locals(e);
    double start;
    struct mix_pack in = {
        .y = x->sorted,
        .at = x->at_d,
        .x_type = e->config.type,
        .y_type = e->config.type,
        .rows = n,
        .dim = e->config.hidden,
    };

    for (int i = 0; i < n; i++)
        x->at[i] = at[x->order[from + i]];
    for (int l = 0; l <= locals; l++)
        x->part[l] = clamp(x->first[l] - from, 0, n);
    TRY(mix_dev_upload(x->dev, x->at_d, x->at, (size_t)n * sizeof *x->at));
    TRY(e->kern->pack(x->dev, &in));
    start = mix_now();
    TRY(e->step.run(e->step.ctx, x->out, x->sorted, x->part));
    e->times.experts_s += mix_now() - start;
out:
    return rc;
}

/* Their results to where their rows are in y. */
static int send_off(struct mix_experts *x, const struct mix_exchange *e, int from, int n, void *y,
                    enum mix_dtype y_type)
{
    int rc = MIX_OK;
    struct mix_pack pack = {
        .y = y,
        .x = x->out,
        .to = x->to,
        .x_type = MIX_F32,
        .y_type = y_type,
        .rows = n,
        .dim = e->config.hidden,
    };

    TRY(mix_dev_upload(x->dev, x->to, x->order + from, (size_t)n * sizeof *x->to));
    TRY(e->kern->pack(x->dev, &pack));
out:
    return rc;
}

static int sort(struct mix_experts *x, const struct mix_exchange *e,
                const struct mix_experts_rows *rows, int *all)
{
    int rc = MIX_OK, locals = mix_exchange_locals(e);

    MIX_CHECK(rows->rows <= x->max_rows, "%d rows for experts, there is room for %d", rows->rows,
              x->max_rows);
    x->start = mix_now();
    mix_route_sort(rows->expert, rows->rows, locals, x->first, x->place, x->order);
    *all = x->first[locals];
out:
    return rc;
}

static int run_chunks(struct mix_experts *x, struct mix_exchange *e,
                      const struct mix_experts_rows *rows, int all, void *y, enum mix_dtype y_type)
{
    int rc = MIX_OK;

    for (int from = 0; from < all; from += x->chunk) {
        int n = all - from < x->chunk ? all - from : x->chunk;

        TRY(run_chunk(x, e, rows->at, from, n));
        TRY(send_off(x, e, from, n, y, y_type));
    }
out:
    return rc;
}

int mix_experts_run(struct mix_experts *x, struct mix_exchange *e,
                    const struct mix_experts_rows *rows, void *y, enum mix_dtype y_type)
{
    int rc = MIX_OK, all;

    TRY(sort(x, e, rows, &all));
    TRY(run_chunks(x, e, rows, all, y, y_type));
out:
    return rc;
}

int mix_experts_keep(struct mix_experts *x, struct mix_exchange *e,
                     const struct mix_experts_rows *rows, float *room, int32_t *row, size_t n,
                     const float **y)
{
    int rc = MIX_OK, all;

    TRY(sort(x, e, rows, &all));
    if (all > x->chunk) {
        TRY(run_chunks(x, e, rows, all, room, MIX_F32));
        *y = room;
        goto out;
    }
    if (all)
        TRY(run_chunk(x, e, rows->at, 0, all));
    for (size_t i = 0; i < n; i++)
        row[i] = row[i] < 0 ? -1 : x->place[row[i]];
    *y = x->out;
out:
    return rc;
}

void mix_experts_pace(const struct mix_experts *x, struct mix_exchange *e)
{
    double done = mix_now();

    if (!e->config.pace)
        return;
    mix_pace_until(x->start + x->first[mix_exchange_locals(e)] * e->config.pace->row_s);
    e->times.experts_s += mix_now() - done;
}
