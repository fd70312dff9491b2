/* exchange_count_relay.c - traffic of mixserve and fused by hand, against a walk of every row, and
 * its mean. */
#include "exchange/count.h"

#include "base/err.h"
#include "base/log.h"
#include "count_fixture.h"
#include "plan/chunks.h"
#include "tap.h"

#include <math.h>

/* ---- by hand */

/* Four whole experts on four ranks, two domains; rank 0 has tokens A for experts 0 and 1 and B for
 * 1 and 3, rank 2 has C for 3 and 0.  Numbers of a row take 40 bytes there, 20 back. */
static void whole_experts(void)
{
    static const int tokens[] = {2, 0, 1, 0};
    static const struct {
        int exchange;
        const char *what;
        struct mix_exchange_traffic want[4];
    } cases[] = {
        /* ids and weights: 16.  0: B to 2, C's sum back; 1 reads A and B, and of C ids and weights,
         * makes parts of A and B.  2 likewise; 3 makes parts of its piece and of B. */
        {MIX_EXCHANGE_FUSED,
         "fused",
         {T(.bytes = {{0, 0}, {112 + 16, 56}, {0, 20}}, .messages = {{0, 0}, {2, 1}, {0, 1}}),
          T(.bytes = {{0, 0}, {0, 0}, {80, 0}}, .messages = {{0, 0}, {0, 0}, {1, 0}}),
          T(.bytes = {{0, 0}, {56 + 56, 56}, {0, 20}}, .messages = {{0, 0}, {2, 1}, {0, 1}}),
          T(.bytes = {{0, 0}, {0, 0}, {40 + 40, 0}}, .messages = {{0, 0}, {0, 0}, {2, 0}})}},
        /* ids: 4.  Three copies stay at 0, of which 1 reads two. */
        {MIX_EXCHANGE_MIXSERVE,
         "mixserve",
         {T(.bytes = {{0, 0}, {92 + 4, 44}, {0, 20}}, .messages = {{0, 0}, {2, 1}, {0, 1}}),
          T(.bytes = {{0, 0}, {0, 0}, {80, 0}}, .messages = {{0, 0}, {0, 0}, {1, 0}}),
          T(.bytes = {{0, 0}, {44 + 44, 44}, {0, 20}}, .messages = {{0, 0}, {2, 1}, {0, 1}}),
          T(.bytes = {{0, 0}, {0, 0}, {40 + 40, 0}}, .messages = {{0, 0}, {0, 0}, {2, 0}})}},
    };
    struct mix_homes homes = {0};

    mix_homes_identity(&homes, 1, 4, 4);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mix_plan plan = mesh(cases[i].exchange, 1, 4, 1, 2, MIX_BF16);
        struct step x;

        make_step(&x, &plan, 4, 2, 0, tokens);
        memcpy(x.expert[0], (int32_t[]){0, 1, 1, 3}, 16);
        memcpy(x.expert[2], (int32_t[]){3, 0}, 8);
        for (int r = 0; r < 4; r++)
            ok(same(counted(&plan, &homes, &x, r), cases[i].want[r]), "%s, rank %d", cases[i].what,
               r);
        drop_step(&x);
    }
    mix_homes_fini(&homes);
}

/* Experts 0 and 1 in two slices, one in each domain of two ranks; rank 0 has three tokens for
 * expert 1, in two chunks: the first, and two more. */
static void chunks(void)
{
    static const int tokens[] = {3, 0, 0, 0};
    struct mix_plan plan = mesh(MIX_EXCHANGE_FUSED, 2, 2, 1, 2, MIX_BF16);
    struct mix_homes homes = {0};
    struct step x;

    mix_homes_identity(&homes, 1, 2, 2);
    make_step(&x, &plan, 2, 1, 0, tokens);
    for (int t = 0; t < 3; t++)
        x.expert[0][t] = 1;
    plan.chunks = 2;
    plan.chunk_bytes = 72; /* 144 bytes at most */
    ok(same(counted(&plan, &homes, &x, 0),
            T(.bytes = {{0, 4}, {0, 144}}, .messages = {{0, 1}, {0, 2}})),
       "the owner sends two chunks");
    ok(same(counted(&plan, &homes, &x, 2),
            T(.bytes = {{0, 4}, {144, 0}, {0, 60}}, .messages = {{0, 1}, {2, 0}, {0, 2}})),
       "its rail's rank shows them, and returns two");
    ok(same(counted(&plan, &homes, &x, 3),
            T(.bytes = {{0, 4}, {0, 0}, {120, 0}}, .messages = {{0, 1}, {0, 0}, {2, 0}})),
       "the other slice gives its parts of each");
    plan.chunk_bytes = 73;
    ok(counted(&plan, &homes, &x, 0).messages[MIX_PHASE_DISPATCH][MIX_BETWEEN] == 1,
       "in one chunk, where two would be too small");
    plan.chunks = 7;
    plan.chunk_bytes = 0;
    ok(counted(&plan, &homes, &x, 0).messages[MIX_PHASE_DISPATCH][MIX_BETWEEN] == 3,
       "empty chunks are not sent");
    plan.numeric.dispatch = MIX_F8E4M3;
    ok(same(counted(&plan, &homes, &x, 0),
            T(.bytes = {{0, 4}, {0, 3 * (10 + 1 + 1 + 8)}}, .messages = {{0, 1}, {0, 3}})),
       "a number in a byte, a scale, and what fills four");
    drop_step(&x);
    mix_homes_fini(&homes);
}

