/* relay_private.h - what the files of the relay share: relay.c says what is done when, relay_wire.c
 * sends and receives, relay_stage.c computes.  Host memory, unless it says device. */
#ifndef MIX_EXCHANGE_RELAY_PRIVATE_H
#define MIX_EXCHANGE_RELAY_PRIVATE_H

#include "comm/queue.h"
#include "comm/window.h"
#include "exchange/experts.h"
#include "exchange/relay.h"

/* Counters of a member of the domain: pieces that have come; stages whose partial sums lie in its
 * window; stages that it has summed, after which its peers' windows are free.  All count on from
 * step to step. */
enum { MIX_RELAY_LANDED, MIX_RELAY_COMPUTED, MIX_RELAY_SUMMED };

/* Consecutive rows of one round, of one owner. */
struct mix_relay_part {
    int round, from, to;
};

struct mix_relay {
    const struct mix_exchange *exchange; /* whose it is */
    struct mix_relay_config config;
    struct mix_group *rail, *node; /* of the copy */
    struct mix_queue *queue;       /* of the rail; NULL: one domain */
    struct mix_window *window;     /* of the node */
    struct mix_experts *experts;
    struct mix_dev *dev;
    int domains, domain, places, place; /* of the copy; mine */
    int homes;                          /* of a domain */
    int max_rows;                       /* of an owner to a domain */
    bool narrow;                        /* x travels in eight bits */
    size_t x_row, head, row, back_row;  /* bytes: x, ids and weights, both, a result */
    size_t landing_at, partial_at;      /* in a member's window, after the rows of each round */

    char *out;      /* [domains - 1][max_rows] of row: to the other domains */
    char *returned; /* [domains - 1][max_rows] of back_row: sums on their way back */
    char *result;   /* [domains][max_rows] of back_row: device */

    /* the step under way */
    struct mix_relay_rows rows;
    int32_t *mine, *come;       /* [domains] rows of a round: sent, received; with padding */
    int *count_recv;            /* [domains] number of a message, or -1: none */
    int *data_recv, *back_recv; /* [pieces] likewise */
    bool *known;                /* [domains] is come[round] known? */
    bool *expected;             /* [domains] are the rows' receives posted? */
    bool together, counts;      /* rounds in one message each; do counts travel? */
    int receives;               /* messages named */
    uint64_t moves;             /* what had moved when looked last */
    int chunks, pieces, stages; /* chunks of a round, at least 1 */
    int landed;                 /* pieces */
    int taken, computed, gathered, summed; /* stages: partial sums made, shown; sums made, sent */
    int own, own_shares; /* of the own domain's sums: made; all, or 0: they are in the only stage */
    uint64_t landed_base, stage_base;
    bool open;                 /* may my window be written? */
    struct mix_dev_tick outer; /* the tick that was there */
    int tick_rc;
    double since; /* when something last moved */

    /* virtual clocks, see pace.h */
    double node_free, experts_free;
    double *computed_at, *gathered_at; /* [stages] */

    /* rows of a stage that I compute; host */
    int32_t *local;          /* [results] the expert of each, among mine */
    const void **at;         /* [results] its x */
    int32_t *expert, *found; /* [rows][width] ids; which row, then which result, or -1 */
    float *weight;           /* likewise */
    int32_t *to;             /* [rows] places in my partial sums */
    int *shown[2];     /* [places] rows of a part that a member has read; [1]: of the own domain */
    const void **part; /* [rows][places] partial sums of my rows; rows on their way */
    /* the same on the device */
    int32_t *expert_d, *found_d, *to_d;
    float *weight_d;
    const void **part_d;
    float *output; /* [results][hidden] of experts, in several chunks */
    char *wide;    /* rows that came in eight bits, in the type of x; or NULL */
};

static inline int mix_relay_piece_round(const struct mix_relay *r, int piece)
{
    return piece ? 1 + (piece - 1) / r->chunks : 0;
}

/* The place of a round's row in arrays of [rounds][max_rows]. */
static inline size_t mix_relay_row(const struct mix_relay *r, int round, int row)
{
    return (size_t)round * (size_t)r->max_rows + (size_t)row;
}

/* The rows of a piece, of `rows` in its round. */
static inline struct mix_relay_part mix_relay_part(const struct mix_relay *r, int piece, int rows)
{
    int c = piece ? (piece - 1) % r->chunks : 0;
    int n = piece ? r->chunks : 1;

    return (struct mix_relay_part){mix_relay_piece_round(r, piece), (int)((int64_t)rows * c / n),
                                   (int)((int64_t)rows * (c + 1) / n)};
}

/* The pieces of a stage: [first, last). */
static inline int mix_relay_first_piece(const struct mix_relay *r, int stage)
{
    return r->stages == 1 ? 0 : stage;
}
static inline int mix_relay_last_piece(const struct mix_relay *r, int stage)
{
    return r->stages == 1 ? r->pieces : stage + 1;
}

/* Rows of a round that have come to a member, once a piece of it has landed there. */
int mix_relay_come(const struct mix_relay *r, int member, int round);
/* Where rows from `from` on lie: ids, weights, x. */
char *mix_relay_landing(const struct mix_relay *r, int member, int round, int from);
/* Where the sums of my rows of a round lie, until they are sent. */
char *mix_relay_sums(const struct mix_relay *r, int round, int from);
/* Rows of a part of mine that are no padding. */
int mix_relay_real(const struct mix_relay *r, struct mix_relay_part p);
/* The place in the copy of the owner of a member's rows of a round. */
int mix_relay_owner(const struct mix_relay *r, int member, int round);

/* The domain that a round's rows come from. */
int mix_relay_origin(const struct mix_relay *r, int round);
int mix_relay_piece_origin(const struct mix_relay *r, int piece);
/* [domains] what mix_relay_come reads; mine to write. */
int32_t *mix_relay_come_to(const struct mix_relay *r, int member);

static inline int mix_relay_rows_of(const struct mix_relay *r, int round) /* without padding */
{
    return r->rows.first[round + 1] - r->rows.first[round];
}

/* ---- messages; relay_wire.c */

enum { MIX_RELAY_NOTHING = -1 }; /* the number of a message that there is not */

bool mix_relay_arrived(const struct mix_relay *r, int number);
/* Post the receives of what comes whatever the others' rows are: their numbers, my results. */
int mix_relay_expect(struct mix_relay *r);
/* Rows of a part of mine to block: ids, weights, x; what is beyond `real` of them is padding. */
int mix_relay_fill(struct mix_relay *r, struct mix_exchange *e, char *block,
                   struct mix_relay_part p, int real);
/* Chunk by chunk, so that the first is on its way while the second is made. */
int mix_relay_send_rows(struct mix_relay *r, struct mix_exchange *e);
/* My sums of a stage, each part to where its rows came from. */
int mix_relay_send_back(struct mix_relay *r, struct mix_exchange *e, int stage);
/* Move messages on, and show the domain what has landed, in its order. */
int mix_relay_progress(struct mix_relay *r);

/* ---- work; relay_stage.c */

/* Make a stage's partial sums; its pieces have come to all members. */
int mix_relay_compute(struct mix_relay *r, struct mix_exchange *e, int stage);
/* Sum all members' partial sums of rows [from, to) of a part of mine; its shares come in order. */
int mix_relay_sum(struct mix_relay *r, struct mix_exchange *e, struct mix_relay_part p, int from,
                  int to);

int mix_relay_open_stage(struct mix_relay *r, const struct mix_exchange *e);
void mix_relay_close_stage(struct mix_relay *r);

#endif
