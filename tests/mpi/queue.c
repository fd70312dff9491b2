/* queue.c - messages in a line: who leaves when, what lands where, and how it ends.
 *
 * The seed is an argument; without one it is drawn.  It is printed. */
#include "comm/queue.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/rng.h"
#include "comm/comm.h"
#include "comm/group_private.h"
#include "rig.h"
#include "tap.h"
#include "tap_mpi.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_RANKS = 8, EACH = 5, MOST = MOST_RANKS * EACH, LARGE = 3 << 20 };

static struct mix_comm *comm;
static int me, ranks;
static unsigned seed;

static uint32_t draw(int what, int run, int a, int b)
{
    uint32_t out[4];

    mix_philox(out, (uint32_t[]){(uint32_t)run, (uint32_t)a, (uint32_t)b, 0},
               (uint32_t[]){(uint32_t)what, seed});
    return out[0];
}

/* A message as both of its sides know it. */
struct letter {
    int member, kind, from, number; /* number: in the queue, -1: not named yet */
    size_t bytes;
    uint32_t salt; /* of what is in it */
    unsigned char *at;
    bool seen; /* landed or sent, and looked at */
};

static void fill(unsigned char *x, uint32_t salt, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (unsigned char)((salt += 2654435761u) >> 24);
}

static bool filled(const unsigned char *x, uint32_t salt, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (x[i] != (unsigned char)((salt += 2654435761u) >> 24))
            return false;
    return true;
}

static void write_letter(struct letter *l, bool out)
{
    l->number = -1;
    l->seen = false;
    l->at = malloc(l->bytes); /* of its own, so that a byte too much is found */
    if (out)
        fill(l->at, l->salt, l->bytes);
    else
        memset(l->at, 0, l->bytes);
}

static int name(struct mix_queue *q, struct letter *l, bool out, int number)
{
    l->number = number;
    return out ? mix_queue_send(q, l->kind, l->member, l->at, l->bytes)
               : mix_queue_recv(q, l->kind, l->member, l->at, l->bytes);
}

/* What has landed is right at once; what is sent is mine again. */
static bool look(const struct mix_queue *q, struct letter *l, int n, bool out)
{
    bool good = true;

    for (int i = 0; i < n; i++) {
        if (l[i].seen || l[i].number < 0)
            continue;
        l[i].seen = out ? mix_queue_sent(q, l[i].number) : mix_queue_landed(q, l[i].number);
        if (l[i].seen && out)
            memset(l[i].at, 0xEE, l[i].bytes);
        else if (l[i].seen)
            good &= filled(l[i].at, l[i].salt, l[i].bytes);
    }
    return good;
}

struct post {
    struct letter letter[2][MOST]; /* in, out */
    int n[2];
};

/* Until all is done, as an exchange does it.  All letters have been named. */
static bool deliver(struct mix_queue *q, struct mix_group *g, struct post *p)
{
    double since = mix_now();
    bool good = true;
    int moves = -1, other = (mix_group_rank(g) + 1) % mix_group_size(g);

    for (bool done = false; good && !done;) {
        good = mix_queue_progress(q) == MIX_OK;
        done = mix_queue_done(q);
        for (int side = 0; side < 2; side++)
            good &= look(q, p->letter[side], p->n[side], side);
        if (mix_queue_moves(q) != moves)
            since = mix_now();
        else if (!done)
            good &= mix_group_turn(g, "letters", since, other) == MIX_OK;
        moves = mix_queue_moves(q);
    }
    for (int side = 0; side < 2; side++)
        for (int i = 0; i < p->n[side]; i++) {
            good = good && p->letter[side][i].seen;
            free(p->letter[side][i].at);
        }
    return good && mix_queue_moves(q) == p->n[0] + p->n[1];
}

/* ---- groups */

static struct mix_group *open_pair(void)
{
    return rig_group(comm, "pair", (int[]){me / 2 * 2, me / 2 * 2 + 1}, 2);
}

