/* exchange.c - random routings through every exchange, on every mesh of this number of ranks.
 *
 * All follows from a seed, so every rank knows what it must get: which rows its experts meet,
 * exactly once each; y, bit by bit, as a fold in the order that exchange.h states, and within 1e-5
 * in double; bytes and messages, as count.h counts them; in which order pieces move; that a step
 * allocates nothing.  Experts are one multiplication a number. */
#include "exchange/exchange.h"
#include "allocations.h"
#include "base/err.h"
#include "base/log.h"
#include "exchange/count.h"
#include "exchange/route.h"
#include "exchange_world.h"
#include "kernels/fp8.h"
#include "kernels/kernels.h"
#include "rig.h"
#include "tap_mpi.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct mix_comm *comm;
static struct mix_dev *dev;
static int world, me, steps; /* steps: of a mesh */

/* ---- the experts of this rank: they look at what they get */

static int run(void *ctx, float *out, const void *x, const int *first)
{
    struct world_step *w = ctx;
    struct mix_place place = mix_plan_place(&w->plan, me);
    int32_t mine[MOST_EXPERTS];
    int n = mix_homes_local(&w->homes, 0, place.ep_i, mine);

    for (int l = 0; l < n; l++)
        for (int r = first[l]; r < first[l + 1]; r++) {
            float row[HIDDEN];
            int t;

            for (int c = 0; c < HIDDEN; c++)
                row[c] = w->type == MIX_BF16
                             ? mix_bf16_to_f32(((const uint16_t *)x)[r * HIDDEN + c])
                             : ((const float *)x)[r * HIDDEN + c];
            t = (int)row[0] + (int)row[1] * 8;
            if (t < 0 || t >= w->first[w->copy_size] || memcmp(row, w->x[t], sizeof row)) {
                w->strange = true;
                continue;
            }
            w->seen[mine[l]][t]++;
            for (int c = 0; c < HIDDEN; c++)
                out[r * HIDDEN + c] = slice(mine[l], place.etp_i, c, row[c]);
        }
    return MIX_OK;
}

/* Every row that must come has come once, and no other. */
static bool all_seen(const struct world_step *w)
{
    int mine = mix_plan_place(&w->plan, me).ep_i;
    bool good = !w->strange;

    for (int e = 0; e < w->experts; e++)
        for (int t = 0; t < w->first[w->copy_size]; t++) {
            int want = 0;

            for (int j = 0; j < w->k; j++)
                want += w->expert[t * w->k + j] == e && home_of(w, t, e) == mine;
            good &= w->seen[e][t] == want;
        }
    return good;
}

/* ---- what must come out */

static bool as_stated(const struct world_step *w, const float *y)
{
    int mine = me % w->copy_size;
    bool good = true;

    for (int t = w->first[mine]; t < w->first[mine + 1]; t++)
        for (int c = 0; c < HIDDEN; c++) {
            volatile float want = before(w, t, c);
            double near, exact = exactly(w, t, c, &near);

            want = want + stated(w, t, c);
            good &= y[(t - w->first[mine]) * HIDDEN + c] == want;
            good &= w->wire != MIX_F32 || fabs(want - exact) <= near;
        }
    return good;
}

/* ---- what happens to pieces */

/* Pieces land one by one, nearest domain first; a stage is computed when its pieces have landed,
 * and returned when it is computed. */
static void watch(void *ctx, enum mix_exchange_event event, int number, int domain)
{
    struct world_step *w = ctx;
    int each = w->plan.domain_size, domains = (w->copy_size + each - 1) / each;
    int distance = (me % w->copy_size / each - domain + domains) % domains;

    if (event == MIX_EVENT_LANDED) {
        w->disorder |= number != w->landed || distance < w->nearness;
        w->landed++;
        w->nearness = distance;
    } else if (event == MIX_EVENT_COMPUTED) {
        w->disorder |= number != w->computed || number >= w->landed;
        w->computed++;
    } else {
        /* of several stages the first is the own domain's, which does not travel */
        w->disorder |= number != w->returned && !(w->returned == 0 && number == 1);
        w->disorder |= number >= w->computed;
        w->returned = number + 1;
    }
}

/* ---- one step */

