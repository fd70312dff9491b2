/* exchange_count.c - traffic of tp, ep and hybrid by hand, against a walk of every copy of a token,
 * and its mean. */
#include "exchange/count.h"

#include "base/dtype.h"
#include "base/err.h"
#include "base/log.h"
#include "count_fixture.h"
#include "plan/cost.h"
#include "tap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- by hand: every expert's rank is its number, or half of it */

/* Four whole experts on four ranks, two domains; rank 0 has a token for experts 0 and 1 and one for
 * 1 and 3, rank 2 has one for 3 and 0.  A row is 40 bytes there, 20 back. */
static void whole_experts(void)
{
    static const int tokens[] = {2, 0, 1, 0};
    struct mix_plan plan = mesh(MIX_EXCHANGE_TP, 1, 4, 1, 2, MIX_BF16);
    struct mix_homes homes = {0};
    struct step x;

    mix_homes_identity(&homes, 1, 4, 4);
    make_step(&x, &plan, 4, 2, 0, tokens);
    memcpy(x.expert[0], (int32_t[]){0, 1, 1, 3}, 16);
    memcpy(x.expert[2], (int32_t[]){3, 0}, 8);

    /* tp: two tokens of 40 + 16 bytes to each of three; back one token's sum to rank 2 */
    ok(same(counted(&plan, &homes, &x, 0),
            T(.bytes = {{0, 0}, {112, 224}, {0, 20}}, .messages = {{0, 0}, {1, 2}, {0, 1}})),
       "tp, rank 0");
    ok(same(counted(&plan, &homes, &x, 1),
            T(.bytes = {{0, 0}, {0, 0}, {40, 20}}, .messages = {{0, 0}, {0, 0}, {1, 1}})),
       "tp, rank 1 has nothing, answers for all");
    ok(same(counted(&plan, &homes, &x, 3),
            T(.bytes = {{0, 0}, {0, 0}, {20, 40}}, .messages = {{0, 0}, {0, 0}, {1, 1}})),
       "tp, rank 3");

    /* ep: rank 0 sends two rows to 1, one to 3; 0 computes one row of rank 2's */
    plan.exchange = MIX_EXCHANGE_EP;
    ok(same(counted(&plan, &homes, &x, 0),
            T(.bytes = {{4, 8}, {80, 40}, {0, 20}}, .messages = {{1, 2}, {1, 1}, {0, 1}})),
       "ep, rank 0");
    ok(same(counted(&plan, &homes, &x, 1),
            T(.bytes = {{4, 8}, {0, 0}, {40, 0}}, .messages = {{1, 2}, {0, 0}, {1, 0}})),
       "ep, rank 1");
    ok(same(counted(&plan, &homes, &x, 2),
            T(.bytes = {{4, 8}, {40, 40}, {0, 0}}, .messages = {{1, 2}, {1, 1}, {0, 0}})),
       "ep, rank 2");
    ok(same(counted(&plan, &homes, &x, 3),
            T(.bytes = {{4, 8}, {0, 0}, {20, 20}}, .messages = {{1, 2}, {0, 0}, {1, 1}})),
       "ep, rank 3");

    /* hybrid: 0 and 2 are a rail; 0 sends its row for 3 to 2, which sends it on with its own; and
     * back.  Inside a domain results are fp32. */
    plan.exchange = MIX_EXCHANGE_HYBRID;
    ok(same(counted(&plan, &homes, &x, 0),
            T(.bytes = {{4, 8}, {80, 40}, {0, 20}}, .messages = {{1, 1}, {1, 1}, {0, 1}})),
       "hybrid, rank 0");
    ok(same(counted(&plan, &homes, &x, 1),
            T(.bytes = {{4, 8}, {0, 0}, {80, 0}}, .messages = {{1, 1}, {0, 0}, {1, 0}})),
       "hybrid, rank 1");
    ok(same(counted(&plan, &homes, &x, 2),
            T(.bytes = {{4, 8}, {80, 40}, {0, 20}}, .messages = {{1, 1}, {1, 1}, {0, 1}})),
       "hybrid, rank 2");
    ok(same(counted(&plan, &homes, &x, 3),
            T(.bytes = {{4, 8}, {0, 0}, {80, 0}}, .messages = {{1, 1}, {0, 0}, {1, 0}})),
       "hybrid, rank 3");
    drop_step(&x);
    mix_homes_fini(&homes);
}

