/* hop.c - see hop.h. */
#include "exchange/hop.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "comm/carrier.h"
#include "exchange/route.h"

#include <stdlib.h>
#include <string.h>

struct mix_hop {
    struct mix_hop_config config;
    const struct mix_kernels *kern;
    int size, me;
    size_t row, back_row;                    /* bytes */
    struct mix_carrier *counts, *out, *home; /* how many; rows; results */

    /* my rows under way: sorted by slot */
    struct mix_hop_rows rows;
    int *first;             /* [max_slots + 1] */
    int32_t *place, *order; /* [max_rows] */

    /* what has come */
    int *come;         /* [size + 1] where the rows of each sender begin */
    int32_t *slot;     /* [max_come] */
    const void **at;   /* [most of max_rows, max_come] host */
    const void **at_d; /* the same on the device */

    size_t *from, *bytes, *expected; /* [size] of the last movement */
    double begun;                    /* when it began */
    const void **block;              /* [size] */
};

static int make_room(struct mix_hop *h)
{
    const struct mix_hop_config *c = &h->config;
    int rc = MIX_OK, most = c->max_rows > c->max_come ? c->max_rows : c->max_come;
    size_t size = (size_t)h->size;

    TRY(mix_calloc(&h->first, (size_t)c->max_slots + 1, sizeof *h->first, "routing"));
    TRY(mix_calloc(&h->place, (size_t)c->max_rows, sizeof *h->place, "routing"));
    TRY(mix_calloc(&h->order, (size_t)c->max_rows, sizeof *h->order, "routing"));
    TRY(mix_calloc(&h->come, size + 1, sizeof *h->come, "routing"));
    TRY(mix_calloc(&h->slot, (size_t)c->max_come, sizeof *h->slot, "routing"));
    TRY(mix_calloc(&h->at, (size_t)most, sizeof *h->at, "routing"));
    TRY(mix_dev_alloc(c->dev, &h->at_d, (size_t)most * sizeof *h->at_d, "routing"));
    TRY(mix_calloc(&h->from, size, sizeof *h->from, "routing"));
    TRY(mix_calloc(&h->bytes, size, sizeof *h->bytes, "routing"));
    TRY(mix_calloc(&h->expected, size, sizeof *h->expected, "routing"));
    TRY(mix_calloc(&h->block, size, sizeof *h->block, "routing"));
out:
    return rc;
}

int mix_hop_open(struct mix_hop **out, const struct mix_hop_config *config)
{
    int rc = MIX_OK;
    struct mix_hop *h = NULL;
    size_t slots = (size_t)config->max_slots * sizeof(int32_t);

    MIX_CHECK(config->slices == 1 || config->back_type == MIX_F32, "slices that are rounded");
    TRY(mix_calloc(&h, 1, sizeof *h, "an exchange"));
    h->config = *config;
    h->kern = mix_kernels_of(config->dev);
    h->size = mix_group_size(config->group);
    h->me = mix_group_rank(config->group);
    h->row = (size_t)config->hidden * mix_dtype_size(config->type);
    h->back_row = (size_t)config->hidden * mix_dtype_size(config->back_type);
    TRY(make_room(h));
    TRY(mix_carrier_open(&h->counts, config->group, slots, slots * (size_t)h->size));
    TRY(mix_carrier_open(&h->out, config->group, (size_t)config->max_rows * h->row,
                         (size_t)config->max_come * h->row));
    TRY(mix_carrier_open(&h->home, config->group, (size_t)config->max_come * h->back_row,
                         (size_t)config->max_rows * (size_t)config->slices * h->back_row));
    *out = h;
    h = NULL;
out:
    mix_hop_close(h);
    return rc;
}

void mix_hop_close(struct mix_hop *h)
{
    if (!h)
        return;
    mix_carrier_close(h->home);
    mix_carrier_close(h->out);
    mix_carrier_close(h->counts);
    free(h->first);
    free(h->place);
    free(h->order);
    free(h->come);
    free(h->slot);
    free(h->at);
    mix_dev_release(h->config.dev, h->at_d);
    free(h->from);
    free(h->bytes);
    free(h->expected);
    free(h->block);
    free(h);
}

/* ---- forth */

/* Tell every member how many rows come for each of its slots, hear the same: h->come, h->slot. */
static int exchange_counts(struct mix_hop *h)
{
    const struct mix_hop_rows *r = &h->rows;
    int rc = MIX_OK, mine = r->high[h->me] - r->low[h->me], n = 0;
    int32_t *count = mix_carrier_out(h->counts);

    for (int s = 0; s < r->slots; s++)
        count[s] = h->first[s + 1] - h->first[s];
    for (int m = 0; m < h->size; m++) {
        h->from[m] = (size_t)r->low[m] * sizeof *count;
        h->bytes[m] = (size_t)(r->high[m] - r->low[m]) * sizeof *count;
        h->expected[m] = (size_t)mine * sizeof *count;
    }
    TRY(mix_carrier_begin(h->counts, h->from, h->bytes, h->expected));
    TRY(mix_carrier_end(h->counts, "dispatch (counts)", h->block));
    for (int m = 0; m < h->size; m++) {
        const int32_t *theirs = h->block[m];

        h->come[m] = n;
        for (int s = 0; s < mine; s++) {
            MIX_CHECK(theirs[s] >= 0 && theirs[s] <= h->config.max_come - n,
                      "%d and %d rows come, there is room for %d", n, (int)theirs[s],
                      h->config.max_come);
            for (int i = 0; i < theirs[s]; i++)
                h->slot[n++] = s;
        }
    }
    h->come[h->size] = n;
out:
    return rc;
}

