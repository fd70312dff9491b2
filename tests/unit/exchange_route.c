/* exchange_route.c - route: every routing and every key of small shapes, and what is refused. */
#include "exchange/route.h"

#include "base/err.h"
#include "base/log.h"
#include "tap.h"

#include <string.h>

enum { MAX = 64 };

/* ---- routings */

/* The ids of one token: of all ordered choices of k different experts, that with a number. */
static int choices(int experts, int k)
{
    int n = 1;

    for (int j = 0; j < k; j++)
        n *= experts - j;
    return n;
}

static void choose(int32_t *id, int experts, int k, int number)
{
    int left[MAX];

    for (int e = 0; e < experts; e++)
        left[e] = e;
    for (int j = 0; j < k; j++) {
        int n = experts - j, at = number % n;

        number /= n;
        id[j] = left[at];
        memmove(left + at, left + at + 1, sizeof *left * (size_t)(n - at - 1));
    }
}

static bool sound(const int32_t *id, int k, int experts)
{
    for (int j = 0; j < k; j++) {
        if (id[j] < 0 || id[j] >= experts)
            return false;
        for (int i = 0; i < j; i++)
            if (id[i] == id[j])
                return false;
    }
    return true;
}

/* Every token of k ids from -1 to experts, behind one that is sound and before another. */
static void all_tokens(int k, int experts)
{
    int all = 1, good = 0;
    bool right = true, named = true;

    for (int j = 0; j < k; j++)
        all *= experts + 2;
    for (int number = 0; number < all; number++) {
        int32_t id[3 * MAX];
        int rest = number, rc;
        bool want;

        choose(id, experts, k, number % choices(experts, k));
        choose(id + 2 * k, experts, k, number / 3 % choices(experts, k));
        for (int j = 0; j < k; j++, rest /= experts + 2)
            id[k + j] = rest % (experts + 2) - 1;
        want = sound(id + k, k, experts);
        rc = mix_route_check(id, 3, k, experts);
        right &= rc == (want ? MIX_OK : MIX_EBUG);
        named &= want || strstr(mix_err_last(), "token 1 ") != NULL;
        good += want;
    }
    ok(right && good == choices(experts, k),
       "%d of all %d tokens that go to %d of %d experts are sound", good, all, k, experts);
    ok(named, "the token is named");
}

static void check(void)
{
    static const int32_t ids[] = {0, 1, 2, 5, INT32_MAX, INT32_MIN};

    mix_log_level(MIX_LOG_SILENT);
    all_tokens(1, 1);
    all_tokens(1, 4);
    all_tokens(2, 3);
    all_tokens(3, 3);
    all_tokens(3, 5);
    all_tokens(4, 4);
    ok(mix_route_check(NULL, 0, 3, 4) == MIX_OK, "no token");
    ok(mix_route_check(ids, 2, 2, 6) == MIX_OK && mix_route_check(ids, 2, 2, 5) == MIX_EBUG &&
           mix_route_check(ids, 1, 2, 5) == MIX_OK,
       "only the tokens that there are");
    ok(mix_route_check(ids + 3, 1, 2, INT32_MAX) == MIX_EBUG &&
           mix_route_check(ids + 4, 1, 2, 6) == MIX_EBUG,
       "the largest and the smallest number");
    mix_log_level(MIX_LOG_INFO);
}

/* ---- sort */

/* What the header says, looked up from the keys: by key, then in the order of before. */
static bool sorted(const int32_t *key, int n, int keys)
{
    int first[MAX + 2], placed = 0;
    int32_t place[MAX], order[MAX];

    memset(first, 0x5A, sizeof first);
    memset(place, 0x5A, sizeof place);
    memset(order, 0x5A, sizeof order);
    mix_route_sort(key, n, keys, first, place, order);
    for (int c = 0; c < keys; c++) {
        if (first[c] != placed)
            return false;
        for (int i = 0; i < n; i++)
            if (key[i] == c) {
                if (place[i] != placed || order[placed] != i)
                    return false;
                placed++;
            }
    }
    for (int i = 0; i < n; i++)
        if (key[i] == -1 && place[i] != -1)
            return false;
    return first[keys] == placed && first[keys + 1] == 0x5A5A5A5A && place[n] == 0x5A5A5A5A;
}

static void sort(void)
{
    long tried = 0;
    bool good = true;

    for (int keys = 0; keys <= 4; keys++)
        for (int n = 0; n <= 6; n++) {
            int all = 1;

            for (int i = 0; i < n; i++)
                all *= keys + 1;
            for (int number = 0; number < all; number++, tried++) {
                int32_t key[MAX];
                int rest = number;

                for (int i = 0; i < n; i++, rest /= keys + 1)
                    key[i] = rest % (keys + 1) - 1;
                good &= sorted(key, n, keys);
            }
        }
    ok(good, "all %ld rows of up to 6 keys, of none to 4 kinds, -1 among them", tried);
    {
        int first[1] = {7};

        mix_route_sort(NULL, 0, 0, first, NULL, NULL);
        ok(first[0] == 0, "nothing at all");
    }
}

/* ---- slots */

/* The experts of home 0, then those of home 1, ..., each list rising: slot by slot, from the table
 * alone. */
