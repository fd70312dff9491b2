/* relay_wire.c - messages of a relay: rows, their number, and sums on their way back. */
#include "exchange/relay_private.h"

#include "base/err.h"

#include <string.h>

/* Kinds of messages. */
enum { COUNT, DATA, BACK };

/* ---- messages */

static char *outgoing(const struct mix_relay *r, int round, int from)
{
    return r->out + mix_relay_row(r, round - 1, from) * r->row;
}

/* rows of row_bytes each, of which `real` are payload; none is no message. */
static int send(struct mix_relay *r, struct mix_exchange *e, int kind, int domain, const void *from,
                size_t row_bytes, int rows, int real)
{
    static const enum mix_exchange_phase phase[] = {
        [COUNT] = MIX_PHASE_COUNTS, [DATA] = MIX_PHASE_DISPATCH, [BACK] = MIX_PHASE_COMBINE};
    int rc = MIX_OK;

    if (!rows)
        goto out;
    TRY(mix_queue_send(r->queue, kind, domain, from, (size_t)rows * row_bytes));
    e->traffic.bytes[phase[kind]][MIX_BETWEEN] += (uint64_t)real * row_bytes;
    e->traffic.padding += (uint64_t)(rows - real) * row_bytes;
    e->traffic.messages[phase[kind]][MIX_BETWEEN]++;
out:
    return rc;
}

/* A message of one byte, which says that no rows come. */
static int send_none(struct mix_relay *r, struct mix_exchange *e, int domain)
{
    int rc = MIX_OK;

    TRY(mix_queue_send(r->queue, DATA, domain, r->out, 1));
    e->traffic.bytes[MIX_PHASE_COUNTS][MIX_BETWEEN]++;
    e->traffic.messages[MIX_PHASE_COUNTS][MIX_BETWEEN]++;
out:
    return rc;
}

/* *number: the message's among the receives, or MIX_RELAY_NOTHING. */
static int receive(struct mix_relay *r, int kind, int domain, void *to, size_t bytes, int *number)
{
    int rc = MIX_OK;

    *number = MIX_RELAY_NOTHING;
    if (!bytes)
        goto out;
    TRY((r->together && kind == DATA ? mix_queue_recv_most : mix_queue_recv)(r->queue, kind, domain,
                                                                             to, bytes));
    *number = r->receives++;
out:
    return rc;
}

bool mix_relay_arrived(const struct mix_relay *r, int number)
{
    return number == MIX_RELAY_NOTHING || mix_queue_landed(r->queue, number);
}

/* ---- rows leave */

int mix_relay_fill(struct mix_relay *r, struct mix_exchange *e, char *block,
                   struct mix_relay_part p, int real)
{
    int rc = MIX_OK, width = r->config.width, n = p.to - p.from;
    const int32_t *source = r->rows.source + r->rows.first[p.round] + p.from;
    size_t ids = (size_t)width * sizeof(int32_t);
    size_t token = (size_t)e->config.hidden * mix_dtype_size(e->config.type);
    char *weights = block + (size_t)n * ids, *x = block + (size_t)n * r->head;
    struct mix_fp8_pack narrow = {.y = x,
                                  .at = (const void *const *)r->part_d,
                                  .x_type = e->config.type,
                                  .rows = real,
                                  .dim = e->config.hidden};
    struct mix_pack pack = {.y = x,
                            .at = (const void *const *)r->part_d,
                            .x_type = e->config.type,
                            .y_type = e->config.type,
                            .rows = real,
                            .dim = e->config.hidden};

    for (int i = 0; i < real; i++) {
        size_t at = (size_t)source[i] * (size_t)width;

        memcpy(block + (size_t)i * ids, r->rows.expert + at, ids);
        if (r->config.weighted)
            memcpy(weights + (size_t)i * ids, r->rows.weight + at, ids);
        r->part[i] = (const char *)e->step.x + at / (size_t)e->config.k * token;
    }
    memset(block + (size_t)real * ids, 0xFF, (size_t)(n - real) * ids); /* ids of -1 */
    TRY(mix_dev_upload(r->dev, r->part_d, r->part, (size_t)real * sizeof *r->part));
    TRY(r->narrow ? e->kern->fp8_pack(r->dev, &narrow) : e->kern->pack(r->dev, &pack));
out:
    return rc;
}

/* How many of a part's rows are no padding. */
static int real_rows(struct mix_relay_part p, int rows)
{
    return p.to <= rows ? p.to - p.from : p.from < rows ? rows - p.from : 0;
}

