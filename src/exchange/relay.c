/* relay.c - pieces under way: what leaves, what lands, whose turn it is; see relay.h. */
#include "exchange/relay.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "exchange/pace.h"
#include "exchange/relay_private.h"
#include "exchange/route.h"

#include <stdlib.h>
#include <string.h>

enum { NOBODY = -1 };

/* ---- open and close */

static int open_groups(struct mix_relay *r, const struct mix_exchange *e)
{
    int rc = MIX_OK;
    const struct mix_plan *plan = e->config.plan;
    struct mix_comm *comm = e->config.comm;

    if (!mix_mesh_copies_fit(plan)) {
        rc = MIX_FAIL(MIX_EFIT,
                      "exchange %s: copies of %d ranks neither consist of whole domains of %d nor "
                      "lie inside one; ep and tp do not need that",
                      e->ops->name, e->size, plan->domain_size);
        goto out;
    }
    TRY(mix_exchange_group(&r->rail, comm, plan, MIX_MESH_COPY_RAIL));
    TRY(mix_exchange_group(&r->node, comm, plan, MIX_MESH_COPY_NODE));
    for (int m = 0; m < mix_group_size(r->node); m++)
        if (!mix_comm_host_shared(comm, mix_group_world(r->node, m))) {
            rc = MIX_FAIL(MIX_EFIT,
                          "exchange %s: rank %d of this domain is on another host, and a domain's "
                          "ranks read each other's memory; a smaller --domain-size, or ep, tp or "
                          "hybrid, do not need that",
                          e->ops->name, mix_group_world(r->node, m));
            goto out;
        }
out:
    return rc;
}

/* What a rank has for a domain may go in one message. */
static int check_sizes(const struct mix_relay *r, const struct mix_exchange *e)
{
    size_t row = r->row > r->back_row ? r->row : r->back_row;

    if (r->domains > 1 && (size_t)r->max_rows > MIX_QUEUE_BYTES / row)
        return MIX_FAIL(MIX_EFIT,
                        "exchange %s: %d rows of %zu bytes may go from a rank to a node at once, "
                        "more than 1 GiB; a smaller --max-num-batched-tokens, or another exchange",
                        e->ops->name, r->max_rows, row);
    return MIX_OK;
}

static int open_memory(struct mix_relay *r)
{
    int rc = MIX_OK;
    size_t domains = (size_t)r->domains, others = domains - 1, rows = (size_t)r->max_rows;
    int messages = (r->domains - 1) * (1 + 2 * MIX_PLAN_CHUNKS);

    if (others)
        TRY(mix_queue_open(&r->queue, r->rail, messages, messages));
    TRY(mix_dev_alloc(r->dev, &r->out, others * rows * r->row + 1, "rows of an exchange"));
    TRY(mix_dev_alloc(r->dev, &r->returned, others * rows * r->back_row + 1, "sums of experts"));
    TRY(mix_dev_alloc(r->dev, &r->result, domains * rows * r->back_row, "sums of experts"));
out:
    return rc;
}

/* Last, because closing is collective: a rank that has no memory for the rest ends before it. */
static int open_window(struct mix_relay *r, const struct mix_exchange *e)
{
    size_t all = (size_t)r->domains * (size_t)r->max_rows;
    size_t partial = (size_t)e->config.hidden * sizeof(float);

    r->landing_at = ((size_t)r->domains * sizeof(int32_t) + 63) / 64 * 64;
    r->partial_at = r->landing_at + (all * r->row + 63) / 64 * 64;
    return mix_window_open(&r->window, r->node, r->partial_at + (size_t)r->places * all * partial);
}