/* ---- a walk: rows put down in lists, lists cut, chunks handed on */

enum { MOST = 64 };

struct row {
    int experts, home[4]; /* that are at home in the row's domain */
};

struct walk {
    const struct mix_plan *plan;
    struct mix_exchange_traffic of[RANKS]; /* world ranks */
};

static void hand(struct walk *w, int phase, int from, int to, int64_t bytes)
{
    int side = from / w->plan->domain_size == to / w->plan->domain_size ? MIX_INSIDE : MIX_BETWEEN;

    if (from == to || bytes == 0)
        return;
    w->of[from].bytes[phase][side] += (uint64_t)bytes;
    w->of[from].messages[phase][side]++;
}

/* The rows that an owner has for a domain of the world. */
static int rows_of(struct row *row, const struct mix_plan *plan, const struct mix_homes *homes,
                   const struct step *x, int owner, int domain)
{
    int copy = plan->numeric.etp * plan->ep, first = owner / copy * copy, n = 0, k = x->s.k;

    for (int t = 0; t < x->tokens[owner - first]; t++) {
        struct row here = {0};

        for (int j = 0; j < k; j++) {
            int home = mix_homes_choose(homes, plan, 0, x->expert[owner - first][t * k + j], owner);

            if ((first + home * plan->numeric.etp) / plan->domain_size != domain)
                continue;
            here.home[here.experts++] = home;
            if (plan->exchange == MIX_EXCHANGE_MIXSERVE) {
                row[n++] = here;
                here.experts = 0;
            }
        }
        if (here.experts)
            row[n++] = here;
    }
    return n;
}

/* One chunk from its owner to the rail's rank there, to everybody of the copy beside that one, and
 * back. */
static void walk_chunk(struct walk *w, const struct row *row, int n, int owner, int gate, int x,
                       int head)
{
    const struct mix_plan *p = w->plan;
    int etp = p->numeric.etp, copy = etp * p->ep, first = owner / copy * copy;
    int back = (int)mix_dtype_size((enum mix_dtype)p->numeric.wire);

    hand(w, MIX_PHASE_DISPATCH, owner, gate, (int64_t)n * (x + head));
    hand(w, MIX_PHASE_COMBINE, gate, owner, (int64_t)n * HIDDEN * back);
    for (int q = first; q < first + copy; q++) {
        int wanted = 0;

        if (q / p->domain_size != gate / p->domain_size)
            continue;
        for (int i = 0; i < n; i++)
            for (int j = 0; j < row[i].experts; j++)
                if (row[i].home[j] == (q - first) / etp) {
                    wanted++;
                    break;
                }
        hand(w, MIX_PHASE_DISPATCH, gate, q, (int64_t)n * head + (int64_t)wanted * x);
        hand(w, MIX_PHASE_COMBINE, q, gate, (int64_t)wanted * HIDDEN * 4);
    }
}

