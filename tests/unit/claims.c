/* claims.c - every small job on paper: what is handed out is free, once, and everything. */
#include "engine/claims.h"

#include "base/err.h"
#include "base/log.h"
#include "tap.h"

#include <stdlib.h>
#include <string.h>

enum { FREE, SEALED, OPEN };

/* A job as one state per row, where a change of state or of part ends a range. */
struct paper {
    int rows;
    int state[8], part[8];
};

/* The meaning of a claim's size, with nothing shared with the code. */
static int64_t size_of(int64_t free_rows, int replicas)
{
    int64_t n = free_rows / 4 / replicas;

    return n < 1 ? 1 : n > 1024 ? 1024 : n;
}

static struct mix_claims *from_paper(const struct paper *p, bool backwards)
{
    struct mix_claims *c = NULL;
    int first[8], count[8], state[8], n = 0;

    if (mix_claims_create(&c, p->rows))
        return NULL;
    for (int r = 0; r < p->rows; r++) {
        if (r == 0 || p->state[r] != p->state[r - 1] || p->part[r] != p->part[r - 1]) {
            first[n] = r, count[n] = 0, state[n] = p->state[r];
            n++;
        }
        count[n - 1]++;
    }
    for (int i = 0; i < n; i++) {
        int k = backwards ? n - 1 - i : i, rc = MIX_OK;

        if (state[k] == SEALED)
            rc = mix_claims_sealed(c, first[k], count[k]);
        else if (state[k] == OPEN)
            rc = mix_claims_open(c, first[k], count[k], first[k] + 1);
        if (rc) {
            mix_claims_destroy(c);
            return NULL;
        }
    }
    return c;
}

/* Hand everything out; true if each claim is what the paper says. */
static bool walk(const struct paper *p, int replicas, bool backwards)
{
    struct mix_claims *c = from_paper(p, backwards);
    struct mix_claim got = {0};
    int given[8] = {0}, free_rows = 0, open_rows = 0, last_open = -1, last_free = -1;
    int64_t hole = 0;
    bool good = c != NULL;

    for (int r = 0; good && r < p->rows; r++) {
        free_rows += p->state[r] == FREE;
        open_rows += p->state[r] == OPEN;
    }
    while (good) {
        good = mix_claims_left(c) == free_rows + open_rows &&
               mix_claims_next(c, replicas, &got) == MIX_OK;
        if (!good || got.count == 0)
            break;
        int kind = p->state[got.first], *last = kind == OPEN ? &last_open : &last_free;

        good = kind != SEALED && got.first > *last && (kind == OPEN || open_rows == 0) &&
               got.pieces == (kind == OPEN ? (int32_t)got.first + 1 : 0);
        for (int64_t r = got.first; good && r < got.first + got.count; r++)
            good = p->state[r] == kind && (kind == FREE || p->part[r] == p->part[got.first]) &&
                   given[r]++ == 0;
        if (kind == FREE) {
            int64_t want = size_of(free_rows, replicas);

            good = good && got.count <= want;
            if (got.count < want) /* only a taken range or the end cuts a claim */
                good = good && (got.first + got.count == p->rows ||
                                p->state[got.first + got.count] != FREE);
            free_rows -= (int)got.count;
        } else {
            open_rows -= (int)got.count;
        }
        *last = (int)(got.first + got.count - 1);
    }
    for (int r = 0; good && r < p->rows; r++)
        good = given[r] == (p->state[r] != SEALED);
    good = good && mix_claims_left(c) == 0 && mix_claims_whole(c, &hole) && hole == p->rows;
    mix_claims_destroy(c);
    return good;
}

/* All ways to colour up to 6 rows: free, sealed or open, with every cut between equal neighbours.
 */
static void exhaustive(void)
{
    int jobs = 0, bad = 0;

    for (int rows = 0; rows <= 6; rows++) {
        int colours = 1;

        for (int i = 0; i < rows; i++)
            colours *= 3;
        for (int colour = 0; colour < colours; colour++)
            for (int cuts = 0; cuts < 1 << (rows > 1 ? rows - 1 : 0); cuts++) {
                struct paper p = {.rows = rows};

                for (int r = 0, k = colour; r < rows; r++, k /= 3) {
                    p.state[r] = k % 3;
                    p.part[r] = r == 0 ? 0 : p.part[r - 1] + (cuts >> (r - 1) & 1);
                    if (p.state[r] == FREE)
                        p.part[r] = 0; /* free rows have no cuts */
                }
                for (int replicas = 1; replicas <= 2; replicas++) {
                    jobs++;
                    bad += !walk(&p, replicas, colour & 1);
                }
            }
    }
    ok(bad == 0 && jobs == 55988, "%d small jobs are handed out row by row, once", jobs);
}