int mix_relay_send_rows(struct mix_relay *r, struct mix_exchange *e)
{
    int rc = MIX_OK;

    for (int round = 1; round < r->domains && r->counts; round++)
        TRY(send(r, e, COUNT, mix_relay_domain(r, round), &r->mine[round], sizeof(int32_t), 1, 1));
    for (int piece = 1; piece < r->pieces; piece++) {
        int round = mix_relay_piece_round(r, piece);
        struct mix_relay_part p = mix_relay_part(r, piece, r->mine[round]);
        char *block = outgoing(r, round, p.from);
        int real = real_rows(p, mix_relay_rows_of(r, round));

        TRY(mix_relay_fill(r, e, block, p, real));
        TRY(send(r, e, DATA, mix_relay_domain(r, round), block, r->row, p.to - p.from, real));
        if (r->together && p.to == p.from && e->step.tokens[e->me])
            TRY(send_none(r, e, mix_relay_domain(r, round)));
        TRY(mix_queue_progress(r->queue));
    }
out:
    return rc;
}

/* ---- rows come */

/* A round in one message, which itself says how many rows they are. */
static int expect_together(struct mix_relay *r, int round)
{
    int rc = MIX_OK;
    size_t most = (size_t)r->come[round] * r->row;

    if (!r->expected[round])
        TRY(receive(r, DATA, mix_relay_origin(r, round), mix_relay_landing(r, r->place, round, 0),
                    most, &r->data_recv[round]));
    r->expected[round] = true;
    if (!mix_relay_arrived(r, r->data_recv[round]))
        goto out;
    if (most) {
        size_t bytes = mix_queue_bytes(r->queue, r->data_recv[round]);

        MIX_CHECK(bytes == 1 || bytes % r->row == 0, "%zu bytes come, rows have %zu", bytes,
                  r->row);
        r->come[round] = (int32_t)(bytes / r->row);
    }
    mix_relay_come_to(r, r->place)[round] = r->come[round];
    r->known[round] = true;
out:
    return rc;
}

/* It is known how many rows of a round come: post their receives. */
static int expect_chunks(struct mix_relay *r, int round)
{
    int rc = MIX_OK, rows = r->come[round];

    MIX_CHECK(rows >= 0 && rows <= r->max_rows, "%d rows come, there is room for %d", rows,
              r->max_rows);
    mix_relay_come_to(r, r->place)[round] = rows;
    for (int c = 0; c < r->chunks; c++) {
        int piece = 1 + (round - 1) * r->chunks + c;
        struct mix_relay_part p = mix_relay_part(r, piece, rows);

        TRY(receive(r, DATA, mix_relay_origin(r, round),
                    mix_relay_landing(r, r->place, round, p.from), (size_t)(p.to - p.from) * r->row,
                    &r->data_recv[piece]));
    }
    r->known[round] = true;
out:
    return rc;
}

int mix_relay_expect(struct mix_relay *r)
{
    int rc = MIX_OK;

    for (int round = 1; round < r->domains && r->counts; round++)
        TRY(receive(r, COUNT, mix_relay_origin(r, round), &r->come[round], sizeof(int32_t),
                    &r->count_recv[round]));
    for (int piece = 1; piece < r->pieces; piece++) {
        int round = mix_relay_piece_round(r, piece);
        struct mix_relay_part p = mix_relay_part(r, piece, r->mine[round]);

        TRY(receive(r, BACK, mix_relay_domain(r, round),
                    (void *)(uintptr_t)mix_relay_result(r, round, p.from),
                    (size_t)(p.to - p.from) * r->back_row, &r->back_recv[piece]));
    }
out:
    return rc;
}

static bool piece_is_here(const struct mix_relay *r, int piece)
{
    return piece == 0 ||
           (r->known[mix_relay_piece_round(r, piece)] && mix_relay_arrived(r, r->data_recv[piece]));
}

int mix_relay_progress(struct mix_relay *r)
{
    int rc = MIX_OK, landed = r->landed;

    if (r->queue)
        TRY(mix_queue_progress(r->queue));
    if (!r->open)
        goto out;
    for (int round = 1; round < r->domains; round++)
        if (!r->known[round] && r->together)
            TRY(expect_together(r, round));
        else if (!r->known[round] && mix_relay_arrived(r, r->count_recv[round]))
            TRY(expect_chunks(r, round));
    while (landed < r->pieces && piece_is_here(r, landed)) {
        mix_exchange_saw(r->exchange, MIX_EVENT_LANDED, landed, mix_relay_piece_origin(r, landed));
        landed++;
    }
    if (landed > r->landed)
        mix_window_raise(r->window, MIX_RELAY_LANDED, r->landed_base + (uint64_t)landed);
    r->landed = landed;
out:
    return rc;
}

int mix_relay_send_back(struct mix_relay *r, struct mix_exchange *e, int stage)
{
    int rc = MIX_OK;

    for (int piece = mix_relay_first_piece(r, stage); piece < mix_relay_last_piece(r, stage);
         piece++) {
        int round = mix_relay_piece_round(r, piece);
        struct mix_relay_part p = mix_relay_part(r, piece, mix_relay_come(r, r->place, round));

        if (round)
            TRY(send(r, e, BACK, mix_relay_origin(r, round), mix_relay_sums(r, round, p.from),
                     r->back_row, p.to - p.from, mix_relay_real(r, p)));
    }
out:
    return rc;
}
