/* measure.c - an exchange among neighbours, repeated at growing sizes.
 *
 * One operation sends n bytes to each of the q next members of a group.  Its time is
 * latency + q seconds(n); one peer and q peers at the smallest size tell the two apart.
 * Every decision (how often, whether to go on) is made from reduced values. */
#include "comm/measure.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/median.h"
#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    SIZES = 8,
    FEWEST = 5,     /* also where there is no time, as on a machine that others have taken over */
    MOST_PEERS = 7, /* sent to at once: beyond it only the room for buffers grows */
    ROUNDS = 3,     /* through all sizes */
    BATCHES = 5,    /* of a round, at most; the median is taken of all */
    MOST_OPERATIONS = 64,
};

static const size_t size[SIZES] = {64, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304};
static const double batch_s = 1e-3;     /* much longer than what the clock sees */
static const double shortest_s = 1e-10; /* a message that costs nothing that we can see */

struct samples {
    double t[ROUNDS * BATCHES]; /* s of one operation, as late as its last rank */
    int count;
};

struct ruler {
    struct mix_group *world, *group; /* all; those that exchange */
    char *send, *recv;               /* [MOST_PEERS][largest size] */
    size_t *at[2], *bytes[2];        /* [members] to and from */
    double start, budget_s;
    int left; /* measurements to come, at most */
};

/* ---- one size */

static int exchange(struct ruler *r, int peers, size_t n)
{
    int members = mix_group_size(r->group), me = mix_group_rank(r->group);

    for (int i = 0; i < members; i++)
        r->bytes[0][i] = r->bytes[1][i] = 0;
    for (int k = 1; k <= peers; k++) {
        int to = (me + k) % members, from = (me - k + members) % members;

        r->at[0][to] = r->at[1][from] = (size_t)(k - 1) * n;
        r->bytes[0][to] = r->bytes[1][from] = n;
    }
    return mix_group_alltoall(r->group, r->recv, r->at[1], r->bytes[1], r->send, r->at[0],
                              r->bytes[0]);
}

static int clamp(double x, int least, int most)
{
    return x < least ? least : x < most ? (int)x : most;
}

/* How often: seen[0] is what one operation takes, seen[1] what has been used so far. */
static int choose(struct ruler *r, int peers, size_t n, int *operations, int *batches)
{
    int rc = MIX_OK;
    double seen[2], at;

    TRY(exchange(r, peers, n)); /* connections, first touch */
    at = mix_now();
    TRY(exchange(r, peers, n));
    seen[0] = mix_now() - at;
    seen[1] = mix_now() - r->start;
    TRY(mix_group_reduce_f64(r->world, seen, 2, MIX_MAX));
    *operations = clamp(batch_s / seen[0], 1, MOST_OPERATIONS);
    *batches = clamp((r->budget_s - seen[1]) / r->left / (*operations * seen[0]), 1, BATCHES);
out:
    return rc;
}

/* Some batches more, each as long as its slowest rank. */
static int sample(struct ruler *r, struct samples *s, int peers, size_t n)
{
    int rc = MIX_OK, operations, batches;
    double *t = s->t + s->count;

    TRY(choose(r, peers, n, &operations, &batches));
    for (int b = 0; b < batches; b++) {
        TRY(mix_group_barrier(r->group));
        t[b] = mix_now();
        for (int i = 0; i < operations; i++)
            TRY(exchange(r, peers, n));
        t[b] = (mix_now() - t[b]) / operations;
    }
    TRY(mix_group_reduce_f64(r->world, t, batches, MIX_MAX));
    s->count += batches;
    r->left--;
out:
    return rc;
}

static double median(struct samples *s)
{
    return mix_median(s->t, s->count);
}

/* ---- one class */

/* Ranks that have just started lie on the cores as they came, two on one for some 100 ms. */
static int warm_up(struct ruler *r)
{
    int rc = MIX_OK;
    double start = mix_now(), used = 0;

    while (used < r->budget_s / 16) {
        for (int i = 0; i < 4; i++)
            TRY(exchange(r, 1, size[0]));
        used = mix_now() - start;
        TRY(mix_group_reduce_f64(r->world, &used, 1, MIX_MAX));
    }
out:
    return rc;
}

