/* exchange.c - the table of algorithms, what they share, and the calls that go through it. */
#include "exchange/exchange.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "exchange/exchange_private.h"
#include "exchange/pace.h"
#include "exchange/route.h"

#include <stdlib.h>

const struct mix_exchange_ops *const mix_exchange_table[MIX_EXCHANGE_KINDS] = {
    [MIX_EXCHANGE_TP] = &mix_exchange_tp,         [MIX_EXCHANGE_EP] = &mix_exchange_ep,
    [MIX_EXCHANGE_HYBRID] = &mix_exchange_hybrid, [MIX_EXCHANGE_MIXSERVE] = &mix_exchange_mixserve,
    [MIX_EXCHANGE_FUSED] = &mix_exchange_fused,
};

static int check(const struct mix_exchange_config *c)
{
    int rc = MIX_OK;
    const struct mix_plan *p = c->plan;

    MIX_CHECK(p->exchange >= 0 && p->exchange < MIX_EXCHANGE_KINDS, "exchange kind %d",
              p->exchange);
    MIX_CHECK((c->type == MIX_F32 || c->type == MIX_BF16) &&
                  (p->numeric.wire == MIX_F32 || p->numeric.wire == MIX_BF16),
              "an exchange of %s, back in %s", mix_dtype_name(c->type),
              mix_dtype_name((enum mix_dtype)p->numeric.wire));
    MIX_CHECK(c->hidden > 0 && c->k > 0 && c->k <= c->homes->experts && c->max_owned > 0 &&
                  c->max_rows > 0 && c->homes->ep == p->ep,
              "an exchange of hidden %d, %d of %d experts, %d tokens owned, %d rows at a time, "
              "homes on %d of %d",
              c->hidden, c->k, c->homes->experts, c->max_owned, c->max_rows, c->homes->ep, p->ep);
    MIX_CHECK((int64_t)c->max_owned * c->k * p->numeric.etp * p->ep <= INT32_MAX,
              "an exchange of %d tokens on each of %d ranks, to %d experts each", c->max_owned,
              p->numeric.etp * p->ep, c->k);
out:
    return rc;
}

/* Where experts are, and where mine go, in every layer. */
static int look_at_homes(struct mix_exchange *e)
{
    int rc = MIX_OK;
    const struct mix_homes *h = e->config.homes;

    TRY(mix_calloc(&e->slots, (size_t)h->layers * (size_t)(h->ep + 1), sizeof *e->slots,
                   "routing"));
    TRY(mix_calloc(&e->choice, (size_t)h->layers * (size_t)h->experts, sizeof *e->choice,
                   "routing"));
    TRY(mix_calloc(&e->domain, (size_t)h->layers * (size_t)h->experts, sizeof *e->domain,
                   "routing"));
    TRY(mix_calloc(&e->local, (size_t)h->layers * (size_t)h->experts, sizeof *e->local, "routing"));
    for (int l = 0; l < h->layers; l++) {
        mix_route_slots(h, l, e->slots + (long)l * (h->ep + 1));
        mix_route_choices(h, e->config.plan, l, mix_comm_rank(e->config.comm),
                          e->choice + (long)l * h->experts);
        for (int i = 0; i < h->experts; i++) {
            int home = mix_homes_choose(h, e->config.plan, l, i, mix_comm_rank(e->config.comm));

            e->domain[l * h->experts + i] =
                home * e->config.plan->numeric.etp / e->config.plan->domain_size;
        }
        for (int i = 0, n = 0; i < h->experts; i++)
            e->local[l * h->experts + i] = mix_homes_at(h, l, i, e->place.ep_i) ? n++ : -1;
    }
out:
    return rc;
}

