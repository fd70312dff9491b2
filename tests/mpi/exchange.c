/* exchange.c - random routings through every exchange, on every mesh of this number of ranks.
 *
 * Tokens, weights, routing and homes follow from a seed, so every rank knows what it must get:
 * which rows its experts meet, exactly once each; y, bit by bit, as a fold in the order that
 * exchange.h states; bytes and messages, as count.h counts them.  Experts are one multiplication a
 * number, so that a slice's result is known exactly. */
#include "exchange/exchange.h"
#include "base/dtype.h"
#include "base/err.h"
#include "base/log.h"
#include "base/rng.h"
#include "exchange/count.h"
#include "kernels/fp8.h"
#include "rig.h"
#include "tap_mpi.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HIDDEN = 12, MOST_EXPERTS = 12, OWNED = 12, RANKS = 8, TOKENS = OWNED * RANKS };

static struct mix_comm *comm;
static struct mix_dev *dev;
static int world, me, seed = 20261124;

/* ---- everything from a seed */

static uint32_t draw(uint32_t stream, uint32_t a, uint32_t b)
{
    uint32_t word[4], counter[4] = {a, b, stream, 0}, key[2] = {(uint32_t)seed, 0};

    mix_philox(word, counter, key);
    return word[0];
}

static float number(uint32_t stream, uint32_t a, uint32_t b)
{
    return (float)((double)draw(stream, a, b) * 0x1p-31 - 1.0);
}

enum spread { IDENTITY, SHUFFLED, TWO_HOMES, SPREADS };
static const char *const spread_names[] = {"identity", "shuffled", "two homes"};

/* One step of one copy, as all of its ranks know it. */
struct world_step {
    struct mix_plan plan;
    struct mix_homes homes;
    enum mix_dtype type, wire;
    int experts, k, copy_size, copy; /* copy: which one is mine */
    uint32_t round;
    int tokens[RANKS], first[RANKS + 1];
    float given[TOKENS][HIDDEN]; /* x[1], x[0] are the token's number in digits of 8 */
    float x[TOKENS][HIDDEN];     /* the same as experts meet it */
    int32_t expert[TOKENS * MOST_EXPERTS];
    float weight[TOKENS * MOST_EXPERTS];
    unsigned char seen[MOST_EXPERTS][TOKENS];
    bool strange; /* a row came that no token has */
};

static float rounded(float x, enum mix_dtype type)
{
    return type == MIX_BF16 ? mix_bf16_to_f32(mix_f32_to_bf16(x)) : x;
}

/* What slice s of expert e makes of a number. */
static float slice(int e, int s, int c, float x)
{
    return x * number(1, (uint32_t)(e * 8 + s), (uint32_t)c);
}

/* What eight bits make of a row of one block: 3 bits of mantissa, at least 2^-9, and the smallest
 * power of two as scale for which 448 is enough. */
static void narrow_row(float *y, const float *x)
{
    float most = 0, scale = 1;

    for (int c = 0; c < HIDDEN; c++)
        most = fmaxf(most, fabsf(x[c]));
    while (most > 448 * scale)
        scale *= 2;
    while (most > 0 && most <= 448 * scale / 2)
        scale /= 2;
    for (int c = 0; c < HIDDEN; c++) {
        int e;
        float step;

        frexpf(x[c] / scale, &e);
        step = ldexpf(1, e - 4 < -9 ? -9 : e - 4);
        y[c] = nearbyintf(x[c] / scale / step) * step * scale;
    }
}

static void route(struct world_step *w, int t, int among)
{
    int left[MOST_EXPERTS], n = among;

    for (int e = 0; e < among; e++)
        left[e] = e;
    for (int j = 0; j < w->k; j++, n--) {
        uint32_t a = w->round * 16 + (uint32_t)w->copy;
        int at = (int)(draw(2, a, (uint32_t)(t * MOST_EXPERTS + j)) % (uint32_t)n);

        w->expert[t * w->k + j] = left[at];
        w->weight[t * w->k + j] = number(3, a, (uint32_t)(t * MOST_EXPERTS + j));
        memmove(left + at, left + at + 1, sizeof *left * (size_t)(n - at - 1));
    }
}

/* Round 0 has no token at all, 1 everything for the first experts, 2 a single owner, others are
 * random. */