static int send_rows(struct mix_hop *h)
{
    const struct mix_hop_rows *r = &h->rows;
    int rc = MIX_OK, placed = h->first[r->slots];
    struct mix_pack pack = {
        .y = mix_carrier_out(h->out),
        .at = (const void *const *)h->at_d,
        .x_type = h->config.type,
        .y_type = h->config.type,
        .rows = placed,
        .dim = h->config.hidden,
    };

    for (int p = 0; p < placed; p++)
        h->at[p] = r->at[h->order[p]];
    TRY(mix_dev_upload(h->config.dev, h->at_d, h->at, (size_t)placed * sizeof *h->at));
    TRY(h->kern->pack(h->config.dev, &pack));
    for (int m = 0; m < h->size; m++) {
        h->from[m] = (size_t)h->first[r->low[m]] * h->row;
        h->bytes[m] = (size_t)(h->first[r->high[m]] - h->first[r->low[m]]) * h->row;
        h->expected[m] = (size_t)(h->come[m + 1] - h->come[m]) * h->row;
    }
    h->begun = mix_now();
    TRY(mix_carrier_begin(h->out, h->from, h->bytes, h->expected));
out:
    return rc;
}

int mix_hop_forth_begin(struct mix_hop *h, struct mix_exchange *e, const struct mix_hop_rows *rows)
{
    int rc = MIX_OK;
    struct mix_group_stats before = mix_group_stats(h->config.group);

    MIX_CHECK(rows->rows <= h->config.max_rows && rows->slots <= h->config.max_slots,
              "%d rows for %d slots in an exchange made for %d and %d", rows->rows, rows->slots,
              h->config.max_rows, h->config.max_slots);
    h->rows = *rows;
    mix_route_sort(rows->slot, rows->rows, rows->slots, h->first, h->place, h->order);
    mix_exchange_enter(e, MIX_PHASE_COUNTS);
    TRY(exchange_counts(h));
    mix_exchange_enter(e, MIX_PHASE_DISPATCH);
    mix_exchange_charge(e, MIX_PHASE_COUNTS, h->config.group, before);
    before = mix_group_stats(h->config.group);
    TRY(send_rows(h));
    mix_exchange_charge(e, MIX_PHASE_DISPATCH, h->config.group, before);
out:
    return rc;
}

int mix_hop_forth_end(struct mix_hop *h, struct mix_exchange *e)
{
    int rc = MIX_OK, come = h->come[h->size];
    struct mix_group_stats before = mix_group_stats(h->config.group);

    TRY(mix_carrier_end(h->out, "dispatch", h->block));
    mix_exchange_pace(e, h->config.group, h->expected, h->begun);
    for (int m = 0; m < h->size; m++)
        for (int i = h->come[m]; i < h->come[m + 1]; i++)
            h->at[i] = (const char *)h->block[m] + (size_t)(i - h->come[m]) * h->row;
    TRY(mix_dev_upload(h->config.dev, h->at_d, h->at, (size_t)come * sizeof *h->at));
    mix_exchange_charge(e, MIX_PHASE_DISPATCH, h->config.group, before);
out:
    return rc;
}

struct mix_experts_rows mix_hop_come(const struct mix_hop *h)
{
    return (struct mix_experts_rows){.expert = h->slot, .at = h->at, .rows = h->come[h->size]};
}

const int32_t *mix_hop_place(const struct mix_hop *h)
{
    return h->place;
}

/* ---- back */

void *mix_hop_results(struct mix_hop *h)
{
    return mix_carrier_out(h->home);
}

int mix_hop_back_begin(struct mix_hop *h, struct mix_exchange *e)
{
    int rc = MIX_OK;
    const struct mix_hop_rows *r = &h->rows;
    struct mix_group_stats before = mix_group_stats(h->config.group);

    for (int m = 0; m < h->size; m++) {
        h->from[m] = (size_t)h->come[m] * h->back_row;
        h->bytes[m] = (size_t)(h->come[m + 1] - h->come[m]) * h->back_row;
        h->expected[m] = (size_t)(h->first[r->high[m]] - h->first[r->low[m]]) * h->back_row;
    }
    h->begun = mix_now();
    TRY(mix_carrier_begin(h->home, h->from, h->bytes, h->expected));
    mix_exchange_charge(e, MIX_PHASE_COMBINE, h->config.group, before);
out:
    return rc;
}

/* The results of one range of slots, which members from m on have, to y. */
static int take_results(struct mix_hop *h, int m, float *y)
{
    int first = h->first[h->rows.low[m]], rows = h->first[h->rows.high[m]] - first;
    int hidden = h->config.hidden;
    struct mix_sum sum = {
        .y = y + (size_t)first * (size_t)hidden,
        .part = (const float *const *)(h->block + m),
        .parts = h->config.slices,
        .run = h->config.slices,
        .n = (size_t)rows * (size_t)hidden,
    };
    struct mix_pack pack = {
        .y = sum.y,
        .x = h->block[m],
        .x_type = h->config.back_type,
        .y_type = MIX_F32,
        .rows = rows,
        .dim = hidden,
    };

    return h->config.slices > 1 ? h->kern->sum(h->config.dev, &sum)
                                : h->kern->pack(h->config.dev, &pack);
}

int mix_hop_back_end(struct mix_hop *h, struct mix_exchange *e, float *y)
{
    int rc = MIX_OK;
    struct mix_group_stats before = mix_group_stats(h->config.group);

    TRY(mix_carrier_end(h->home, "combine", h->block));
    mix_exchange_pace(e, h->config.group, h->expected, h->begun);
    for (int m = 0; m < h->size; m += h->config.slices)
        TRY(take_results(h, m, y));
    mix_exchange_charge(e, MIX_PHASE_COMBINE, h->config.group, before);
out:
    return rc;
}