/* Room for x in eight bits and back, if that is how rows go to experts. */
static int open_rounding(struct mix_exchange *e)
{
    int rc = MIX_OK;
    const struct mix_exchange_config *c = &e->config;
    size_t owned = (size_t)c->max_owned, row = (size_t)c->hidden * mix_dtype_size(c->type);

    if (c->plan->numeric.dispatch != MIX_F8E4M3)
        goto out;
    TRY(mix_dev_alloc(c->dev, &e->codes, owned * mix_fp8_row(c->hidden), "rows of an exchange"));
    TRY(mix_dev_alloc(c->dev, &e->rounded, owned * row, "rows of an exchange"));
    TRY(mix_dev_alloc(c->dev, &e->at_d, owned * sizeof *e->at_d, "routing"));
    TRY(mix_calloc(&e->at, owned, sizeof *e->at, "routing"));
out:
    return rc;
}

/* x in the numbers that eight bits have, whether it travels so or not: what an expert meets does
 * not depend on where it is. */
static int round_x(struct mix_exchange *e)
{
    int rc = MIX_OK, rows = e->step.tokens[e->me];
    const struct mix_exchange_config *c = &e->config;
    size_t row = (size_t)c->hidden * mix_dtype_size(c->type);
    struct mix_fp8_pack pack = {.y = e->codes,
                                .at = (const void *const *)e->at_d,
                                .x_type = c->type,
                                .rows = rows,
                                .dim = c->hidden};
    struct mix_fp8_unpack unpack = {
        .y = e->rounded, .x = e->codes, .y_type = c->type, .rows = rows, .dim = c->hidden};

    if (!e->rounded)
        goto out;
    for (int i = 0; i < rows; i++)
        e->at[i] = (const char *)e->step.x + (size_t)i * row;
    TRY(mix_dev_upload(c->dev, e->at_d, e->at, (size_t)rows * sizeof *e->at));
    TRY(e->kern->fp8_pack(c->dev, &pack));
    TRY(e->kern->fp8_unpack(c->dev, &unpack));
    e->step.x = e->rounded;
out:
    return rc;
}

int mix_exchange_open(struct mix_exchange **out, const struct mix_exchange_config *config)
{
    int rc = MIX_OK, etp = config->plan->numeric.etp, rank = mix_comm_rank(config->comm);
    struct mix_exchange *e = NULL;

    TRY(check(config));
    TRY(mix_calloc(&e, 1, sizeof *e, "an exchange"));
    e->ops = mix_exchange_table[config->plan->exchange];
    e->config = *config;
    e->kern = mix_kernels_of(config->dev);
    e->place = mix_plan_place(config->plan, rank);
    e->size = etp * config->plan->ep;
    e->me = rank % e->size;
    e->spans = rank / e->size * e->size / config->plan->domain_size !=
               ((rank / e->size + 1) * e->size - 1) / config->plan->domain_size;
    e->wire = (enum mix_dtype)config->plan->numeric.wire;
    TRY(look_at_homes(e));
    TRY(open_rounding(e));
    TRY(e->ops->open(e));
    *out = e;
    e = NULL;
out:
    mix_exchange_close(e);
    return rc;
}

void mix_exchange_close(struct mix_exchange *e)
{
    if (!e)
        return;
    e->ops->close(e);
    mix_dev_release(e->config.dev, e->codes);
    mix_dev_release(e->config.dev, e->rounded);
    mix_dev_release(e->config.dev, e->at_d);
    free(e->at);
    free(e->slots);
    free(e->choice);
    free(e->domain);
    free(e->local);
    free(e);
}

int mix_exchange_group(struct mix_group **g, struct mix_comm *comm, const struct mix_plan *plan,
                       enum mix_mesh_group which)
{
    int rc = MIX_OK, n, *member = NULL;

    TRY(mix_calloc(&member, (size_t)plan->world, sizeof *member, "a group"));
    n = mix_mesh_members(plan, which, mix_comm_rank(comm), member);
    TRY(mix_group_open(g, comm, mix_mesh_name(which), member, n));
out:
    free(member);
    return rc;
}

const int *mix_exchange_slots(const struct mix_exchange *e)
{
    return e->slots + (long)e->step.layer * (e->config.plan->ep + 1);
}