/* Messages that so many rows travel in. */
static uint64_t chunks_of(int rows, int chunks)
{
    int most = chunks > 1 ? chunks : 1;

    return (uint64_t)(rows < most ? rows : most);
}

/* With frozen sizes payload is what it would be, no counts travel, and all that could be is sent.
 */
static bool counted_fixed(const struct world_step *w, const struct mix_exchange_traffic *was,
                          const struct mix_exchange_traffic *is,
                          const struct mix_exchange_traffic *want)
{
    bool fused = w->plan.exchange == MIX_EXCHANGE_FUSED;
    int d = w->plan.domain_size, mine = me % w->copy_size, each = fused ? 1 : w->k;
    bool narrow = w->plan.numeric.dispatch == MIX_F8E4M3;
    uint64_t out = (narrow ? mix_fp8_row(HIDDEN) : HIDDEN * mix_dtype_size(w->type)) +
                   (fused ? (uint64_t)w->k * 8 : 4);
    uint64_t all = 0, sent = 0, back = HIDDEN * mix_dtype_size(w->wire);
    uint64_t there = 0, home = 0; /* messages: a chunk has a row at least */
    int chunks = mix_route_chunks(&w->plan, w->tokens, w->copy_size, out);
    bool good =
        is->bytes[MIX_PHASE_COUNTS][MIX_BETWEEN] == was->bytes[MIX_PHASE_COUNTS][MIX_BETWEEN];

    for (int m = mine % d; m < w->copy_size; m += d)
        if (m != mine) {
            all +=
                (uint64_t)(w->tokens[mine] * each) * out + (uint64_t)(w->tokens[m] * each) * back;
            there += chunks_of(w->tokens[mine] * each, chunks);
            home += chunks_of(w->tokens[m] * each, chunks);
        }
    good &= is->messages[MIX_PHASE_DISPATCH][MIX_BETWEEN] -
                was->messages[MIX_PHASE_DISPATCH][MIX_BETWEEN] ==
            there;
    good &= is->messages[MIX_PHASE_COMBINE][MIX_BETWEEN] -
                was->messages[MIX_PHASE_COMBINE][MIX_BETWEEN] ==
            home;
    for (int p = MIX_PHASE_DISPATCH; p <= MIX_PHASE_COMBINE; p++) {
        good &= memcmp(is->bytes[p], want->bytes[p], sizeof is->bytes[p]) == 0;
        sent += is->bytes[p][MIX_BETWEEN] - was->bytes[p][MIX_BETWEEN];
    }
    return good && is->padding - was->padding == all - sent;
}

static bool counted(const struct world_step *w, bool fixed, const struct mix_exchange_traffic *was,
                    const struct mix_exchange_traffic *is)
{
    struct mix_exchange_traffic want = *was;
    const int32_t *expert[RANKS];
    struct mix_count_step step = {
        .hidden = HIDDEN, .k = w->k, .type = w->type, .tokens = w->tokens, .expert = expert};

    for (int m = 0; m < w->copy_size; m++)
        expert[m] = w->expert + w->first[m] * w->k;
    if (mix_exchange_count(&w->plan, &w->homes, &step, me, &want) != MIX_OK)
        return false;
    return fixed && w->plan.exchange >= MIX_EXCHANGE_MIXSERVE && w->copy_size > w->plan.domain_size
               ? counted_fixed(w, was, is, &want)
               : memcmp(&want, is, sizeof want) == 0;
}

/* What a caller may do while rows travel: a kernel, which ticks. */
static int shared_expert(void)
{
    static float x[4][HIDDEN], y[4][HIDDEN], ones[HIDDEN];
    struct mix_rmsnorm norm = {
        .y = y, .x = x[0], .w = ones, .type = MIX_F32, .tokens = 4, .dim = HIDDEN, .eps = 1};

    return mix_kernels_of(dev)->rmsnorm(dev, &norm);
}