static void make_step(struct world_step *w, uint32_t round)
{
    int among = round == 1                                 ? w->k
                : round % 5 == 3 && w->k <= w->experts / 2 ? w->experts / 2
                                                           : w->experts;

    w->round = round;
    for (int m = 0; m < w->copy_size; m++) {
        uint32_t x = draw(4, round * 16 + (uint32_t)w->copy, (uint32_t)m);

        w->tokens[m] = round == 0   ? 0
                       : round == 2 ? (m == w->copy_size / 2 ? OWNED : 0)
                       : x % 4 == 0 ? 0
                                    : (int)(x / 4 % (OWNED + 1));
        w->first[m + 1] = w->first[m] + w->tokens[m];
    }
    for (int t = 0; t < w->first[w->copy_size]; t++) {
        route(w, t, among);
        for (int c = 0; c < HIDDEN; c++)
            w->given[t][c] =
                c > 1
                    ? rounded(number(5, round * 16 + (uint32_t)w->copy, (uint32_t)(t * HIDDEN + c)),
                              w->type)
                    : (float)(c ? t / 8 : t % 8);
        memcpy(w->x[t], w->given[t], sizeof w->x[t]);
        if (w->plan.numeric.dispatch == MIX_F8E4M3)
            narrow_row(w->x[t], w->given[t]);
    }
    memset(w->seen, 0, sizeof w->seen);
    w->strange = false;
}

static float before(const struct world_step *w, int t, int c)
{
    return number(6, w->round * 16 + (uint32_t)w->copy, (uint32_t)(t * HIDDEN + c));
}

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

static int owner_of(const struct world_step *w, int t)
{
    int m = 0;

    while (w->first[m + 1] <= t)
        m++;
    return m;
}