/* Experts 0 and 1 in two slices each: domain 0 = ranks 0 and 1 has 0, domain 1 has 1; bf16 rows.
 * Rank 1 has two tokens for expert 1, rank 3 has one for expert 1. */
static void slices(void)
{
    static const int tokens[] = {0, 2, 0, 1};
    struct mix_plan plan = mesh(MIX_EXCHANGE_TP, 2, 2, 1, 2, MIX_BF16);
    struct mix_homes homes = {0};
    struct step x;

    mix_homes_identity(&homes, 1, 2, 2);
    make_step(&x, &plan, 2, 1, 0, tokens);
    x.s.type = MIX_BF16;
    x.expert[1][0] = x.expert[1][1] = x.expert[3][0] = 1;

    /* tp: 20 + 8 bytes a token */
    ok(same(counted(&plan, &homes, &x, 1),
            T(.bytes = {{0, 0}, {56, 112}, {0, 20}}, .messages = {{0, 0}, {1, 2}, {0, 1}})),
       "tp with slices, rank 1");

    /* ep: each row to both slices, each slice's result back in fp32 */
    plan.exchange = MIX_EXCHANGE_EP;
    ok(same(counted(&plan, &homes, &x, 1),
            T(.bytes = {{4, 8}, {0, 80}, {0, 0}}, .messages = {{1, 2}, {0, 2}, {0, 0}})),
       "ep with slices, rank 1");
    ok(same(counted(&plan, &homes, &x, 2),
            T(.bytes = {{4, 8}, {0, 0}, {40, 80}}, .messages = {{1, 2}, {0, 0}, {1, 1}})),
       "ep with slices, rank 2");
    ok(same(counted(&plan, &homes, &x, 3),
            T(.bytes = {{4, 8}, {20, 0}, {0, 80}}, .messages = {{1, 2}, {1, 0}, {0, 1}})),
       "ep with slices, rank 3");

    /* hybrid: each row once over the rail 1 - 3; 3 hands three rows to 2, sums what it gets back
     * and returns rank 1's two sums */
    plan.exchange = MIX_EXCHANGE_HYBRID;
    ok(same(counted(&plan, &homes, &x, 1),
            T(.bytes = {{4, 4}, {0, 40}, {0, 0}}, .messages = {{1, 1}, {0, 1}, {0, 0}})),
       "hybrid with slices, rank 1");
    ok(same(counted(&plan, &homes, &x, 2),
            T(.bytes = {{4, 4}, {0, 0}, {120, 0}}, .messages = {{1, 1}, {0, 0}, {1, 0}})),
       "hybrid with slices, rank 2");
    ok(same(counted(&plan, &homes, &x, 3),
            T(.bytes = {{4, 4}, {60, 0}, {0, 40}}, .messages = {{1, 1}, {1, 0}, {0, 1}})),
       "hybrid with slices, rank 3");
    drop_step(&x);
    mix_homes_fini(&homes);
}

/* ---- a walk: every copy of every token, from station to station */

struct walk {
    const struct mix_plan *plan;
    int64_t bytes[MIX_PHASES][RANKS][RANKS]; /* from, to; world ranks */
};

static void pass(struct walk *w, int phase, int from, int to, int64_t bytes)
{
    if (from != to)
        w->bytes[phase][from][to] += bytes;
}

static void walk_copy(struct walk *w, int owner, int home, int64_t there, int64_t wire)
{
    const struct mix_plan *p = w->plan;
    int etp = p->numeric.etp, m = p->domain_size, first = owner - owner % (etp * p->ep);
    int holder = first + home * etp, gate = holder - holder % m + owner % m;
    int64_t fp32 = HIDDEN * 4;

    if (p->exchange == MIX_EXCHANGE_EP) {
        for (int s = holder; s < holder + etp; s++) {
            pass(w, MIX_PHASE_DISPATCH, owner, s, there);
            pass(w, MIX_PHASE_COMBINE, s, owner, etp > 1 ? fp32 : wire);
        }
        return;
    }
    pass(w, MIX_PHASE_DISPATCH, owner, gate, there);
    pass(w, MIX_PHASE_COMBINE, gate, owner, wire);
    for (int s = holder; s < holder + etp; s++) {
        pass(w, MIX_PHASE_DISPATCH, gate, s, there);
        pass(w, MIX_PHASE_COMBINE, s, gate, fp32);
    }
}