static double least(const struct samples *s)
{
    double t = s->t[0];

    for (int i = 1; i < s->count; i++)
        t = fmin(t, s->t[i]);
    return t;
}

/* Is there time in all rounds for size[i], four times the last?  What the smallest takes does not
 * grow. */
static int go_on(struct ruler *r, const struct samples *s, int i, double until_s, bool *yes)
{
    double first = least(&s[0]), next = first + 4 * (least(&s[i - 1]) - first);
    double now = mix_now() - r->start;
    int rc = mix_group_reduce_f64(r->world, &now, 1, MIX_MAX);

    /* two operations to warm up, and one */
    *yes = i < FEWEST || now + next * 3 * ROUNDS < until_s;
    return rc;
}

/* One samples[0] of one peer at the smallest size, and one samples[1 + i] of all peers at size[i].
 * In the first round *sizes is found.  Rounds, because what disturbs a machine lasts a while. */
static int rounds(struct ruler *r, struct samples *s, int peers, double until_s, int *sizes)
{
    int rc = MIX_OK, n = SIZES;
    bool more = true;

    TRY(warm_up(r));
    for (int round = 0; round < ROUNDS; round++) {
        TRY(sample(r, &s[0], 1, size[0]));
        for (int i = 0; i < n; i++) {
            TRY(sample(r, &s[1 + i], peers, size[i]));
            if (round > 0)
                continue;
            TRY(go_on(r, &s[1], i + 1, until_s, &more));
            n = more ? n : i + 1;
        }
    }
    *sizes = n;
out:
    return rc;
}

/* With one peer nobody can tell what a second message would cost: then half of the operation. */
static struct mix_link fit(struct samples *s, int peers, int sizes)
{
    struct mix_link l = {.ports = 1, .points = sizes};
    double one = median(&s[0]), all = median(&s[1]);
    double first = peers > 1 ? (all - one) / (peers - 1) : one / 2;

    first = fmin(fmax(first, shortest_s), one);
    l.latency = one - first;
    for (int i = 0; i < sizes; i++) {
        double more = (median(&s[1 + i]) - l.latency) / peers;

        l.bytes[i] = (double)size[i];
        l.seconds[i] = i == 0 ? first : fmax(more, l.seconds[i - 1]);
    }
    return l;
}

static int open_buffers(struct ruler *r, int peers)
{
    int rc = MIX_OK;
    size_t members = (size_t)mix_group_size(r->group), bytes = (size_t)peers * size[SIZES - 1];

    TRY(mix_alloc_aligned(&r->send, bytes, "messages to measure with"));
    TRY(mix_alloc_aligned(&r->recv, bytes, "messages to measure with"));
    for (int i = 0; i < 2; i++) {
        TRY(mix_calloc(&r->at[i], members, sizeof *r->at[i], "messages to measure with"));
        TRY(mix_calloc(&r->bytes[i], members, sizeof *r->bytes[i], "messages to measure with"));
    }
    for (size_t i = 0; i < bytes; i++) /* not zeros, which something on the way may shorten */
        r->send[i] = (char)(i * 2654435761u >> 13);
out:
    return rc;
}

static void close_buffers(struct ruler *r)
{
    for (int i = 0; i < 2; i++) {
        free(r->at[i]);
        free(r->bytes[i]);
        r->at[i] = r->bytes[i] = NULL;
    }
    free(r->send);
    free(r->recv);
    r->send = r->recv = NULL;
}

/* until_s: since the start. */
static int measure_class(struct ruler *r, struct mix_link *link, double until_s)
{
    int rc = MIX_OK, members = mix_group_size(r->group), sizes;
    int peers = members - 1 < MOST_PEERS ? members - 1 : MOST_PEERS;
    struct samples s[SIZES + 1] = {0};

    TRY(open_buffers(r, peers));
    TRY(rounds(r, s, peers, until_s, &sizes));
    *link = fit(s, peers, sizes);
out:
    close_buffers(r);
    return rc;
}

/* ---- all classes */