static int home_of(const struct world_step *w, int t, int e)
{
    return mix_homes_choose(&w->homes, &w->plan, 0, e, w->copy * w->copy_size + owner_of(w, t));
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

/* A sum over the experts [low, low + width) by the tree; *any: is there one? */
struct leaves {
    float value[16];
    bool there[16];
};

static float tree(const struct leaves *x, int low, int width, bool *any)
{
    bool a = false, b = false;
    volatile float left, right;

    if (width == 1) {
        *any = x->there[low];
        return x->value[low];
    }
    left = tree(x, low, width / 2, &a);
    right = tree(x, low + width / 2, width / 2, &b);
    *any = a || b;
    return a && b ? left + right : a ? left : b ? right : 0;
}

/* Experts one by one: slices in rank order, rounded, weighted, by the tree. */
static float of_experts(const struct world_step *w, int t, int c)
{
    struct leaves x = {0};
    bool any;

    for (int j = 0; j < w->k; j++) {
        int e = w->expert[t * w->k + j];
        volatile float sum = slice(e, 0, c, w->x[t][c]);

        for (int s = 1; s < w->plan.numeric.etp; s++)
            sum = sum + slice(e, s, c, w->x[t][c]);
        x.there[e] = true;
        x.value[e] = w->weight[t * w->k + j] * rounded(sum, w->wire);
    }
    return tree(&x, 0, 16, &any);
}

/* What is at one home: slice by slice weighted, by the tree, rounded; then the slices in rank
 * order. */
static float of_home(const struct world_step *w, int t, int c, int h, enum mix_dtype wire,
                     bool *any)
{
    volatile float sum = 0;

    for (int s = 0; s < w->plan.numeric.etp; s++) {
        struct leaves x = {0};
        float share;

        for (int j = 0; j < w->k; j++) {
            int e = w->expert[t * w->k + j];

            x.there[e] = home_of(w, t, e) == h;
            x.value[e] = w->weight[t * w->k + j] * slice(e, s, c, w->x[t][c]);
        }
        share = rounded(tree(&x, 0, 16, any), wire);
        sum = s ? sum + share : share;
    }
    return sum;
}

/* All homes by the tree, each of them rounded, also those that have nothing. */
static float of_homes(const struct world_step *w, int t, int c)
{
    struct leaves homes = {0};
    bool any;

    for (int h = 0; h < w->plan.ep; h++) {
        homes.there[h] = true;
        homes.value[h] = of_home(w, t, c, h, w->wire, &any);
    }
    return tree(&homes, 0, 16, &any);
}

/* The homes of a domain by the tree, rounded; then the domains by the tree. */
static float of_domains(const struct world_step *w, int t, int c)
{
    struct leaves domains = {0};
    int each =
        w->copy_size > w->plan.domain_size ? w->plan.domain_size / w->plan.numeric.etp : w->plan.ep;
    bool any;

    for (int d = 0; d < w->plan.ep / each; d++) {
        struct leaves homes = {0};

        for (int h = 0; h < each; h++)
            homes.value[h] = of_home(w, t, c, d * each + h, MIX_F32, &homes.there[h]);
        domains.value[d] = rounded(tree(&homes, 0, 16, &domains.there[d]), w->wire);
    }
    return tree(&domains, 0, 16, &any);
}

static float stated(const struct world_step *w, int t, int c)
{
    return w->plan.exchange == MIX_EXCHANGE_TP      ? of_homes(w, t, c)
           : w->plan.exchange == MIX_EXCHANGE_FUSED ? of_domains(w, t, c)
                                                    : of_experts(w, t, c);
}

static bool as_stated(const struct world_step *w, const float *y)
{
    int mine = me % w->copy_size;
    bool good = true;

    for (int t = w->first[mine]; t < w->first[mine + 1]; t++)
        for (int c = 0; c < HIDDEN; c++) {
            volatile float want = before(w, t, c);

            want = want + stated(w, t, c);
            good &= y[(t - w->first[mine]) * HIDDEN + c] == want;
        }
    return good;
}

/* ---- one step */

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
    bool good =
        is->bytes[MIX_PHASE_COUNTS][MIX_BETWEEN] == was->bytes[MIX_PHASE_COUNTS][MIX_BETWEEN];

    for (int m = mine % d; m < w->copy_size; m += d)
        if (m != mine)
            all +=
                (uint64_t)(w->tokens[mine] * each) * out + (uint64_t)(w->tokens[m] * each) * back;
    for (int p = MIX_PHASE_DISPATCH; p <= MIX_PHASE_COMBINE; p++) {
        good &= memcmp(is->bytes[p], want->bytes[p], sizeof is->bytes[p]) == 0;
        sent += is->bytes[p][MIX_BETWEEN] - was->bytes[p][MIX_BETWEEN];
    }
    return good && is->padding[MIX_BETWEEN] - was->padding[MIX_BETWEEN] == all - sent;
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
    TRY(mix_exchange_start(e, &step));
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

static int steps_of(int ranks)
{
    return ranks == 8 ? 20 : 30;
}

static int mesh(struct world_step *w, struct mix_plan plan, enum spread spread, uint32_t n)
{
    static const int experts[] = {6, 8, 12}, ks[] = {1, 2, 3, MOST_EXPERTS};
    int rc = MIX_OK, done = 0;
    size_t held = mix_dev_allocated(dev);
    bool seen = true, stated = true, sent = true;
    float y[OWNED * HIDDEN];
    struct mix_exchange *e = NULL;

    *w = (struct world_step){.plan = plan, .type = n % 2 ? MIX_BF16 : MIX_F32};
    w->wire = w->type == MIX_BF16 && n / 2 % 2 ? MIX_BF16 : MIX_F32;
    w->plan.numeric.wire = (int32_t)w->wire;
    w->plan.numeric.dtype = w->plan.numeric.dispatch = (int32_t)w->type;
    if (draw(8, n, 3) % 3 == 0)
        w->plan.numeric.dispatch = MIX_F8E4M3;
    w->plan.chunks = (int32_t)(draw(8, n, 0) % 8);
    w->plan.depth = (int32_t)(draw(8, n, 1) % 2 + 1);
    w->experts = experts[n % 3];
    w->k = ks[n / 3 % 4] < w->experts ? ks[n / 3 % 4] : w->experts;
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
                                         .fixed = draw(8, n, 2) % 4 == 0};

    TRY(mix_exchange_open(&e, &config));
    for (; done < steps_of(world); done++) {
        struct mix_exchange_traffic was = mix_exchange_traffic(e), is;

        make_step(w, (uint32_t)done);
        TRY(exchange(e, w, y));
        is = mix_exchange_traffic(e);
        seen &= all_seen(w);
        stated &= as_stated(w, y);
        sent &= counted(w, config.fixed, &was, &is);
    }
out:
    mix_exchange_close(e);
    mix_homes_fini(&w->homes);
    if (rc || !seen || !stated || !sent)
        printf("# rank %d: code %d%s%s%s\n", me, rc, seen ? "" : ", other rows",
               stated ? "" : ", other sums", sent ? "" : ", other traffic");
    ok_all(rc == MIX_OK && seen && stated && sent && mix_dev_allocated(dev) == held,
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
    ok_all(cases > 0, "%d random steps, seed %d", cases, seed);
    mix_dev_close(dev);
    free(w);
    rig_comm_close(comm);
    return tap_done();
}