/* How many rows there are for each expert, 4 bytes each, told to whoever is told. */
static void walk_counts(struct walk *w, const struct mix_homes *homes, int first)
{
    const struct mix_plan *p = w->plan;
    int size = p->numeric.etp * p->ep, m = p->domain_size;

    for (int a = first; a < first + size; a++)
        for (int b = first; b < first + size; b++) {
            int mine = mix_homes_local(homes, 0, (b - first) / p->numeric.etp, NULL), domain = 0;

            if (p->exchange == MIX_EXCHANGE_EP || a / m == b / m)
                pass(w, MIX_PHASE_COUNTS, a, b, mine * 4);
            for (int h = 0; h < p->ep; h++)
                if ((first + h * p->numeric.etp) / m == b / m)
                    domain += mix_homes_local(homes, 0, h, NULL);
            if (p->exchange == MIX_EXCHANGE_HYBRID && a / m != b / m && a % m == b % m)
                pass(w, MIX_PHASE_COUNTS, a, b, domain * 4);
        }
}

static void walk(struct walk *w, const struct mix_plan *plan, const struct mix_homes *homes,
                 const struct step *x, int first)
{
    int size = plan->numeric.etp * plan->ep, k = x->s.k;
    int64_t there = HIDDEN * (int64_t)mix_dtype_size(x->s.type);
    int64_t wire = HIDDEN * (int64_t)mix_dtype_size((enum mix_dtype)plan->numeric.wire);

    *w = (struct walk){.plan = plan};
    if (plan->exchange != MIX_EXCHANGE_TP)
        walk_counts(w, homes, first);
    for (int a = 0; a < size; a++)
        for (int t = 0; t < x->tokens[a]; t++) {
            for (int b = 0; plan->exchange == MIX_EXCHANGE_TP && b < size; b++) {
                pass(w, MIX_PHASE_DISPATCH, first + a, first + b, there + k * 8);
                pass(w, MIX_PHASE_COMBINE, first + b, first + a, wire);
            }
            for (int j = 0; plan->exchange != MIX_EXCHANGE_TP && j < k; j++)
                walk_copy(w, first + a,
                          mix_homes_choose(homes, plan, 0, x->expert[a][t * k + j], first + a),
                          there, wire);
        }
}

static struct mix_exchange_traffic walked(const struct walk *w, int rank)
{
    struct mix_exchange_traffic t = {0};
    int m = w->plan->domain_size;

    for (int phase = 0; phase < MIX_PHASES; phase++)
        for (int to = 0; to < w->plan->world; to++) {
            int side = rank / m == to / m ? MIX_INSIDE : MIX_BETWEEN;

            t.bytes[phase][side] += (uint64_t)w->bytes[phase][rank][to];
            t.messages[phase][side] += w->bytes[phase][rank][to] > 0;
        }
    return t;
}

static bool fits(const struct mix_plan *p)
{
    int copy = p->numeric.etp * p->ep, m = p->domain_size;

    return p->exchange != MIX_EXCHANGE_HYBRID || copy % m == 0 || m % copy == 0;
}

static bool one_mesh(const struct mix_plan *plan, int seed)
{
    static struct walk w;
    struct mix_homes homes = {0};
    int size = plan->numeric.etp * plan->ep, tokens[RANKS];
    struct step x;
    bool good = make_homes(&homes, 12, plan->ep, seed % 3) == MIX_OK;

    for (int m = 0; m < size; m++)
        tokens[m] = (int)(draw(80, seed, m) % 8); /* a few have none */
    make_step(&x, plan, 12, 1 + seed % 4, seed, tokens);
    x.s.type = seed % 2 ? MIX_BF16 : MIX_F32;
    for (int first = 0; first < plan->world; first += size) {
        walk(&w, plan, &homes, &x, first);
        for (int r = first; good && r < first + size; r++)
            good = same(counted(plan, &homes, &x, r), walked(&w, r));
    }
    drop_step(&x);
    mix_homes_fini(&homes);
    return good;
}