static int open_routing(struct mix_relay *r)
{
    int rc = MIX_OK;
    size_t domains = (size_t)r->domains, most = domains * MIX_PLAN_CHUNKS + 1;

    TRY(mix_calloc(&r->mine, domains, sizeof *r->mine, "routing"));
    TRY(mix_calloc(&r->come, domains, sizeof *r->come, "routing"));
    TRY(mix_calloc(&r->count_recv, domains, sizeof *r->count_recv, "routing"));
    TRY(mix_calloc(&r->known, domains, sizeof *r->known, "routing"));
    TRY(mix_calloc(&r->expected, domains, sizeof *r->expected, "routing"));
    TRY(mix_calloc(&r->data_recv, most, sizeof *r->data_recv, "routing"));
    TRY(mix_calloc(&r->back_recv, most, sizeof *r->back_recv, "routing"));
    TRY(mix_calloc(&r->computed_at, most, sizeof *r->computed_at, "routing"));
    TRY(mix_calloc(&r->gathered_at, most, sizeof *r->gathered_at, "routing"));
out:
    return rc;
}

int mix_relay_open(struct mix_relay **out, const struct mix_exchange *e,
                   const struct mix_relay_config *config)
{
    int rc = MIX_OK;
    struct mix_relay *r = NULL;
    const struct mix_exchange_config *c = &e->config;

    TRY(mix_calloc(&r, 1, sizeof *r, "an exchange"));
    r->config = *config;
    r->exchange = e;
    r->dev = c->dev;
    r->narrow = c->plan->numeric.dispatch == MIX_F8E4M3;
    TRY(open_groups(r, e));
    r->domains = mix_relay_domains(e);
    r->domain = mix_group_rank(r->rail);
    r->places = mix_group_size(r->node);
    r->place = mix_group_rank(r->node);
    r->homes = c->plan->ep / r->domains;
    r->max_rows = c->max_owned * (c->k / config->width);
    r->x_row = r->narrow ? mix_fp8_row(c->hidden) : (size_t)c->hidden * mix_dtype_size(c->type);
    r->head = (size_t)config->width * (sizeof(int32_t) + (config->weighted ? sizeof(float) : 0));
    r->row = r->x_row + r->head;
    r->back_row = (size_t)c->hidden * mix_dtype_size(e->wire);
    TRY(check_sizes(r, e));
    TRY(open_routing(r));
    TRY(open_memory(r));
    TRY(mix_relay_open_stage(r, e));
    TRY(open_window(r, e));
    *out = r;
    r = NULL;
out:
    mix_relay_close(r);
    return rc;
}

void mix_relay_close(struct mix_relay *r)
{
    if (!r)
        return;
    if (mix_dev_tick_get(r->dev).ctx == r) /* a step has not come to its end */
        mix_dev_tick_set(r->dev, r->outer.tick, r->outer.ctx);
    mix_relay_close_stage(r);
    mix_queue_close(r->queue);
    mix_window_close(r->window);
    mix_group_close(r->node);
    mix_group_close(r->rail);
    mix_dev_release(r->dev, r->out);
    mix_dev_release(r->dev, r->returned);
    mix_dev_release(r->dev, r->result);
    free(r->mine);
    free(r->come);
    free(r->count_recv);
    free(r->known);
    free(r->expected);
    free(r->data_recv);
    free(r->back_recv);
    free(r->computed_at);
    free(r->gathered_at);
    free(r);
}

int mix_relay_domains(const struct mix_exchange *e)
{
    int domain = e->config.plan->domain_size;

    return e->size > domain ? e->size / domain : 1;
}

int mix_relay_domain(const struct mix_relay *r, int round)
{
    return (r->domain + round) % r->domains;
}

/* ---- where things are */

/* The domain that a round's rows come from. */
int mix_relay_origin(const struct mix_relay *r, int round)
{
    return (r->domain - round + r->domains) % r->domains;
}

int mix_relay_piece_origin(const struct mix_relay *r, int piece)
{
    return mix_relay_origin(r, mix_relay_piece_round(r, piece));
}

int mix_relay_owner(const struct mix_relay *r, int member, int round)
{
    return mix_relay_origin(r, round) * r->places + member;
}

int32_t *mix_relay_come_to(const struct mix_relay *r, int member)
{
    return mix_window_at(r->window, member);
}