/* ---- random traffic */

static size_t length(int run, int pair, int j)
{
    uint32_t x = draw(1, run, pair, j), y = draw(2, run, pair, j);

    if (x % 64 == 0)
        return 1 + y % LARGE;
    switch (x % 8) {
    case 0: /* the eager limit, less the headers of MPI */
        return 65536 - 120 + y % 140;
    case 1:
    case 2:
        return 1 + y % 20000;
    default:
        return 1 + y % 300;
    }
}

/* What world ranks a and b have to say to me or I to them, in its order. */
static int write_letters(struct letter *l, const struct mix_group *g, int run, bool out)
{
    int n = 0;

    for (int i = 0; i < mix_group_size(g); i++) {
        int other = mix_group_world(g, i), from = out ? me : other, to = out ? other : me;
        int pair = from * MOST_RANKS + to, count = (int)(draw(3, run, pair, 0) % (EACH + 1));

        for (int j = 0; i != mix_group_rank(g) && j < count; j++) {
            l[n] = (struct letter){.member = i, .from = from, .bytes = length(run, pair, j)};
            l[n].kind = (int)(draw(4, run, pair, j) % MIX_QUEUE_KINDS);
            l[n].salt = draw(5, run, pair, j);
            write_letter(&l[n++], out);
        }
    }
    return n;
}

/* Any letter, but those of one member and kind in their order. */
static struct letter *choose(struct letter *l, int n, uint32_t x)
{
    int k = (int)(x % (uint32_t)n);

    while (l[k].number >= 0)
        k = (k + 1) % n;
    for (int i = 0; i < k; i++)
        if (l[i].number < 0 && l[i].member == l[k].member && l[i].kind == l[k].kind)
            return &l[i];
    return &l[k];
}

static bool run_once(struct mix_queue *q, struct mix_group *g, int run, struct mix_group_stats *s)
{
    static struct post p;
    int named[2] = {0, 0};
    bool good = mix_queue_begin(q, 1 + (int)(draw(6, run, me, 0) % 4)) == MIX_OK &&
                mix_queue_done(q) && mix_queue_moves(q) == 0;

    for (int side = 0; side < 2; side++)
        p.n[side] = write_letters(p.letter[side], g, run, side);
    for (int step = 0; good && named[0] + named[1] < p.n[0] + p.n[1]; step++) {
        int side = draw(7, run, me, step) % 2;

        side = named[side] < p.n[side] ? side : !side;
        good &= name(q, choose(p.letter[side], p.n[side], draw(8, run, me, step)), side,
                     named[side]) == MIX_OK;
        named[side]++;
        if (draw(9, run, me, step) % 4 == 0)
            good &= mix_queue_progress(q) == MIX_OK;
    }
    for (int i = 0; i < p.n[1]; i++) {
        bool inside = g->inside[p.letter[1][i].member];

        *(inside ? &s->bytes_inside : &s->bytes_between) += p.letter[1][i].bytes;
        *(inside ? &s->messages_inside : &s->messages_between) += 1;
    }
    return deliver(q, g, &p) && good;
}

/* What the group does between runs; what it counts is not that of the runs. */
static bool meet(struct mix_group *g, int run)
{
    struct mix_group_stats before = g->stats;
    int64_t x[MOST_RANKS] = {0};
    bool good = true;

    x[mix_group_rank(g)] = run * 100 + me;
    if (run % 5 == 0)
        good &= mix_group_barrier(g) == MIX_OK;
    if (run % 7 == 0) {
        good &= mix_group_tell(g, x, sizeof *x) == MIX_OK;
        for (int i = 0; i < mix_group_size(g); i++)
            good &= x[i] == run * 100 + mix_group_world(g, i);
    }
    g->stats = before;
    return good;
}

