/* exchange_route.c - route: every routing of small shapes, and what is refused. */
#include "base/err.h"
#include "base/log.h"
#include "exchange/route.h"
#include "tap.h"

#include <string.h>

enum { MAX = 64 };

static struct {
    int first[MAX + 1];
    int32_t from[MAX], row[MAX];
} out;

static struct mix_route route_of(const int32_t *expert, int tokens, int k, int experts,
                                 int first_local, int locals)
{
    memset(&out, 0x5A, sizeof out); /* nothing may be left over from the last one */
    return (struct mix_route){
        .experts = experts,
        .first_local = first_local,
        .locals = locals,
        .tokens = tokens,
        .k = k,
        .expert = expert,
        .first = out.first,
        .from = out.from,
        .row = out.row,
    };
}

/* Does the result hold what route.h promises?  Looked up from the promise, not from the code. */
static bool holds(const struct mix_route *r)
{
    int rows = 0;

    if (r->first[0] != 0)
        return false;
    for (int e = 0; e < r->locals; e++) { /* by expert, then by token, nothing else between */
        for (int t = 0; t < r->tokens; t++)
            for (int j = 0; j < r->k; j++)
                if (r->expert[t * r->k + j] == r->first_local + e) {
                    if (r->from[rows] != t || r->row[t * r->k + j] != rows)
                        return false;
                    rows++;
                }
        if (r->first[e + 1] != rows)
            return false;
    }
    for (int i = 0; i < r->tokens * r->k; i++) {
        int local = r->expert[i] - r->first_local;

        if ((local < 0 || local >= r->locals) && r->row[i] != -1)
            return false;
    }
    return true;
}

/* The ids of one token as digits: all ordered choices of k different experts, by number. */
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

static void all_routings(int tokens, int k, int experts)
{
    int per_token = choices(experts, k), bad = 0;
    long total = 1, tried = 0;
    int32_t expert[MAX];

    for (int t = 0; t < tokens; t++)
        total *= per_token;
    for (long number = 0; number < total; number++) {
        long rest = number;

        for (int t = 0; t < tokens; t++, rest /= per_token)
            choose(expert + t * k, experts, k, (int)(rest % per_token));
        for (int first = 0; first <= experts; first++)
            for (int locals = 0; first + locals <= experts; locals++) {
                struct mix_route r = route_of(expert, tokens, k, experts, first, locals);

                bad += mix_route(&r) != MIX_OK || !holds(&r);
                tried++;
            }
    }
    ok(bad == 0, "%d tokens to %d of %d experts: all %ld routings and local ranges", tokens, k,
       experts, tried);
}

static void refused(void)
{
    static const struct {
        const char *what;
        int32_t id[4];
    } cases[] = {
        {"an expert beyond the last", {0, 1, 2, 4}},
        {"an expert below 0", {0, 1, -1, 2}},
        {"an expert twice in a token", {0, 1, 3, 3}},
    };

    mix_log_level(MIX_LOG_SILENT);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mix_route r = route_of(cases[i].id, 2, 2, 4, 0, 4);

        ok(mix_route(&r) == MIX_EBUG, "%s is refused", cases[i].what);
        ok(strstr(mix_err_last(), "token 1") != NULL, "and the token is named");
    }
}

int main(void)
{
    static const struct {
        int tokens, k, experts;
    } shapes[] = {
        {0, 1, 1}, {0, 2, 3}, {1, 1, 1}, {1, 4, 4}, {3, 1, 4}, {5, 1, 3},
        {4, 2, 3}, {3, 2, 4}, {3, 3, 3}, {2, 3, 4}, {6, 2, 2}, {2, 2, 5},
    };

    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        all_routings(shapes[i].tokens, shapes[i].k, shapes[i].experts);
    refused();
    return tap_done();
}
