/* carrier.c - see carrier.h: a window on one host, flows elsewhere. */
#include "comm/carrier.h"

#include "base/err.h"
#include "base/mem.h"
#include "comm/group_private.h"
#include "comm/window.h"

#include <stdlib.h>
#include <string.h>

struct mix_carrier {
    struct mix_group *group;
    struct mix_window *window; /* NULL: messages, or a group of one */
    void *memory;              /* without a window: out, then in */
    char *out, *in;
    size_t out_bytes, in_bytes;
    size_t *at, *expected; /* [size] of the movement under way */
};

/* What a member of a window says before its buffer: where its blocks are. */
struct block {
    size_t at, bytes;
};

static size_t rounded(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

static size_t table_bytes(int size)
{
    return rounded((size_t)size * sizeof(struct block));
}

static bool one_host(const struct mix_group *g)
{
    for (int i = 0; i < g->size; i++)
        if (!g->inside[i] || !mix_comm_host_shared(g->comm, g->world[i]))
            return false;
    return g->size > 1;
}

size_t mix_carrier_bytes(const struct mix_group *g, size_t out_bytes, size_t in_bytes)
{
    if (one_host(g))
        return table_bytes(g->size) + rounded(out_bytes);
    return rounded(out_bytes) + (g->size > 1 ? rounded(in_bytes) : 0);
}

int mix_carrier_open(struct mix_carrier **out, struct mix_group *g, size_t out_bytes,
                     size_t in_bytes)
{
    int rc = MIX_OK;
    struct mix_carrier *c = NULL;
    size_t size = (size_t)g->size, bytes = mix_carrier_bytes(g, out_bytes, in_bytes);

    TRY(mix_calloc(&c, 1, sizeof *c, "a carrier"));
    c->group = g;
    c->out_bytes = out_bytes;
    c->in_bytes = in_bytes;
    TRY(mix_calloc(&c->at, size, sizeof *c->at, "a carrier"));
    TRY(mix_calloc(&c->expected, size, sizeof *c->expected, "a carrier"));
    if (one_host(g)) {
        TRY(mix_window_open(&c->window, g, bytes));
        c->out = (char *)mix_window_at(c->window, g->rank) + table_bytes(g->size);
    } else {
        TRY(mix_alloc_aligned(&c->memory, bytes ? bytes : 64, "buffers of an exchange"));
        c->out = c->memory;
        c->in = c->out + rounded(out_bytes);
    }
    *out = c;
    c = NULL;
out:
    mix_carrier_close(c);
    return rc;
}

void mix_carrier_close(struct mix_carrier *c)
{
    if (!c)
        return;
    mix_window_close(c->window);
    free(c->memory);
    free(c->at);
    free(c->expected);
    free(c);
}

void *mix_carrier_out(struct mix_carrier *c)
{
    return c->out;
}

/* Count what a window hands on as the messages that it saves. */
static void count(struct mix_group *g, size_t bytes)
{
    g->stats.bytes_inside += bytes;
    g->stats.messages_inside += bytes > 0;
}

static void show(struct mix_carrier *c, const size_t *at, const size_t *bytes)
{
    struct mix_group *g = c->group;
    struct block *table = mix_window_at(c->window, g->rank);

    for (int i = 0; i < g->size; i++) {
        table[i] = (struct block){at[i], bytes[i]};
        if (i != g->rank)
            count(g, bytes[i]);
    }
    mix_window_post(c->window);
}

static int send(struct mix_carrier *c, const size_t *at, const size_t *bytes)
{
    struct mix_group *g = c->group;
    int rc = MIX_OK;
    char *to = c->in;

    TRY(mix_flow_begin(g));
    for (int k = 1; k < g->size; k++) {
        int i = (g->rank - k + g->size) % g->size;

        if (c->expected[i])
            TRY(mix_flow_recv(g, i, to, c->expected[i]));
        to += c->expected[i];
    }
    for (int k = 1; k < g->size; k++) {
        int i = (g->rank + k) % g->size;

        if (bytes[i])
            TRY(mix_flow_send(g, i, c->out + at[i], bytes[i]));
    }
out:
    if (rc)
        mix_flow_abandon(g);
    return rc;
}

int mix_carrier_begin(struct mix_carrier *c, const size_t *at, const size_t *bytes,
                      const size_t *expected)
{
    struct mix_group *g = c->group;
    int rc = MIX_OK;
    size_t in = 0;

    memcpy(c->at, at, (size_t)g->size * sizeof *at);
    memcpy(c->expected, expected, (size_t)g->size * sizeof *expected);
    for (int i = 0; i < g->size; i++) {
        MIX_CHECK(at[i] <= c->out_bytes && bytes[i] <= c->out_bytes - at[i],
                  "%s: a block of %zu bytes at %zu of %zu", g->name, bytes[i], at[i], c->out_bytes);
        if (i == g->rank)
            continue;
        MIX_CHECK(expected[i] <= c->in_bytes - in,
                  "%s: %zu bytes come after %zu others, there is room for %zu", g->name,
                  expected[i], in, c->in_bytes);
        in += expected[i];
    }
    if (c->window)
        show(c, at, bytes);
    else if (g->size > 1)
        TRY(send(c, at, bytes));
out:
    return rc;
}

/* Where the others' blocks lie in their windows. */
static int look(struct mix_carrier *c, const char *what, const void **from)
{
    struct mix_group *g = c->group;
    int rc = MIX_OK;

    TRY(mix_window_wait(c->window, what));
    for (int i = 0; i < g->size; i++) {
        const struct block *table = mix_window_at(c->window, i);

        MIX_CHECK(table[g->rank].bytes == c->expected[i],
                  "%s of %s: rank %d has %zu bytes for me, expected %zu", what, g->name,
                  g->world[i], table[g->rank].bytes, c->expected[i]);
        from[i] = (const char *)table + table_bytes(g->size) + table[g->rank].at;
    }
out:
    return rc;
}

int mix_carrier_end(struct mix_carrier *c, const char *what, const void **from)
{
    struct mix_group *g = c->group;
    int rc = MIX_OK;
    const char *at = c->in;

    if (c->window)
        return look(c, what, from);
    if (g->size > 1)
        TRY(mix_flow_wait(g, what));
    from[g->rank] = c->out + c->at[g->rank];
    for (int k = 1; k < g->size; k++) {
        int i = (g->rank - k + g->size) % g->size;

        from[i] = at;
        at += c->expected[i];
    }
out:
    return rc;
}