static void walk(struct walk *w, const struct mix_plan *plan, const struct mix_homes *homes,
                 const struct step *step, int first)
{
    int copy = plan->numeric.etp * plan->ep, m = plan->domain_size, most = 0, chunks;
    int head = plan->exchange == MIX_EXCHANGE_FUSED ? step->s.k * 8 : 4;
    int x = plan->numeric.dispatch == MIX_F8E4M3 ? (HIDDEN + 1 + 3) / 4 * 4
                                                 : HIDDEN * (int)mix_dtype_size(step->s.type);
    struct row row[MOST];

    *w = (struct walk){.plan = plan};
    for (int a = 0; a < copy; a++)
        most = step->tokens[a] > most ? step->tokens[a] : most;
    chunks = most * (x + head) < plan->chunk_bytes ? 0 : plan->chunks;
    if (plan->chunk_bytes && chunks > most * (x + head) / plan->chunk_bytes)
        chunks = most * (x + head) / plan->chunk_bytes;
    for (int owner = first; owner < first + copy; owner++)
        for (int d = first / m; d * m < first + copy; d++) {
            int gate = d * m + owner % m, n = rows_of(row, plan, homes, step, owner, d);
            int cut = owner / m == d || !chunks ? 1 : chunks;

            if (owner / m != d && chunks > 1)
                hand(w, MIX_PHASE_COUNTS, owner, gate, 4);
            else if (owner / m != d && n == 0) /* else the one message's length says it */
                hand(w, MIX_PHASE_COUNTS, owner, gate, step->tokens[owner - first] > 0);
            for (int c = 0; c < cut; c++)
                walk_chunk(w, row + n * c / cut, n * (c + 1) / cut - n * c / cut, owner, gate, x,
                           head);
        }
}

static bool one_mesh(struct mix_plan plan, int seed)
{
    struct walk w;
    struct mix_homes homes = {0};
    int size = plan.numeric.etp * plan.ep, tokens[RANKS];
    struct step x;
    bool good = make_homes(&homes, 12, plan.ep, seed % 3) == MIX_OK;

    for (int m = 0; m < size; m++)
        tokens[m] = (int)(draw(80, seed, m) % 8); /* a few have none */
    make_step(&x, &plan, 12, 1 + seed % 4, seed, tokens);
    x.s.type = seed % 2 ? MIX_BF16 : MIX_F32;
    plan.numeric.dispatch = (int32_t)(seed % 5 ? x.s.type : MIX_F8E4M3);
    plan.chunks = (int32_t)(draw(81, seed, size) % 5);
    plan.chunk_bytes = (int32_t)(draw(82, seed, size) % 100);
    for (int first = 0; first < plan.world; first += size) {
        walk(&w, &plan, &homes, &x, first);
        for (int r = first; good && r < first + size; r++)
            good = same(counted(&plan, &homes, &x, r), w.of[r]);
    }
    drop_step(&x);
    mix_homes_fini(&homes);
    return good;
}

static void walks(int kind)
{
    static const int copies[] = {1, 2, 3, 4, 6, 8};
    bool good = true;
    int meshes = 0;

    for (int etp = 1; etp <= 4; etp++)
        for (size_t i = 0; i < sizeof copies / sizeof copies[0]; i++)
            for (int edp = 1; edp <= 2; edp++)
                for (int size = etp; size <= RANKS; size += etp) {
                    int copy = etp * copies[i], wire = meshes % 2 ? MIX_BF16 : MIX_F32;

                    if (copy * edp > RANKS || copy * edp % size || (copy % size && size % copy))
                        continue;
                    for (int seed = 0; seed < 12; seed++)
                        good &= one_mesh(mesh(kind, etp, copies[i], edp, size, wire), seed);
                    meshes++;
                }
    ok(good && meshes > 20, "%s: %d meshes, 12 steps each, against a walk of the rows",
       mix_exchange_kind_name(kind), meshes);
}

/* ---- expectations: n domains of m ranks, uniform routing */

/* C(E - E/n, k) / C(E, k), by logarithms of factorials. */
static double nowhere(double experts, double n, double k)
{
    double others = experts - experts / n;

    if (others < k)
        return 0;
    return exp(lgamma(others + 1) - lgamma(others - k + 1) - lgamma(experts + 1) +
               lgamma(experts - k + 1));
}