static void traffic(int domain, int first, int runs)
{
    struct mix_group_stats want = {0}, got;
    struct mix_queue *q[2] = {NULL, NULL};
    struct mix_group *g;
    bool good = true, met = true;

    mix_comm_domain_set(comm, domain);
    g = rig_group_backwards(comm);
    for (int i = 0; i < 2; i++)
        good &= mix_queue_open(&q[i], g, MOST, MOST) == MIX_OK;
    g->tag = MIX_TAGS - runs * 2; /* tags begin anew on the way */
    for (int run = first; good && met && run < first + runs; run++) {
        good &= run_once(q[run % 3 == 0], g, run, &want);
        met &= meet(g, run);
    }
    ok_all(good, "%d runs of random messages, seed %u", runs, seed);
    ok_all(met, "operations of the group between them");
    got = mix_group_stats(g);
    ok_all(got.bytes_inside == want.bytes_inside && got.bytes_between == want.bytes_between &&
               got.messages_inside == want.messages_inside &&
               got.messages_between == want.messages_between,
           "all bytes and messages are counted, domains of %d", domain);
    for (int i = 0; i < 2; i++)
        mix_queue_close(q[i]);
    mix_group_close(g);
    mix_comm_domain_set(comm, 0);
}

/* ---- order of kinds, sizes */

/* Two of each kind there and back, named in another order than sent. */
static bool crossed(struct mix_queue *q, struct mix_group *g, size_t bytes, int depth)
{
    static struct post p;
    static const int order[8] = {3, 7, 1, 5, 0, 4, 2, 6};
    bool good = mix_queue_begin(q, depth) == MIX_OK, late = me % 2;

    for (int side = 0; side < 2; side++) {
        p.n[side] = 8;
        for (int i = 0; i < 8; i++) {
            uint32_t salt = (uint32_t)(i * 2 + (side ? me % 2 : !(me % 2))) * 77 + 1;

            p.letter[side][i] = (struct letter){
                .member = !(me % 2), .kind = i % MIX_QUEUE_KINDS, .bytes = bytes, .salt = salt};
            write_letter(&p.letter[side][i], side);
        }
    }
    for (int side = late; side >= 0 && side < 2; side += late ? -1 : 1) /* sends first, or last */
        for (int i = 0; i < 8; i++)
            good &= name(q, &p.letter[side][side ? i : order[i]], side, i) == MIX_OK;
    return deliver(q, g, &p) && good;
}

static void sizes(void)
{
    static const size_t size[] = {1, 4000, 4097, 65440, 65535, 65536, 65537, 1 << 20, LARGE};
    struct mix_group *g = open_pair();
    struct mix_queue *q = NULL;
    bool good = mix_queue_open(&q, g, 8, 8) == MIX_OK;

    for (size_t i = 0; i < sizeof size / sizeof *size; i++) {
        for (int depth = 1; good && depth < 10; depth += 2)
            good &= crossed(q, g, size[i], depth);
        ok_all(good, "kinds apart, each in its order: messages of %zu bytes", size[i]);
    }
    mix_queue_close(q);
    mix_group_close(g);
}

/* ---- the line */

enum { LINE = 6, LINE_BYTES = 1 << 20 };

/* Messages that nobody has received yet, taken out of MPI's hands in the order of their arrival:
 * all that come until there are `until`, and in the 20 ms after that. */
static int arrivals(const struct mix_group *g, MPI_Message *m, MPI_Status *s, int n, int until)
{
    double begin = mix_now(), quiet = begin;

    while (n < LINE && mix_now() < begin + 10 && (n < until || mix_now() < quiet + 0.02)) {
        int came = 0;

        MPI_Improbe(MPI_ANY_SOURCE, MPI_ANY_TAG, g->mpi, &came, &m[n], &s[n]);
        if (came)
            n++;
        if (n < until || came)
            quiet = mix_now();
    }
    return n;
}