/* The ranks first, first + step, ... of which I am one. */
static int open_group(struct mix_group **g, struct mix_comm *comm, const char *name, int first,
                      int step, int n)
{
    int rc = MIX_OK, *rank = NULL;

    TRY(mix_calloc(&rank, (size_t)n, sizeof *rank, "ranks of a group"));
    for (int i = 0; i < n; i++)
        rank[i] = first + i * step;
    TRY(mix_group_open(g, comm, name, rank, n));
out:
    free(rank);
    return rc;
}

static int copies(struct mix_link *link)
{
    int rc = MIX_OK;
    char *from = NULL, *to = NULL;
    struct mix_link l = {.ports = 1};

    TRY(mix_alloc_aligned(&from, size[SIZES - 1], "memory to measure"));
    TRY(mix_alloc_aligned(&to, size[SIZES - 1], "memory to measure"));
    for (; l.points < SIZES; l.points++) {
        struct samples s = {.count = ROUNDS * BATCHES};
        size_t n = size[l.points];

        for (int b = 0; b < s.count; b++) {
            s.t[b] = mix_now();
            for (int i = 0; i < MOST_OPERATIONS; i++) {
                memcpy(to, from, n);
                memcpy(from, to, n);
            }
            s.t[b] = (mix_now() - s.t[b]) / MOST_OPERATIONS;
        }
        l.bytes[l.points] = (double)n;
        l.seconds[l.points] = fmax(median(&s), l.points ? l.seconds[l.points - 1] : shortest_s);
    }
    *link = l;
out:
    free(from);
    free(to);
    return rc;
}

/* Who has no points gets them from who has. */
static int complete(struct mix_links *links)
{
    static const char *const text[] = {
        [MIX_LINK_INSIDE] = "no two ranks share a domain: links inside are taken as those between",
        [MIX_LINK_BETWEEN] = "one domain: links between domains are taken as those inside",
    };
    int rc = MIX_OK;

    if (!links->measured[0] && !links->measured[1]) {
        TRY(copies(&links->link[0]));
        links->link[1] = links->link[0];
        mix_log(MIX_LOG_DEBUG, "one rank has no links: a message is taken as two copies in memory");
        return MIX_OK;
    }
    for (int k = 0; k < MIX_LINK_KINDS; k++)
        if (!links->measured[k]) {
            links->link[k] = links->link[!k];
            mix_log(MIX_LOG_DEBUG, "%s", text[k]);
        }
out:
    return rc;
}

int mix_measure_links(struct mix_links *out, struct mix_comm *comm, struct mix_group *world,
                      int domain_size, double budget_s)
{
    int rc = MIX_OK, ranks = mix_comm_size(comm), me = mix_comm_rank(comm);
    struct mix_links links = {0};
    struct ruler r = {.world = world, .start = mix_now(), .budget_s = budget_s};
    struct mix_group *domain = NULL, *rail = NULL;
    int m = domain_size, domains = m > 0 ? ranks / m : 0;

    if (m < 1 || ranks % m)
        return MIX_FAIL(MIX_EFIT, "a domain of %d ranks does not divide the %d there are", m,
                        ranks);
    TRY(open_group(&domain, comm, "domain", me / m * m, 1, m));
    TRY(open_group(&rail, comm, "rail", me % m, m, domains));
    links.measured[MIX_LINK_INSIDE] = m > 1;
    links.measured[MIX_LINK_BETWEEN] = domains > 1;
    r.left = ROUNDS * (SIZES + 1) * (links.measured[0] + links.measured[1]);
    for (int k = 0; k < MIX_LINK_KINDS; k++)
        if (links.measured[k]) {
            bool last = k == MIX_LINK_BETWEEN || !links.measured[MIX_LINK_BETWEEN];

            r.group = k == MIX_LINK_INSIDE ? domain : rail;
            TRY(measure_class(&r, &links.link[k], last ? budget_s : budget_s / 2));
            r.left = ROUNDS * (SIZES + 1);
        }
    TRY(complete(&links));
    links.seconds = mix_now() - r.start;
    TRY(mix_group_reduce_f64(world, &links.seconds, 1, MIX_MAX));
    *out = links;
out:
    if (rc == MIX_OK) { /* after a failure nobody waits for the others */
        mix_group_close(rail);
        mix_group_close(domain);
    }
    return rc;
}