int mix_relay_come(const struct mix_relay *r, int member, int round)
{
    return mix_relay_come_to(r, member)[round];
}

char *mix_relay_landing(const struct mix_relay *r, int member, int round, int from)
{
    return (char *)mix_window_at(r->window, member) + r->landing_at +
           mix_relay_row(r, round, from) * r->row;
}

const void *mix_relay_result(const struct mix_relay *r, int round, int i)
{
    return r->result + mix_relay_row(r, round, i) * r->back_row;
}

char *mix_relay_sums(const struct mix_relay *r, int round, int from)
{
    return round ? r->returned + mix_relay_row(r, round - 1, from) * r->back_row
                 : r->result + mix_relay_row(r, 0, from) * r->back_row;
}

static void tick(void *ctx)
{
    struct mix_relay *r = ctx;

    if (r->outer.tick)
        r->outer.tick(r->outer.ctx);
    if (r->tick_rc == MIX_OK)
        r->tick_rc = mix_relay_progress(r);
}

/* ---- waiting */

/* The first member whose counter is below a value, or NOBODY. */
static int behind(const struct mix_relay *r, int counter, uint64_t value)
{
    for (int m = 0; m < r->places; m++)
        if (mix_window_counter(r->window, m, counter) < value)
            return m;
    return NOBODY;
}

/* Grows with everything that moves here and in the domain. */
static uint64_t moves_of(const struct mix_relay *r)
{
    uint64_t moves = r->queue ? (uint64_t)mix_queue_moves(r->queue) : 0;

    for (int m = 0; m < r->places; m++)
        for (int counter = MIX_RELAY_LANDED; counter <= MIX_RELAY_SUMMED; counter++)
            moves += mix_window_counter(r->window, m, counter);
    return moves;
}

/* One turn of waiting for a member of the domain or of the rail; for NOBODY it is none. */
static int turn(struct mix_relay *r, struct mix_group *g, const char *what, int member)
{
    int rc = MIX_OK;
    uint64_t moves = moves_of(r);

    if (moves != r->moves)
        r->since = mix_now();
    r->moves = moves;
    if (member != NOBODY)
        TRY(mix_group_turn(g, what, r->since, member));
out:
    return rc;
}

/* Until my domain has done with the last step: only then I may write my window anew. */
static int wait_free(struct mix_relay *r)
{
    int rc = MIX_OK, member;

    r->since = mix_now();
    while ((member = behind(r, MIX_RELAY_SUMMED, r->stage_base)) != NOBODY) {
        TRY(mix_relay_progress(r));
        TRY(turn(r, r->node, "combine", member));
    }
out:
    return rc;
}

/* ---- start */

/* Numbers of this step that follow from what all ranks know, and from my rows. */
static void begin(struct mix_relay *r, const struct mix_exchange *e)
{
    const struct mix_exchange_step *s = &e->step;
    int chunks = mix_route_chunks(e->config.plan, s->tokens, e->size, r->row);
    int each = e->config.k / r->config.width;

    r->landed_base += (uint64_t)r->pieces;
    r->stage_base += (uint64_t)r->stages;
    r->chunks = chunks > 1 ? chunks : 1;
    r->pieces = 1 + (r->domains - 1) * r->chunks;
    r->stages = chunks ? r->pieces : 1;
    r->together = r->chunks == 1 && !r->config.fixed;
    r->counts = !r->together && !r->config.fixed;
    r->landed = r->computed = r->taken = r->own = r->receives = r->moves = 0;
    r->own_shares = r->stages > 1 ? r->chunks : 0;
    r->gathered = r->summed = r->own_shares ? 1 : 0; /* stage 0 is summed apart */
    r->open = false;
    r->tick_rc = MIX_OK;
    r->node_free = r->experts_free = 0;
    for (int round = 0; round < r->domains; round++) {
        r->mine[round] =
            round && r->config.fixed ? s->tokens[e->me] * each : mix_relay_rows_of(r, round);
        r->come[round] = s->tokens[mix_relay_owner(r, r->place, round)] * each;
        r->count_recv[round] = MIX_RELAY_NOTHING;
        r->known[round] = r->expected[round] = false;
    }
}