/* The receiving side without a queue.  True if never more than depth were under way. */
static bool watch(const struct mix_group *g, unsigned char *x, int depth)
{
    MPI_Message m[LINE];
    MPI_Status s[LINE];
    bool good;
    int n = arrivals(g, m, s, 0, depth < LINE ? depth : LINE);

    good = n == (depth < LINE ? depth : LINE);
    MPI_Barrier(g->mpi); /* only now the sender makes progress */
    for (int i = 0; i < LINE && i < n; i++) {
        int want = i + 1 + depth < LINE ? i + 1 + depth : LINE, kinds;

        kinds = (s[i].MPI_TAG - s[0].MPI_TAG) & MIX_TAGS;
        good &= kinds == i % MIX_QUEUE_KINDS && s[i].MPI_TAG <= MIX_TAGS;
        MPI_Mrecv(x, LINE_BYTES, MPI_BYTE, &m[i], MPI_STATUS_IGNORE);
        good &= filled(x, (uint32_t)i, LINE_BYTES);
        n = arrivals(g, m, s, n, want);
        good &= n == want;
    }
    return good;
}

/* Sends are done one after the other, as the receiver takes them. */
static bool feed(struct mix_queue *q, const struct mix_group *g, unsigned char *x, int depth)
{
    bool good = mix_queue_begin(q, depth) == MIX_OK;
    int sent = 0;

    for (int i = 0; i < LINE; i++) {
        fill(x + (size_t)i * LINE_BYTES, (uint32_t)i, LINE_BYTES);
        good &= mix_queue_send(q, i % MIX_QUEUE_KINDS, 1, x + (size_t)i * LINE_BYTES, LINE_BYTES) ==
                MIX_OK;
    }
    MPI_Barrier(g->mpi);
    for (double end = mix_now() + 20; good && !mix_queue_done(q) && mix_now() < end;) {
        int moves = mix_queue_moves(q);

        good &= moves == sent;
        good &= mix_queue_progress(q) == MIX_OK;
        while (mix_queue_sent(q, sent))
            sent++;
        good &= mix_queue_moves(q) == sent;
    }
    return good && sent == LINE && !mix_queue_sent(q, LINE) && !mix_queue_landed(q, 0);
}

static void line(void)
{
    static const int depth[] = {1, 2, 3, LINE + 5};
    struct mix_group *g = open_pair();
    struct mix_queue *q = NULL;
    unsigned char *x = malloc((size_t)LINE * LINE_BYTES);

    ok_all(mix_queue_open(&q, g, LINE, 0) == MIX_OK, "a queue of sends");
    g->tag = MIX_TAGS - 2; /* tags begin anew among the kinds of the first run */
    for (size_t i = 0; i < sizeof depth / sizeof *depth; i++)
        ok_all(me % 2 ? watch(g, x, depth[i]) : feed(q, g, x, depth[i]),
               "%d large sends, never more than %d of them under way", LINE, depth[i]);
    mix_queue_close(q);
    mix_group_close(g);
    free(x);
}

/* Lengths that the sender alone knows, from one byte to all there is room for, and one byte more.
 */
static void unknown_sizes(void)
{
    static const size_t size[] = {1, 1000, 70000, LINE_BYTES};
    static unsigned char to[LINE_BYTES + 1], from[LINE_BYTES + 1]; /* Open MPI may copy it all */
    struct mix_group *g = open_pair();
    struct mix_queue *q = NULL;
    int other = 1 - me % 2, rc;
    double end = mix_now() + 20;
    bool good = mix_queue_open(&q, g, 1, 1) == MIX_OK;

    for (size_t i = 0; good && i < sizeof size / sizeof *size; i++) {
        fill(from, (uint32_t)(i + 9), size[i]);
        good = mix_queue_begin(q, 1) == MIX_OK &&
               mix_queue_recv_most(q, 0, other, to, LINE_BYTES) == MIX_OK &&
               mix_queue_bytes(q, 0) == 0 && mix_queue_send(q, 0, other, from, size[i]) == MIX_OK;
        while (good && !mix_queue_done(q))
            good = mix_queue_progress(q) == MIX_OK && mix_now() < end;
        good = good && mix_queue_bytes(q, 0) == size[i] && filled(to, (uint32_t)(i + 9), size[i]);
    }
    ok_all(good, "a message says how long it is");
    mix_log_level(MIX_LOG_SILENT);
    good = !mix_queue_begin(q, 1) && !mix_queue_recv_most(q, 0, other, to, LINE_BYTES);
    rc = mix_queue_send(q, 0, other, from, LINE_BYTES + 1);
    while (!rc && mix_now() < end)
        rc = mix_queue_progress(q);
    ok_all(good && rc == MIX_ECOMM, "and may not be longer than there is room");
    MPI_Barrier(MPI_COMM_WORLD);
    mix_log_level(MIX_LOG_INFO);
    mix_queue_close(q);
    mix_group_close(g);
}