const int32_t *mix_exchange_domains(const struct mix_exchange *e)
{
    return e->domain + (long)e->step.layer * e->config.homes->experts;
}

int mix_exchange_locals(const struct mix_exchange *e)
{
    const int *slots = mix_exchange_slots(e);

    return slots[e->place.ep_i + 1] - slots[e->place.ep_i];
}

void mix_exchange_charge(struct mix_exchange *e, enum mix_exchange_phase phase,
                         const struct mix_group *g, struct mix_group_stats before)
{
    struct mix_group_stats now = mix_group_stats(g);
    struct mix_exchange_traffic *t = &e->traffic;

    e->times.wait_s += now.wait_s - before.wait_s;
    t->bytes[phase][MIX_INSIDE] += now.bytes_inside - before.bytes_inside;
    t->bytes[phase][MIX_BETWEEN] += now.bytes_between - before.bytes_between;
    t->messages[phase][MIX_INSIDE] += now.messages_inside - before.messages_inside;
    t->messages[phase][MIX_BETWEEN] += now.messages_between - before.messages_between;
}

void mix_exchange_pace(const struct mix_exchange *e, const struct mix_group *g, const size_t *bytes,
                       double start)
{
    const struct mix_pace *pace = e->config.pace;
    int domain = e->config.plan->domain_size, mine = mix_comm_rank(e->config.comm) / domain;
    double read = 0;

    if (!pace || !(pace->inside_rate > 0))
        return;
    for (int m = 0; m < mix_group_size(g); m++)
        if (m != mix_group_rank(g) && mix_group_world(g, m) / domain == mine)
            read += (double)bytes[m];
    mix_pace_until(start + read / pace->inside_rate);
}

void mix_exchange_enter(struct mix_exchange *e, enum mix_exchange_phase phase)
{
    double now = mix_now();

    e->times.phase_s[e->phase] += now - e->entered - (e->times.experts_s - e->experts_then);
    e->phase = phase;
    e->entered = now;
    e->experts_then = e->times.experts_s;
}

/* Nothing that passed before belongs to a phase. */
static void begin_phases(struct mix_exchange *e, double now)
{
    e->phase = MIX_PHASE_DISPATCH;
    e->entered = now;
    e->experts_then = e->times.experts_s;
}

/* All seconds that are charged so far. */
static double charged(const struct mix_exchange *e)
{
    return e->times.experts_s + e->times.inside_s + e->times.between_s + e->times.wait_s;
}

/* Charge what passed since start and is not charged yet, to the widest link of the copy. */
static void charge_rest(struct mix_exchange *e, double start, double before)
{
    double rest = mix_now() - start - (charged(e) - before);

    *(e->spans ? &e->times.between_s : &e->times.inside_s) += rest;
}

int mix_exchange_start(struct mix_exchange *e, const struct mix_exchange_step *step)
{
    int rc = MIX_OK;
    double start = mix_now(), before = charged(e);

    for (int m = 0; m < e->size; m++)
        MIX_CHECK(step->tokens[m] >= 0 && step->tokens[m] <= e->config.max_owned,
                  "rank %d of a copy owns %d tokens, at most %d", m, step->tokens[m],
                  e->config.max_owned);
    begin_phases(e, start);
    e->step = *step;
    TRY(round_x(e));
    TRY(e->ops->start(e, &e->step));
    mix_exchange_enter(e, MIX_PHASE_DISPATCH);
    charge_rest(e, start, before);
out:
    return rc;
}

int mix_exchange_finish(struct mix_exchange *e, float *y)
{
    int rc = MIX_OK;
    double start = mix_now(), before = charged(e);

    begin_phases(e, start);
    TRY(e->ops->finish(e, y));
    mix_exchange_enter(e, MIX_PHASE_DISPATCH);
    charge_rest(e, start, before);
out:
    return rc;
}

struct mix_exchange_times mix_exchange_times(const struct mix_exchange *e)
{
    return e->times;
}

struct mix_exchange_traffic mix_exchange_traffic(const struct mix_exchange *e)
{
    return e->traffic;
}