int mix_relay_start(struct mix_relay *r, struct mix_exchange *e, const struct mix_relay_rows *rows)
{
    int rc = MIX_OK;

    r->rows = *rows;
    begin(r, e);
    r->outer = mix_dev_tick_get(r->dev);
    mix_dev_tick_set(r->dev, tick, r);
    if (r->queue) {
        TRY(mix_queue_begin(r->queue, e->config.plan->depth > 1 ? e->config.plan->depth : 1));
        TRY(mix_relay_expect(r));
        TRY(mix_relay_send_rows(r, e));
    }
    TRY(wait_free(r));
    TRY(mix_relay_fill(r, e, mix_relay_landing(r, r->place, 0, 0), mix_relay_part(r, 0, r->mine[0]),
                       r->mine[0]));
    mix_relay_come_to(r, r->place)[0] = r->mine[0];
    r->open = true;
    TRY(mix_relay_progress(r));
out:
    if (rc)
        mix_dev_tick_set(r->dev, r->outer.tick, r->outer.ctx);
    return rc;
}

/* ---- finish */

/* Have all members computed a stage? */
static bool is_computed(const struct mix_relay *r, int stage)
{
    return behind(r, MIX_RELAY_COMPUTED, r->stage_base + (uint64_t)stage + 1) == NOBODY;
}

static void saw_stage(const struct mix_relay *r, const struct mix_exchange *e,
                      enum mix_exchange_event event, int stage)
{
    mix_exchange_saw(e, event, stage, mix_relay_piece_origin(r, mix_relay_first_piece(r, stage)));
}

/* Sum what all have computed for other domains, as soon as it is there, and send it off; *acted if
 * there was something to do. */
static int sum_next(struct mix_relay *r, struct mix_exchange *e, bool *acted)
{
    int rc = MIX_OK;

    if (r->gathered < r->stages && is_computed(r, r->gathered)) {
        for (int piece = mix_relay_first_piece(r, r->gathered);
             piece < mix_relay_last_piece(r, r->gathered); piece++) {
            int come = mix_relay_come(r, r->place, mix_relay_piece_round(r, piece));
            struct mix_relay_part p = mix_relay_part(r, piece, come);

            TRY(mix_relay_sum(r, e, p, p.from, p.to));
        }
        r->gathered_at[r->gathered++] = r->node_free;
        *acted = true;
    }
    if (r->summed < r->gathered && mix_now() >= r->gathered_at[r->summed]) {
        TRY(mix_relay_send_back(r, e, r->summed));
        saw_stage(r, e, MIX_EVENT_RETURNED, r->summed++);
        *acted = true;
    }
out:
    return rc;
}

/* When there is nothing else to do, a share of the sums for the own domain: these have no way to
 * go, and must not keep others from leaving. */
static int sum_own(struct mix_relay *r, struct mix_exchange *e, bool *acted)
{
    int rc = MIX_OK;
    struct mix_relay_part p = mix_relay_part(r, 0, r->mine[0]);

    if (r->own < r->own_shares && is_computed(r, 0) && mix_now() >= r->node_free) {
        TRY(mix_relay_sum(r, e, p, (int)((int64_t)p.to * r->own / r->own_shares),
                          (int)((int64_t)p.to * (r->own + 1) / r->own_shares)));
        r->own++;
        *acted = true;
    }
out:
    return rc;
}

/* Is there something that only a clock of pace.h holds back? */
static bool is_paced(const struct mix_relay *r)
{
    return r->computed < r->taken || r->summed < r->gathered || mix_now() < r->node_free;
}

static bool all_summed(const struct mix_relay *r)
{
    return r->summed == r->stages && r->own == r->own_shares && mix_now() >= r->node_free;
}