/* ---- ends */

/* Both get a message that is one byte shorter or longer than they expect. */
static void wrong_sizes(void)
{
    static const size_t size[] = {10, LINE_BYTES};
    static unsigned char to[2][LINE_BYTES + 1], from[2][LINE_BYTES + 1];

    for (int c = 0; c < 4; c++) {
        struct mix_group *g = open_pair();
        struct mix_queue *q = NULL;
        int other = 1 - me % 2, rc = mix_queue_open(&q, g, 4, 4);
        char who[40];

        snprintf(who, sizeof who, "rank %d (node ", me / 2 * 2 + other);
        mix_log_level(MIX_LOG_SILENT);
        rc = rc ? rc : mix_queue_begin(q, 2);
        rc = rc ? rc : mix_queue_recv(q, 1, other, to[c % 2], size[c / 2]);
        rc = rc ? rc : mix_queue_recv(q, 2, other, to[1], 8); /* never comes */
        rc = rc ? rc : mix_queue_send(q, 1, other, from[c % 2], size[c / 2] + (c % 2 ? 1 : -1));
        for (double end = mix_now() + 10; !rc && mix_now() < end;)
            rc = mix_queue_progress(q);
        ok_all(rc == MIX_ECOMM && strstr(mix_err_last(), who),
               "a byte %s than %zu names rank and node", c % 2 ? "more" : "less", size[c / 2]);
        MPI_Barrier(MPI_COMM_WORLD);
        ok_all(mix_queue_progress(q) == MIX_ECOMM &&
                   mix_queue_send(q, 0, other, from, 8) == MIX_ECOMM &&
                   mix_queue_recv(q, 0, other, to, 8) == MIX_ECOMM &&
                   mix_queue_begin(q, 1) == MIX_ECOMM && !mix_queue_landed(q, 0) &&
                   !mix_queue_done(q),
               "the failure stays");
        ok_all(mix_group_barrier(g) == MIX_ECOMM, "and the group refuses to work");
        mix_log_level(MIX_LOG_INFO);
        mix_queue_close(q);
        mix_group_close(g);
    }
}

/* Receives that nothing comes for, sends that nobody takes, and one that is on its way. */
static void closed_early(void)
{
    static unsigned char to[3][LINE_BYTES], from[4][LINE_BYTES];
    bool good = true;

    for (int round = 0; round < 10; round++) {
        struct mix_group *g = rig_group_backwards(comm);
        struct mix_queue *q = NULL;
        int next = (mix_group_rank(g) + 1) % ranks, last = (mix_group_rank(g) + ranks - 1) % ranks;

        good &=
            mix_queue_open(&q, g, 8, 8) == MIX_OK && mix_queue_begin(q, 2 + round % 2) == MIX_OK;
        for (int i = 0; i < 3; i++)
            good &= mix_queue_recv(q, i, last, to[i], LINE_BYTES) == MIX_OK;
        good &= mix_queue_send(q, 0, next, from[0], LINE_BYTES) == MIX_OK;
        for (int i = 1; i < 4; i++)
            good &= mix_queue_send(q, 3, next, from[i], LINE_BYTES) == MIX_OK;
        for (int i = 0; i < round; i++)
            good &= mix_queue_progress(q) == MIX_OK;
        good &= !mix_queue_done(q);
        mix_queue_close(q);
        mix_log_level(MIX_LOG_SILENT);
        good &= mix_group_barrier(g) == MIX_ECOMM;
        mix_log_level(MIX_LOG_INFO);
        mix_group_close(g);
    }
    ok_all(good, "closed with messages under way; the group is of no more use");
    mix_queue_close(NULL);
    traffic(0, 1000, 5);
}