static int exchange(struct mix_exchange *e, struct world_step *w, float *y)
{
    int rc = MIX_OK, mine = me % w->copy_size, first = w->first[mine], n = w->tokens[mine];
    uint16_t narrow[OWNED * HIDDEN];
    struct mix_exchange_step step = {
        .x = w->type == MIX_BF16 ? (const void *)narrow : w->given[first],
        .expert = w->expert + first * w->k,
        .weight = w->weight + first * w->k,
        .tokens = w->tokens,
        .run = run,
        .ctx = w,
    };

    for (int i = 0; i < n * HIDDEN; i++) {
        narrow[i] = mix_f32_to_bf16(w->given[first + i / HIDDEN][i % HIDDEN]);
        y[i] = before(w, first + i / HIDDEN, i % HIDDEN);
    }
    allocations = 0;
    TRY(mix_exchange_start(e, &step));
    TRY(shared_expert());
    TRY(mix_exchange_finish(e, y));
out:
    return rc;
}

/* ---- many steps on one mesh */

static int make_homes(struct world_step *w, enum spread spread, uint32_t number_of_mesh)
{
    int32_t home[MOST_EXPERTS * 2];
    int ep = w->plan.ep;

    if (spread == IDENTITY || ep == 1)
        return mix_homes_identity(&w->homes, 1, w->experts, ep);
    for (int e = 0; e < w->experts; e++) {
        uint32_t x = draw(7, number_of_mesh, (uint32_t)e);
        int a = (int)(x % (uint32_t)ep), b = (int)(x / 64 % (uint32_t)ep);

        home[2 * e] = a < b ? a : b;
        home[2 * e + 1] = a == b || spread == SHUFFLED ? -1 : a < b ? b : a;
    }
    return mix_homes_set(&w->homes, 1, w->experts, ep, 2, home);
}

static int mesh(struct world_step *w, struct mix_plan plan, enum spread spread, uint32_t n)
{
    static const int experts[] = {6, 8, 12}, ks[] = {1, 2, 3, MOST_EXPERTS};
    int rc = MIX_OK, done = 0;
    size_t held = mix_dev_allocated(dev);
    bool seen = true, stated = true, sent = true, ordered = true, frugal = true;
    float y[OWNED * HIDDEN];
    struct mix_exchange *e = NULL;

    mesh_number = n;
    *w = (struct world_step){.plan = plan, .type = n % 2 ? MIX_BF16 : MIX_F32};
    w->wire = w->type == MIX_BF16 && n / 2 % 2 ? MIX_BF16 : MIX_F32;
    w->plan.numeric.wire = (int32_t)w->wire;
    w->plan.numeric.dtype = w->plan.numeric.dispatch = (int32_t)w->type;
    if (draw(8, n, 3) % 3 == 0)
        w->plan.numeric.dispatch = MIX_F8E4M3;
    w->plan.chunks = (int32_t)(draw(8, n, 0) % 8);
    w->plan.depth = (int32_t)(draw(8, n, 1) % 2 + 1);
    w->experts = experts[draw(8, n, 4) % 3];
    w->k = ks[draw(8, n, 5) % 4];
    w->k = w->k < w->experts ? w->k : w->experts;
    w->copy_size = plan.numeric.etp * plan.ep;
    w->copy = me / w->copy_size;
    TRY(make_homes(w, spread, n));
    struct mix_exchange_config config = {.dev = dev,
                                         .comm = comm,
                                         .plan = &w->plan,
                                         .homes = &w->homes,
                                         .type = w->type,
                                         .hidden = HIDDEN,
                                         .k = w->k,
                                         .max_owned = OWNED,
                                         .max_rows = n % 4 == 0 ? 5 : OWNED * MOST_EXPERTS,
                                         .fixed = draw(8, n, 2) % 4 == 0,
                                         .watch = watch,
                                         .watch_ctx = w};

    allocations = 0;
    TRY(mix_exchange_open(&e, &config));
    frugal = allocations > 0; /* they are counted */
    for (; done < steps; done++) {
        struct mix_exchange_traffic was = mix_exchange_traffic(e), is;

        make_step(w, (uint32_t)done);
        TRY(exchange(e, w, y));
        is = mix_exchange_traffic(e);
        seen &= all_seen(w);
        stated &= as_stated(w, y);
        sent &= counted(w, config.fixed, &was, &is);
        ordered &= !w->disorder && w->computed == w->returned;
        frugal &= allocations == 0;
    }
out:
    mix_exchange_close(e);
    mix_homes_fini(&w->homes);
    if (rc || !seen || !stated || !sent || !ordered || !frugal)
        printf("# rank %d: code %d%s%s%s%s%s\n", me, rc, seen ? "" : ", other rows",
               stated ? "" : ", other sums", sent ? "" : ", other traffic",
               ordered ? "" : ", disorder", frugal ? "" : ", allocations");
    ok_all(rc == MIX_OK && seen && stated && sent && ordered && frugal &&
               mix_dev_allocated(dev) == held,
           "%s, domains of %d, etp %d ep %d, %d of %d experts (%s), %s, wire %s, %d chunks, depth "
           "%d%s%s",
           mix_exchange_kind_name(plan.exchange), plan.domain_size, plan.numeric.etp, plan.ep, w->k,
           w->experts, spread_names[spread], mix_dtype_name(w->type), mix_dtype_name(w->wire),
           (int)w->plan.chunks, (int)w->plan.depth, config.fixed ? ", fixed sizes" : "",
           w->plan.numeric.dispatch == MIX_F8E4M3 ? ", eight bits" : "");
    return done;
}