static bool slots_hold(const struct mix_homes *h, const struct mix_plan *plan, int layer)
{
    int first[MAX + 1], expert_of[MAX], home_of[MAX], n = 0;
    int32_t slot[MAX];

    memset(first, 0x5A, sizeof first);
    mix_route_slots(h, layer, first);
    for (int home = 0; home < h->ep; home++) {
        if (first[home] != n)
            return false;
        for (int e = 0; e < h->experts; e++)
            for (int i = 0; i < h->most; i++)
                if (h->home[(layer * h->experts + e) * h->most + i] == home) {
                    expert_of[n] = e;
                    home_of[n++] = home;
                }
    }
    if (first[h->ep] != n)
        return false;
    for (int owner = 0; owner < plan->world; owner++) {
        memset(slot, 0x5A, sizeof slot);
        mix_route_choices(h, plan, layer, owner, slot);
        for (int e = 0; e < h->experts; e++)
            if (slot[e] < 0 || slot[e] >= n || expert_of[slot[e]] != e ||
                home_of[slot[e]] != mix_homes_choose(h, plan, layer, e, owner))
                return false;
        if (slot[h->experts] != 0x5A5A5A5A)
            return false;
    }
    return true;
}

static struct mix_plan mesh(int etp, int ep, int edp, int domain_size)
{
    int world = etp * ep * edp;

    return (struct mix_plan){.numeric = {.tp = 1, .etp = etp},
                             .world = world,
                             .domains = world / domain_size,
                             .domain_size = domain_size,
                             .dp = world,
                             .ep = ep,
                             .edp = edp};
}

static void identity(void)
{
    bool good = true;

    for (int experts = 1; experts <= 17; experts++)
        for (int ep = 1; ep <= 8; ep++) {
            struct mix_plan plan = mesh(2, ep, 2, 2);
            struct mix_homes h = {0};

            good &= mix_homes_identity(&h, 2, experts, ep) == MIX_OK && slots_hold(&h, &plan, 0) &&
                    slots_hold(&h, &plan, 1);
            mix_homes_fini(&h);
        }
    ok(good, "slots of the identity are the experts");
}

/* Every table of two experts over three homes, up to all of them each. */
static void tables(void)
{
    bool good = true;

    for (int sets = 0; sets < 49; sets++)
        for (int domain_size = 1; domain_size <= 6; domain_size += domain_size == 1 ? 2 : 3) {
            struct mix_plan plan = mesh(1, 3, 2, domain_size);
            struct mix_homes h = {0};
            int32_t table[2][2][3]; /* and another layer, so that they do not mix */

            memset(table, -1, sizeof table);
            for (int e = 0; e < 2; e++)
                for (int i = 0, n = 0; i < 3; i++)
                    if (((e ? sets / 7 : sets % 7) + 1) >> i & 1)
                        table[0][e][n] = i, table[1][1 - e][n++] = i;
            good &= mix_homes_set(&h, 2, 2, 3, 3, &table[0][0][0]) == MIX_OK &&
                    slots_hold(&h, &plan, 0) && slots_hold(&h, &plan, 1);
            mix_homes_fini(&h);
        }
    ok(good, "and those of every table of two experts over three homes");
}

static void by_hand(void)
{
    static const int32_t table[4][2] = {{1, -1}, {0, 2}, {0, -1}, {1, 2}};
    /* home 0: 1 2; home 1: 0 3; home 2: 1 3 */
    static const int want_first[4] = {0, 2, 4, 6};
    struct mix_plan plan = mesh(1, 3, 1, 1);
    struct mix_homes h = {0};
    int first[4];
    int32_t slot[4];

    ok(mix_homes_set(&h, 1, 4, 3, 2, &table[0][0]) == MIX_OK, "a table by hand");
    mix_route_slots(&h, 0, first);
    ok(memcmp(first, want_first, sizeof first) == 0, "six slots");
    mix_route_choices(&h, &plan, 0, 0, slot); /* 1 at home; 0 mod 2 of 3's homes is home 1 */
    ok(slot[0] == 2 && slot[1] == 0 && slot[2] == 1 && slot[3] == 3, "owner 0");
    mix_route_choices(&h, &plan, 0, 2, slot);
    ok(slot[0] == 2 && slot[1] == 4 && slot[2] == 1 && slot[3] == 5, "owner 2: 1 and 3 at home");
    mix_route_choices(&h, &plan, 0, 1, slot); /* 1 mod 2 of 1's homes is home 2 */
    ok(slot[0] == 2 && slot[1] == 4 && slot[2] == 1 && slot[3] == 3, "owner 1: 0 and 3 at home");
    mix_homes_fini(&h);
}

/* ---- chunks */

static void chunks(void)
{
    static const struct {
        int chunks, chunk_bytes, tokens[4], want;
        const char *what;
    } cases[] = {
        {4, 100, {3, 40, 7, 0}, 4, "400 bytes in four chunks"},
        {4, 100, {3, 39, 7, 0}, 3, "390 in three"},
        {4, 100, {0, 0, 0, 10}, 1, "100 in one"},
        {4, 100, {9, 9, 9, 9}, 0, "90 in none: what others have does not count"},
        {4, 100, {1000, 0, 0, 0}, 4, "never more than the plan says"},
        {0, 100, {1000, 0, 0, 0}, 0, "none where the plan says so"},
        {4, 0, {0, 0, 1, 0}, 4, "no least size"},
        {4, 0, {0, 0, 0, 0}, 0, "no tokens"},
        {16, 1, {INT32_MAX, 1, 1, 1}, 16, "more bytes than an int holds"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mix_plan p = {.chunks = cases[i].chunks, .chunk_bytes = cases[i].chunk_bytes};
        int got = mix_route_chunks(&p, cases[i].tokens, 4, 10);

        ok(got == cases[i].want, "%s: %d", cases[i].what, got);
    }
}

int main(void)
{
    check();
    chunks();
    sort();
    identity();
    tables();
    by_hand();
    return tap_done();
}
