/* owners.c - byte counts for two collectives, and a sum. */
#include "exchange/owners.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "kernels/kernels.h"

#include <stdlib.h>

struct mix_owners {
    struct mix_group *group; /* borrowed */
    struct mix_dev *dev;     /* borrowed */
    const struct mix_kernels *kern;
    int size, me;
    int *first;                   /* [size + 1] tokens of member i: [first[i], first[i + 1]) */
    size_t *send_at, *send_bytes; /* [size] scratch of one movement */
    size_t *recv_at, *recv_bytes; /* [size] */
    const float **part;           /* [size] */
    struct mix_owners_times times;
};

int mix_owners_open(struct mix_owners **out, struct mix_group *group, struct mix_dev *dev)
{
    int rc = MIX_OK;
    struct mix_owners *o = NULL;
    size_t size = (size_t)mix_group_size(group);

    TRY(mix_calloc(&o, 1, sizeof *o, "owners of tokens"));
    o->group = group;
    o->dev = dev;
    o->kern = mix_kernels_of(dev);
    o->size = (int)size;
    o->me = mix_group_rank(group);
    TRY(mix_calloc(&o->first, size + 1, sizeof *o->first, "owners of tokens"));
    TRY(mix_calloc(&o->send_at, size, sizeof *o->send_at, "owners of tokens"));
    TRY(mix_calloc(&o->send_bytes, size, sizeof *o->send_bytes, "owners of tokens"));
    TRY(mix_calloc(&o->recv_at, size, sizeof *o->recv_at, "owners of tokens"));
    TRY(mix_calloc(&o->recv_bytes, size, sizeof *o->recv_bytes, "owners of tokens"));
    TRY(mix_calloc(&o->part, size, sizeof *o->part, "owners of tokens"));
    *out = o;
    o = NULL;
out:
    mix_owners_close(o);
    return rc;
}

void mix_owners_close(struct mix_owners *o)
{
    if (!o)
        return;
    free(o->first);
    free(o->send_at);
    free(o->send_bytes);
    free(o->recv_at);
    free(o->recv_bytes);
    free(o->part);
    free(o);
}

void mix_owners_set(struct mix_owners *o, const int *tokens)
{
    for (int i = 0; i < o->size; i++)
        o->first[i + 1] = o->first[i] + tokens[i];
}

int mix_owners_size(const struct mix_owners *o)
{
    return o->size;
}

int mix_owners_total(const struct mix_owners *o)
{
    return o->first[o->size];
}

int mix_owners_first(const struct mix_owners *o)
{
    return o->first[o->me];
}

int mix_owners_mine(const struct mix_owners *o)
{
    return o->first[o->me + 1] - o->first[o->me];
}

/* Charge what a movement that began at start, with the group's wait at before, has cost. */
static void charge(struct mix_owners *o, double start, double before)
{
    o->times.move_s += mix_now() - start;
    o->times.wait_s += mix_group_stats(o->group).wait_s - before;
}

int mix_owners_gather(struct mix_owners *o, void *all, const void *mine, size_t row_bytes)
{
    int rc = MIX_OK;
    double start = mix_now(), before = mix_group_stats(o->group).wait_s;

    if (o->size == 1 && all == mine)
        goto out;
    for (int i = 0; i < o->size; i++) {
        o->recv_at[i] = (size_t)o->first[i] * row_bytes;
        o->recv_bytes[i] = (size_t)(o->first[i + 1] - o->first[i]) * row_bytes;
    }
    TRY(mix_group_allgather(o->group, all, o->recv_at, o->recv_bytes, mine));
    charge(o, start, before);
out:
    return rc;
}

/* Everybody's partial results of my tokens: o->part[i] is member i's. */
static int bring_home(struct mix_owners *o, const float *partial, float *room, int dim)
{
    int rc = MIX_OK;
    size_t row = sizeof(float) * (size_t)dim, mine = (size_t)mix_owners_mine(o);
    double start = mix_now(), before = mix_group_stats(o->group).wait_s;

    for (int i = 0, slot = 0; i < o->size; i++) {
        bool self = i == o->me; /* my own stay where they are */

        o->send_at[i] = (size_t)o->first[i] * row;
        o->send_bytes[i] = self ? 0 : (size_t)(o->first[i + 1] - o->first[i]) * row;
        o->recv_at[i] = (size_t)slot * mine * row;
        o->recv_bytes[i] = self ? 0 : mine * row;
        o->part[i] = self ? partial + (size_t)o->first[i] * (size_t)dim
                          : room + (size_t)slot * mine * (size_t)dim;
        slot += !self;
    }
    if (o->size > 1) {
        TRY(mix_group_alltoall(o->group, room, o->recv_at, o->recv_bytes, partial, o->send_at,
                               o->send_bytes));
        charge(o, start, before);
    }
out:
    return rc;
}

int mix_owners_home(struct mix_owners *o, float *y, const float *partial, float *room, int dim)
{
    int rc = MIX_OK;
    struct mix_sum sum = {
        .y = y,
        .part = o->part,
        .parts = o->size,
        .run = o->size,
        .add = true,
        .n = (size_t)mix_owners_mine(o) * (size_t)dim,
    };

    TRY(bring_home(o, partial, room, dim));
    TRY(o->kern->sum(o->dev, &sum));
out:
    return rc;
}

struct mix_owners_times mix_owners_times(const struct mix_owners *o)
{
    return o->times;
}