static void sizes(void)
{
    static const struct {
        int64_t rows;
        int replicas;
        int64_t first;
    } cases[] = {
        {1, 1, 1},         {4, 1, 1},         {8, 1, 2},
        {1000, 4, 62},     {4096, 1, 1024},   {4095, 1, 1023},
        {100000, 2, 1024}, {100000, 64, 390}, {1000000000000, 1, 1024},
        {3, 1000000, 1},   {100, 0, 25},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mix_claims *c = NULL;
        struct mix_claim got = {0};

        mix_claims_create(&c, cases[i].rows);
        ok(mix_claims_next(c, cases[i].replicas, &got) == MIX_OK && got.first == 0 &&
               got.count == cases[i].first && got.pieces == 0,
           "%lld rows, %d replicas: %lld first", (long long)cases[i].rows, cases[i].replicas,
           (long long)cases[i].first);
        mix_claims_destroy(c);
    }
}

/* A million rows between two million-row shards, to the end: they shrink and cover. */
static void long_job(void)
{
    const int64_t m = 1000000;
    struct mix_claims *c = NULL;
    struct mix_claim got = {0};
    int64_t at = m, last = MIX_CLAIM_MOST, claims = 0, hole;
    bool shrink = true, joined = true;
    size_t ranges = 0;

    mix_claims_create(&c, 3 * m);
    ok(mix_claims_sealed(c, 2 * m, m) == MIX_OK && mix_claims_sealed(c, 0, m) == MIX_OK,
       "two shards of a million rows");
    ok(!mix_claims_whole(c, &hole) && hole == m, "the first row that is missing is named");
    while (mix_claims_next(c, 8, &got) == MIX_OK && got.count) {
        shrink = shrink && got.count <= last;
        joined = joined && got.first == at;
        last = got.count;
        at += got.count;
        claims++;
    }
    ok(shrink && joined && at == 2 * m && last == 1, "claims shrink from 1,024 rows to 1");
    ok(claims < 1250, "in %lld claims", (long long)claims);
    ok(mix_claims_next(c, 8, &got) == MIX_OK && got.count == 0, "then there are none, for good");
    ok(mix_claims_ranges(c, &ranges)[0].state == MIX_RANGE_SEALED && ranges == (size_t)claims + 2 &&
           mix_claims_whole(c, &hole),
       "the ranges are all there");
    mix_claims_destroy(c);
}

static void misuse(void)
{
    static const struct {
        int64_t first, count;
        bool fits;
    } cases[] = {
        {0, 10, true},   {20, 10, true},         {90, 10, true},
        {10, 10, false}, {15, 1, false},         {5, 6, false},
        {19, 2, false},  {0, 100, false},        {-1, 2, false},
        {99, 2, false},  {100, 1, false},        {30, 0, false},
        {30, -1, false}, {30, INT64_MAX, false}, {INT64_MAX, INT64_MAX, false},
    };
    struct mix_claims *c = NULL;
    struct mix_claim got = {0};

    mix_claims_create(&c, 100);
    mix_claims_open(c, 10, 10, 3);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        ok(mix_claims_fits(c, cases[i].first, cases[i].count) == cases[i].fits,
           "rows %lld + %lld %s beside 10 + 10 of 100", (long long)cases[i].first,
           (long long)cases[i].count, cases[i].fits ? "fit" : "do not fit");
    mix_log_level(MIX_LOG_SILENT);
    ok(mix_claims_sealed(c, 12, 1) == MIX_EBUG && mix_claims_open(c, 12, 1, 1) == MIX_EBUG,
       "adding what does not fit is a bug");
    ok(mix_claims_next(c, 1, &got) == MIX_OK && got.first == 10 && got.pieces == 3,
       "the open one comes first");
    ok(mix_claims_sealed(c, 0, 1) == MIX_EBUG, "so is adding after the first claim");
    mix_claims_destroy(c);
    c = NULL;
    ok(mix_claims_create(&c, -1) == MIX_EBUG && c == NULL, "and a negative number of rows");
    mix_log_level(MIX_LOG_INFO);
    mix_claims_destroy(NULL);
    ok(true, "destroying NULL is allowed");
}

int main(void)
{
    exhaustive();
    sizes();
    long_job();
    misuse();
    return tap_done();
}