static void refused(struct world_step *w)
{
    struct mix_plan plan = {.numeric = {.tp = 1, .etp = 1},
                            .world = world,
                            .domains = 1,
                            .domain_size = world,
                            .dp = world,
                            .ep = world,
                            .edp = 1};
    struct mix_exchange *e = NULL;
    float y[OWNED * HIDDEN];
    int rc = MIX_OK;

    *w = (struct world_step){.plan = plan, .experts = 8, .k = 2, .copy_size = world};
    TRY(mix_homes_identity(&w->homes, 1, 8, world));
    for (int kind = 0; kind < MIX_EXCHANGE_KINDS; kind++) {
        struct mix_exchange_config config = {.dev = dev,
                                             .comm = comm,
                                             .plan = &w->plan,
                                             .homes = &w->homes,
                                             .hidden = HIDDEN,
                                             .k = 2,
                                             .max_owned = OWNED,
                                             .max_rows = OWNED};

        w->plan.exchange = kind;
        TRY(mix_exchange_open(&e, &config));
        make_step(w, 2);
        for (int m = 0; m < world; m++) { /* a token each, so that all refuse */
            w->tokens[m] = 1;
            w->first[m + 1] = m + 1;
            w->expert[2 * m] = 8;
        }
        mix_log_level(MIX_LOG_SILENT);
        ok_all(exchange(e, w, y) == MIX_EBUG, "%s: an expert that does not exist is refused",
               mix_exchange_kind_name(kind));
        mix_log_level(MIX_LOG_INFO);
        mix_exchange_close(e);
        e = NULL;
    }
out:
    ok_all(rc == MIX_OK, "refusals");
    mix_homes_fini(&w->homes);
}

int main(int argc, char **argv)
{
    struct world_step *w = calloc(1, sizeof *w);
    int cases = 0;
    uint32_t n = 0;

    if (argc > 1)
        seed = atoi(argv[1]);
    if (!w || rig_comm(&comm) != MIX_OK || mix_dev_open(&dev, "cpu", 0, 1) != MIX_OK)
        return 1;
    world = mix_comm_size(comm);
    me = mix_comm_rank(comm);
    steps = world == 8 ? 20 : 30;
    if (me > 0)
        tap_mute();
    for (int domain = 1; domain <= world; domain *= 2)
        for (int etp = 1; etp <= domain; etp *= 2)
            for (int ep = 1; ep * etp <= world; ep *= 2)
                for (int kind = 0; kind < MIX_EXCHANGE_KINDS; kind++)
                    for (int spread = 0; spread < SPREADS; spread++) {
                        mix_comm_domain_set(comm, domain);
                        cases += mesh(w,
                                      (struct mix_plan){.numeric = {.tp = 1, .etp = etp},
                                                        .world = world,
                                                        .domains = world / domain,
                                                        .domain_size = domain,
                                                        .dp = world,
                                                        .ep = ep,
                                                        .edp = world / (etp * ep),
                                                        .exchange = kind},
                                      (enum spread)spread, n++);
                    }
    mix_comm_domain_set(comm, 0);
    refused(w);
    ok_all(cases == (int)n * steps, "%d random steps, seed %d", cases, seed);
    mix_dev_close(dev);
    free(w);
    rig_comm_close(comm);
    return tap_done();
}