static void means(void)
{
    static const struct {
        int etp, ep, size, k;
    } cases[] = {{1, 8, 4, 8}, {1, 8, 2, 4}, {2, 4, 4, 8}, {2, 4, 2, 2},
                 {4, 2, 4, 8}, {1, 8, 8, 8}, {1, 8, 1, 6}};
    static const int tokens[] = {3000, 5000, 0, 4000, 3500, 2500, 4000, 2000};
    enum { EXPERTS = 64, ALL = 24000 };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int k = cases[i].k, n = 8 / cases[i].size;
        struct mix_plan plan = mesh(0, cases[i].etp, cases[i].ep, 1, cases[i].size, MIX_F32);
        struct mix_homes homes = {0};
        struct step x;

        mix_homes_identity(&homes, 1, EXPERTS, plan.ep);
        make_step(&x, &plan, EXPERTS, k, 70 + (int)i, tokens);
        for (int kind = MIX_EXCHANGE_MIXSERVE; kind <= MIX_EXCHANGE_FUSED; kind++) {
            bool fused = kind == MIX_EXCHANGE_FUSED;
            struct mix_exchange_traffic t = {0};
            double there, back, want = (double)k * (n - 1) / n;

            plan.exchange = kind;
            if (fused)
                want = (n - 1) * (1 - nowhere(EXPERTS, n, k));
            for (int r = 0; r < 8; r++)
                mix_exchange_count(&plan, &homes, &x.s, r, &t);
            there = (double)t.bytes[MIX_PHASE_DISPATCH][MIX_BETWEEN] / ALL /
                    (HIDDEN * 4 + (fused ? k * 8 : 4));
            back = (double)t.bytes[MIX_PHASE_COMBINE][MIX_BETWEEN] / ALL / (HIDDEN * 4);
            ok(fabs(there - want) <= 0.01 * want && fabs(back - want) <= 0.01 * want,
               "%s, etp %d, %d domains, k %d: %.3f rows a token to other domains, expected %.3f",
               mix_exchange_kind_name(kind), cases[i].etp, n, k, there, want);
        }
        drop_step(&x);
        mix_homes_fini(&homes);
    }
}

/* Messages of a step to other domains. */
static uint64_t to_others(struct mix_plan *plan, const struct mix_homes *homes, struct step *x,
                          int kind, int rank)
{
    struct mix_exchange_traffic t;
    uint64_t n = 0;

    plan->exchange = kind;
    t = counted(plan, homes, x, rank);
    for (int p = 0; p < MIX_PHASES; p++)
        n += t.messages[p][MIX_BETWEEN];
    return n;
}

/* Steps in which a rank has a token or two need no more messages than hybrid's. */
static void decode(void)
{
    static const int etps[] = {1, 2, 4}, sizes[] = {1, 2, 4};
    static const int tokens[][RANKS] = {{1, 1, 1, 1, 1, 1, 1, 1}, {2, 0, 1, 0, 2, 2, 0, 1}};
    bool good = true;
    int seen = 0;

    for (int i = 0; i < 3; i++)
        for (int j = i; j < 3; j++)
            for (int k = 0; k < 2; k++) {
                struct mix_plan plan = mesh(0, etps[i], 8 / etps[i], 1, sizes[j], MIX_F32);
                struct mix_homes homes = {0};
                struct step x;

                plan.chunks = MIX_CHUNKS;
                plan.chunk_bytes = MIX_CHUNK_BYTES;
                mix_homes_identity(&homes, 1, 16, plan.ep);
                make_step(&x, &plan, 16, 4, 90 + seen++, tokens[k]);
                for (int r = 0; r < 8; r++)
                    for (int kind = MIX_EXCHANGE_MIXSERVE; kind <= MIX_EXCHANGE_FUSED; kind++)
                        good &= to_others(&plan, &homes, &x, kind, r) <=
                                to_others(&plan, &homes, &x, MIX_EXCHANGE_HYBRID, r);
                drop_step(&x);
                mix_homes_fini(&homes);
            }
    ok(good && seen == 12, "generating takes no more messages to other domains than hybrid's");
}

static void edges(int kind)
{
    struct mix_plan plan = mesh(kind, 1, 4, 1, 2, MIX_F32);
    struct mix_homes homes = {0};
    struct mix_exchange_traffic untouched = T(.bytes = {{7}});
    int tokens[RANKS] = {0};
    struct step x;

    plan.chunks = 3;
    mix_homes_identity(&homes, 1, 4, 4);
    make_step(&x, &plan, 4, 2, 1, tokens);
    ok(same(counted(&plan, &homes, &x, 2), T(.bytes = {{0}})), "without a token nothing is sent");
    drop_step(&x);
    mix_homes_fini(&homes);

    plan = mesh(kind, 1, 6, 2, 4, MIX_F32);
    mix_homes_identity(&homes, 1, 6, 6);
    make_step(&x, &plan, 6, 2, 1, tokens);
    mix_log_level(MIX_LOG_SILENT);
    ok(mix_exchange_count(&plan, &homes, &x.s, 0, &untouched) != MIX_OK &&
           same(untouched, T(.bytes = {{7}})),
       "copies of six in domains of four have no count");
    mix_log_level(MIX_LOG_INFO);
    drop_step(&x);
    mix_homes_fini(&homes);
}

int main(void)
{
    whole_experts();
    chunks();
    for (int kind = MIX_EXCHANGE_MIXSERVE; kind <= MIX_EXCHANGE_FUSED; kind++) {
        walks(kind);
        edges(kind);
    }
    means();
    decode();
    return tap_done();
}