enum misuse {
    KIND,
    KIND_BELOW,
    MYSELF,
    NOBODY,
    BELOW,
    EMPTY,
    HUGE,
    ONE_MORE,
    DEPTH,
    EARLY,
    MISUSES
};

static int misuse(struct mix_queue *q, enum misuse what, int other)
{
    static unsigned char x[16];

    switch (what) {
    case KIND:
        return mix_queue_send(q, MIX_QUEUE_KINDS, other, x, 8);
    case KIND_BELOW:
        return mix_queue_recv(q, -1, other, x, 8);
    case MYSELF:
        return mix_queue_send(q, 0, !other, x, 8);
    case NOBODY:
        return mix_queue_recv(q, 0, 2, x, 8);
    case BELOW:
        return mix_queue_send(q, 0, -1, x, 8);
    case EMPTY:
        return mix_queue_send(q, 0, other, x, 0);
    case HUGE:
        return mix_queue_recv(q, 0, other, x, ((size_t)1 << 30) + 1);
    case ONE_MORE:
        return mix_queue_recv(q, 0, other, x, 8) ? MIX_OK : mix_queue_recv(q, 0, other, x + 8, 8);
    case DEPTH:
        return mix_queue_begin(q, 0);
    case EARLY:
    default:
        return mix_queue_recv(q, 0, other, x, 8) ? MIX_OK : mix_queue_begin(q, 1);
    }
}

static void refused(void)
{
    bool good = true;
    struct mix_group *g;
    struct mix_queue *q = NULL;

    mix_log_level(MIX_LOG_SILENT);
    for (int i = 0; i < MISUSES; i++) {
        int want = i == HUGE ? MIX_EFIT : MIX_EBUG;

        g = open_pair();
        good &= mix_queue_open(&q, g, 1, 1) == MIX_OK && mix_queue_begin(q, 1) == MIX_OK;
        good &= misuse(q, (enum misuse)i, 1 - me % 2) == want && mix_queue_progress(q) == want;
        if (!good)
            fprintf(stderr, "# rank %d: case %d\n", me, i);
        mix_queue_close(q);
        mix_group_close(g);
    }
    mix_log_level(MIX_LOG_INFO);
    ok_all(good, "what cannot be is refused");
    g = rig_group(comm, "alone", &me, 1);
    good = mix_queue_open(&q, g, 0, 0) == MIX_OK && mix_queue_begin(q, 3) == MIX_OK &&
           mix_queue_progress(q) == MIX_OK && mix_queue_done(q) && mix_queue_moves(q) == 0;
    ok_all(good, "a queue of nothing, alone");
    mix_queue_close(q);
    mix_group_close(g);
}

int main(int argc, char **argv)
{
    if (rig_comm(&comm) != MIX_OK)
        return 1;
    me = mix_comm_rank(comm);
    ranks = mix_comm_size(comm);
    if (me)
        tap_mute();
    seed = argc > 1 ? (unsigned)atoi(argv[1]) : (unsigned)(mix_now() * 1e3) % 1000000;
    MPI_Bcast(&seed, 1, MPI_UNSIGNED, 0, MPI_COMM_WORLD);
    line();
    sizes();
    traffic(0, 0, 100);
    traffic(ranks / 2, 100, 100);
    unknown_sizes();
    wrong_sizes();
    closed_early();
    refused();
    rig_comm_close(comm);
    return tap_done();
}