/* Compute the next stage, as soon as it has come to all. */
static int compute_next(struct mix_relay *r, struct mix_exchange *e, bool *acted)
{
    int rc = MIX_OK;

    if (r->computed < r->taken && mix_now() >= r->computed_at[r->computed]) {
        r->computed++;
        mix_window_raise(r->window, MIX_RELAY_COMPUTED, r->stage_base + (uint64_t)r->computed);
        *acted = true;
    } else if (r->taken < r->stages &&
               behind(r, MIX_RELAY_LANDED,
                      r->landed_base + (uint64_t)mix_relay_last_piece(r, r->taken)) == NOBODY) {
        TRY(mix_relay_compute(r, e, r->taken));
        saw_stage(r, e, MIX_EVENT_COMPUTED, r->taken++);
        *acted = true;
    }
out:
    return rc;
}

/* The domain of the first piece of mine whose results are missing, or NOBODY. */
static int missing(const struct mix_relay *r)
{
    for (int piece = 1; piece < r->pieces; piece++)
        if (!mix_relay_arrived(r, r->back_recv[piece]))
            return mix_relay_domain(r, mix_relay_piece_round(r, piece));
    return NOBODY;
}

/* The stage to be computed next has not come to all. */
static int wait_landed(struct mix_relay *r, bool *wire)
{
    uint64_t pieces = r->landed_base + (uint64_t)mix_relay_last_piece(r, r->taken);
    int member = behind(r, MIX_RELAY_LANDED, pieces);

    *wire = member == r->place;
    return *wire ? turn(r, r->rail, "dispatch", mix_relay_piece_origin(r, r->landed))
                 : turn(r, r->node, "dispatch", member);
}

/* Is it not known yet how many rows come next? */
static bool waits_for_count(const struct mix_relay *r)
{
    return r->counts && r->landed > 0 && r->landed < r->pieces && /* piece 0 is my own */
           !r->known[mix_relay_piece_round(r, r->landed)];
}

/* Nothing can be done now: wait for what comes first. */
static int wait_next(struct mix_relay *r, struct mix_exchange *e)
{
    int rc = MIX_OK, domain = missing(r);
    double start = mix_now();
    bool wire = false;

    mix_exchange_enter(e, r->taken == r->stages ? MIX_PHASE_COMBINE
                          : waits_for_count(r)  ? MIX_PHASE_COUNTS
                                                : MIX_PHASE_DISPATCH);
    if (is_paced(r)) {
        mix_pace_nap();
    } else if (r->taken < r->stages) {
        TRY(wait_landed(r, &wire));
    } else if (r->gathered < r->stages) {
        uint64_t stages = r->stage_base + (uint64_t)r->gathered + 1;

        TRY(turn(r, r->node, "experts", behind(r, MIX_RELAY_COMPUTED, stages)));
    } else { /* results, or my own last messages */
        wire = true;
        TRY(turn(r, r->rail, "combine", domain == NOBODY ? mix_relay_origin(r, 1) : domain));
    }
    *(wire ? &e->times.between_s : &e->times.wait_s) += mix_now() - start;
out:
    return rc;
}

int mix_relay_finish(struct mix_relay *r, struct mix_exchange *e)
{
    int rc = MIX_OK;
    bool shown = false; /* that I have read all of the others' */

    r->since = mix_now();
    while (!shown || missing(r) != NOBODY || (r->queue && !mix_queue_done(r->queue))) {
        bool acted = false;

        TRY(r->tick_rc);
        TRY(mix_relay_progress(r));
        TRY(sum_next(r, e, &acted));
        if (!acted)
            TRY(compute_next(r, e, &acted));
        if (!acted)
            TRY(sum_own(r, e, &acted));
        if (!shown && all_summed(r)) {
            mix_window_raise(r->window, MIX_RELAY_SUMMED, r->stage_base + (uint64_t)r->stages);
            shown = acted = true;
        }
        if (acted)
            r->since = mix_now();
        else
            TRY(wait_next(r, e));
    }
out:
    mix_dev_tick_set(r->dev, r->outer.tick, r->outer.ctx);
    return rc;
}