static void walks(void)
{
    static const int copies[] = {1, 2, 3, 4, 6, 8};

    for (int kind = 0; kind <= MIX_EXCHANGE_HYBRID; kind++) {
        bool good = true;
        int meshes = 0;

        for (int etp = 1; etp <= 4; etp++)
            for (size_t i = 0; i < sizeof copies / sizeof copies[0]; i++)
                for (int edp = 1; edp <= 2; edp++)
                    for (int size = etp; size <= RANKS; size += etp) {
                        struct mix_plan p =
                            mesh(kind, etp, copies[i], edp, size, meshes % 2 ? MIX_BF16 : MIX_F32);

                        if (p.world > RANKS || p.world % size || !fits(&p))
                            continue;
                        for (int seed = 0; seed < 12; seed++)
                            good &= one_mesh(&p, seed);
                        meshes++;
                    }
        ok(good && meshes > 20, "%s: %d meshes, 12 steps each, against a walk of the copies",
           mix_exchange_kind_name(kind), meshes);
    }
}

/* ---- hybrid keeps to its rail */

static void rails(void)
{
    bool good = true;

    for (int etp = 1; etp <= 4; etp *= 2)
        for (int owner = 0; owner < 16; owner++) { /* one rank alone has tokens */
            struct mix_plan plan = mesh(MIX_EXCHANGE_HYBRID, etp, 16 / etp, 1, 4, MIX_F32);
            struct mix_homes homes = {0};
            int tokens[RANKS] = {0};
            struct step x;

            tokens[owner] = 40;
            good &= mix_homes_identity(&homes, 1, 32, plan.ep) == MIX_OK;
            make_step(&x, &plan, 32, 4, owner, tokens);
            for (int r = 0; r < 16; r++) {
                struct mix_exchange_traffic t = counted(&plan, &homes, &x, r);
                bool back = r != owner && r % 4 == owner % 4;

                good &= t.messages[MIX_PHASE_COUNTS][MIX_BETWEEN] == 3;
                good &= t.messages[MIX_PHASE_DISPATCH][MIX_BETWEEN] == (r == owner ? 3 : 0);
                good &= t.messages[MIX_PHASE_COMBINE][MIX_BETWEEN] == (back ? 1 : 0);
            }
            drop_step(&x);
            mix_homes_fini(&homes);
        }
    ok(good, "hybrid crosses domains on the owner's rail alone");
}

/* ---- expectations: n domains of m ranks, uniform routing */

enum { UNIFORM = 64 }; /* experts, all alike */

/* What the planner expects of so many tokens a rank, by phase and link: within 1 %. */
static void expected(const struct mix_plan *plan, int k, double owned,
                     const struct mix_exchange_traffic *t)
{
    static struct mix_arch arch;
    static struct mix_machine machine;
    struct mix_cost_model m = {.arch = &arch,
                               .machine = &machine,
                               .layout = mix_layout_of_plan(plan),
                               .domain = plan->domain_size,
                               .type_bytes = 4,
                               .dispatch_bytes = 4,
                               .wire_bytes = 4,
                               .partial_bytes = 4};
    struct mix_cost_links l;
    double worst = 0;

    arch.experts = UNIFORM;
    arch.top_k = k;
    arch.hidden = HIDDEN;
    mix_machine_preset(&machine, "h100");
    mix_cost_exchange(&m, owned, 1, &l);
    for (int p = 0; p < MIX_PHASES; p++)
        for (int side = 0; side < MIX_SIDES; side++) {
            double want = 8 * l.sent[p][side], got = (double)t->bytes[p][side];

            worst = fmax(worst, want > 0 ? fabs(got / want - 1) : got);
        }
    ok(worst <= 0.01, "%s, etp %d, domains of %d, k %d: bytes are within %.2f %% of the formulae",
       mix_exchange_kind_name(plan->exchange), plan->numeric.etp, plan->domain_size, k,
       100 * worst);
}

static void means(void)
{
    static const struct {
        int etp, ep, size, k;
    } cases[] = {{1, 8, 4, 8}, {1, 8, 2, 4}, {2, 4, 4, 8}, {2, 4, 2, 2},
                 {4, 2, 4, 8}, {1, 8, 8, 8}, {1, 8, 1, 6}};
    static const int tokens[] = {6000, 10000, 0, 8000, 7000, 5000, 8000, 4000};
    enum { ALL = 48000 };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int k = cases[i].k, n = 8 / cases[i].size, etp = cases[i].etp;
        struct mix_plan plan = mesh(0, etp, cases[i].ep, 1, cases[i].size, MIX_F32);
        struct mix_homes homes = {0};
        struct step x;

        mix_homes_identity(&homes, 1, UNIFORM, plan.ep);
        make_step(&x, &plan, UNIFORM, k, 70 + (int)i, tokens);
        for (int kind = 0; kind < MIX_EXCHANGE_KINDS; kind++) {
            struct mix_exchange_traffic t = {0};
            double row = HIDDEN * 4, there, back, want = (double)k * (n - 1) / n, extra = 0;

            plan.exchange = kind;
            for (int r = 0; r < 8; r++)
                mix_exchange_count(&plan, &homes, &x.s, r, &t);
            expected(&plan, k, ALL / 8.0, &t);
            if (kind > MIX_EXCHANGE_HYBRID) /* exchange_count_relay.c */
                continue;
            if (kind == MIX_EXCHANGE_EP)
                want *= etp;
            if (kind == MIX_EXCHANGE_TP) {
                want = 8 - cases[i].size;
                extra = k * 8;
            }
            there = (double)t.bytes[MIX_PHASE_DISPATCH][MIX_BETWEEN] / ALL / (row + extra);
            back = (double)t.bytes[MIX_PHASE_COMBINE][MIX_BETWEEN] / ALL / row;
            ok(fabs(there - want) <= 0.01 * want && fabs(back - want) <= 0.01 * want,
               "%s, etp %d, %d domains, k %d: %.3f rows a token to other domains, expected %.3f",
               mix_exchange_kind_name(kind), etp, n, k, there, want);
            if (kind == MIX_EXCHANGE_TP)
                ok(there == want && back == want, "exactly");
        }
        drop_step(&x);
        mix_homes_fini(&homes);
    }
}

/* ---- edges */

static void edges(void)
{
    struct mix_plan plan = mesh(MIX_EXCHANGE_EP, 1, 4, 1, 2, MIX_F32);
    struct mix_homes homes = {0};
    struct mix_exchange_traffic once, twice = {0};
    int tokens[RANKS] = {3, 1, 4, 1};
    struct step x;

    mix_homes_identity(&homes, 1, 4, 4);
    make_step(&x, &plan, 4, 2, 1, tokens);
    once = counted(&plan, &homes, &x, 2);
    for (int i = 0; i < 2; i++)
        mix_exchange_count(&plan, &homes, &x.s, 2, &twice);
    for (int i = 0; i < MIX_PHASES * MIX_SIDES; i++) {
        once.bytes[i / MIX_SIDES][i % MIX_SIDES] *= 2;
        once.messages[i / MIX_SIDES][i % MIX_SIDES] *= 2;
    }
    ok(same(once, twice), "steps add up");
    drop_step(&x);
    memset(tokens, 0, sizeof tokens);
    make_step(&x, &plan, 4, 2, 1, tokens);
    ok(same(counted(&plan, &homes, &x, 2), T(.bytes = {{4, 8}}, .messages = {{1, 2}})),
       "without a token only the counts are sent");
    plan.exchange = MIX_EXCHANGE_TP;
    ok(same(counted(&plan, &homes, &x, 2), T(.bytes = {{0}})), "and by tp nothing");
    drop_step(&x);
    mix_homes_fini(&homes);

    plan = mesh(MIX_EXCHANGE_HYBRID, 1, 6, 2, 4, MIX_F32);
    mix_homes_identity(&homes, 1, 6, 6);
    make_step(&x, &plan, 6, 2, 1, tokens);
    twice = T(.bytes = {{7}});
    mix_log_level(MIX_LOG_SILENT);
    ok(mix_exchange_count(&plan, &homes, &x.s, 0, &twice) != MIX_OK &&
           same(twice, T(.bytes = {{7}})),
       "copies of six in domains of four: hybrid has no count");
    mix_log_level(MIX_LOG_INFO);
    drop_step(&x);
    mix_homes_fini(&homes);
}

int main(void)
{
    whole_experts();
    slices();
    walks();
    rails();
    means();
    edges();
    return tap_done();
}
