/* group.c - every collective on random sizes: each rank computes from the seed what it must get. */
#include "base/err.h"
#include "base/log.h"
#include "base/rng.h"
#include "comm/comm.h"
#include "comm/group_private.h"
#include "rig.h"
#include "tap.h"
#include "tap_mpi.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_RANKS = 8, MOST_BYTES = 200000 };

static struct mix_comm *comm;
static int me, ranks;

/* A number that depends on five others and on nothing else. */
static uint32_t draw(int what, int round, int a, int b, int i)
{
    uint32_t out[4];

    mix_philox(out, (uint32_t[]){(uint32_t)round, (uint32_t)a, (uint32_t)b, (uint32_t)i},
               (uint32_t[]){(uint32_t)what, 7});
    return out[0];
}

/* How much a sends to b: often nothing, often little, sometimes far above the eager limit (4 KiB
 * inside a host).  b < 0: to everybody. */
static size_t length(int round, int a, int b)
{
    uint32_t x = draw(1, round, a, b + 1, 0);

    switch (x % 8) {
    case 0:
    case 1:
        return 0;
    case 2:
        return x / 8 % MOST_BYTES;
    default:
        return x / 8 % 64;
    }
}

static unsigned char byte(int round, int a, int b, size_t i)
{
    return (unsigned char)(draw(2, round, a, b + 1, (int)(i / 16)) + i);
}

static void fill(unsigned char *x, int round, int a, int b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = byte(round, a, b, i);
}

static bool filled(const unsigned char *x, int round, int a, int b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (x[i] != byte(round, a, b, i))
            return false;
    return true;
}

/* Who is at a place of the group: its world rank names the bytes, so that a wrong order shows. */
static int at(const struct mix_group *g, int member)
{
    return mix_group_world(g, member);
}

static bool try_allgather(struct mix_group *g, int round, bool in_place)
{
    size_t first[MOST_RANKS], bytes[MOST_RANKS], n = 0;
    int mine = mix_group_rank(g);
    unsigned char *recv, *send;
    bool good;

    for (int i = 0; i < mix_group_size(g); i++) {
        first[i] = n + 1; /* a byte between two parts stays as it is */
        n = first[i] + (bytes[i] = length(round, at(g, i), -1));
    }
    recv = calloc(1, n + 1);
    send = in_place ? recv + first[mine] : malloc(bytes[mine] + 1);
    fill(send, round, me, -1, bytes[mine]);
    good = mix_group_allgather(g, recv, first, bytes, send) == MIX_OK;
    for (int i = 0; i < mix_group_size(g); i++) {
        good = good && recv[first[i] - 1] == 0;
        good = good && filled(recv + first[i], round, at(g, i), -1, bytes[i]);
    }
    good = good && recv[n] == 0;
    if (!in_place)
        free(send);
    free(recv);
    return good;
}

static bool try_alltoall(struct mix_group *g, int round)
{
    size_t to[MOST_RANKS], from[MOST_RANKS], out[MOST_RANKS], in[MOST_RANKS], sent = 0, got = 0;
    unsigned char *recv, *send;
    bool good;

    for (int i = 0; i < mix_group_size(g); i++) {
        to[i] = sent;
        from[i] = got;
        sent += out[i] = length(round, me, at(g, i));
        got += in[i] = length(round, at(g, i), me);
    }
    send = malloc(sent + 1);
    recv = calloc(1, got + 1);
    for (int i = 0; i < mix_group_size(g); i++)
        fill(send + to[i], round, me, at(g, i), out[i]);
    good = mix_group_alltoall(g, recv, from, in, send, to, out) == MIX_OK;
    for (int i = 0; i < mix_group_size(g); i++)
        good = good && filled(recv + from[i], round, at(g, i), me, in[i]);
    good = good && recv[got] == 0;
    free(send);
    free(recv);
    return good;
}

static bool try_bcast(struct mix_group *g, int round)
{
    int root = (int)(draw(3, round, 0, 0, 0) % (uint32_t)mix_group_size(g));
    size_t n = length(round, at(g, root), -1);
    unsigned char *x = calloc(1, n + 1);
    bool good;

    if (mix_group_rank(g) == root)
        fill(x, round, me, -1, n);
    good = mix_group_bcast(g, x, n, root) == MIX_OK && filled(x, round, at(g, root), -1, n) &&
           x[n] == 0;
    free(x);
    return good;
}

static bool try_reduce(struct mix_group *g, int round)
{
    enum { MOST = 200 }; /* more than three blocks of a reduction */
    int64_t x[MOST], xs[MOST];
    double f[MOST], fs[MOST];
    enum mix_reduce op = (enum mix_reduce)(draw(4, round, 0, 0, 0) % 3);
    int n = (int)(draw(4, round, 0, 0, 1) % (MOST + 1));

    for (int i = 0; i < n; i++)
        for (int j = 0; j < mix_group_size(g); j++) {
            int64_t v = (int64_t)(int32_t)draw(5, round, at(g, j), 0, i) * 4000000000;
            double d = (int32_t)draw(6, round, at(g, j), 0, i) * 1e-7;

            if (at(g, j) == me) {
                x[i] = v;
                f[i] = d;
            }
            if (j == 0) {
                xs[i] = v;
                fs[i] = d;
            } else if (op == MIX_SUM) {
                xs[i] = (int64_t)((uint64_t)xs[i] + (uint64_t)v);
                fs[i] += d; /* in the order of members: equal bits */
            } else if (op == MIX_MAX) {
                xs[i] = v > xs[i] ? v : xs[i];
                fs[i] = fmax(fs[i], d);
            } else {
                xs[i] = v < xs[i] ? v : xs[i];
                fs[i] = fmin(fs[i], d);
            }
        }
    return mix_group_reduce_i64(g, x, n, op) == MIX_OK &&
           mix_group_reduce_f64(g, f, n, op) == MIX_OK &&
           memcmp(x, xs, (size_t)n * sizeof *x) == 0 && memcmp(f, fs, (size_t)n * sizeof *f) == 0;
}

/* Numbers of 0 to 99 bytes, sometimes long ones; what others say is overwritten, nothing else is.
 */
static bool try_tell(struct mix_group *g, int round)
{
    uint32_t n = draw(8, round, 0, 0, 0);
    size_t bytes = round % 8 == 7 ? n % 20000 : n % 100, all = bytes * (size_t)mix_group_size(g);
    unsigned char *x = malloc(all + 1), *mine = x + bytes * (size_t)mix_group_rank(g);
    bool good;

    memset(x, 0xA5, all + 1);
    fill(mine, round, me, -1, bytes);
    good = mix_group_tell(g, x, bytes) == MIX_OK && x[all] == 0xA5;
    for (int i = 0; i < mix_group_size(g); i++)
        good = good && filled(x + bytes * (size_t)i, round, at(g, i), -1, bytes);
    free(x);
    return good;
}

static void all_collectives(struct mix_group *g, int rounds)
{
    bool gather = true, exchange = true, cast = true, reduce = true, barrier = true, tell = true;

    for (int r = 0; g && r < rounds; r++) {
        gather &= try_allgather(g, r, r % 2);
        exchange &= try_alltoall(g, r);
        cast &= try_bcast(g, r);
        reduce &= try_reduce(g, r);
        tell &= try_tell(g, r);
        barrier &= mix_group_barrier(g) == MIX_OK;
    }
    ok_all(gather, "%d random all-gathers, every second in place", rounds);
    ok_all(exchange, "%d random all-to-alls", rounds);
    ok_all(cast, "%d random broadcasts", rounds);
    ok_all(reduce, "%d random reductions", rounds);
    ok_all(tell, "%d times numbers of everybody", rounds);
    ok_all(barrier, "%d barriers", rounds);
}

static void whole_world(void)
{
    int world[MOST_RANKS];
    struct mix_group *g;

    for (int i = 0; i < ranks; i++)
        world[i] = ranks - 1 - i;
    g = rig_group(comm, "backwards", world, ranks);
    ok_all(g && mix_group_size(g) == ranks && mix_group_rank(g) == ranks - 1 - me &&
               mix_group_world(g, 0) == ranks - 1 && strcmp(mix_group_name(g), "backwards") == 0,
           "all ranks, the last one first");
    all_collectives(g, 60);
    mix_group_close(g);
}

static void halves(void)
{
    int world[MOST_RANKS], n = 0;
    struct mix_group *g, *pair;

    for (int i = me % 2; i < ranks; i += 2)
        world[n++] = i;
    g = rig_group(comm, "half", world, n);
    pair = rig_group(comm, "pair", (int[]){me / 2 * 2 + 1, me / 2 * 2}, 2);
    ok_all(g && pair, "two groups of the same name without common ranks, and pairs across them");
    all_collectives(g, 20);
    all_collectives(pair, 20);
    mix_group_close(g);
    mix_group_close(pair);
}

static void alone(void)
{
    struct mix_group *g = rig_group(comm, "alone", &me, 1);

    ok_all(g && mix_group_size(g) == 1 && mix_group_rank(g) == 0, "a group of one");
    all_collectives(g, 20);
    ok_all(g && mix_group_stats(g).messages_inside == 0, "sends no message");
    mix_group_close(g);
}

static void pieces(void)
{
    int world[MOST_RANKS];
    struct mix_group *g;

    for (int i = 0; i < ranks; i++)
        world[i] = i;
    g = rig_group(comm, "pieces", world, ranks);
    if (g)
        g->most = 1000;
    ok_all(g != NULL, "messages cut at 1000 bytes");
    all_collectives(g, 20);
    mix_group_close(g);
}

static void counts(void)
{
    int world[MOST_RANKS];
    struct mix_group *g;
    struct mix_group_stats s;
    unsigned sent, inside, told;
    char bytes[100 * MOST_RANKS] = "";
    size_t first[MOST_RANKS], n[MOST_RANKS];

    for (int i = 0; i < ranks; i++) {
        world[i] = i;
        n[i] = i ? 100 : 0;
        first[i] = (size_t)i * 100;
    }
    for (int pass = 0; pass < 2;
         pass++) { /* then with the odd ranks on another host, so to speak */
        g = rig_group(comm, "counts", world, ranks);
        ok_all(g && mix_group_allgather(g, bytes, first, n, bytes + first[me]) == MIX_OK,
               "100 bytes from each but the first");
        s = mix_group_stats(g);
        sent = me ? (unsigned)ranks - 1 : 0;
        inside = !pass ? sent : me ? (unsigned)ranks / 2 - 1 : 0;
        ok_all(s.messages_inside == inside && s.messages_between == sent - inside,
               "one message a peer, none for nothing, those between hosts apart");
        ok_all(s.bytes_inside == 100 * inside && s.bytes_between == 100 * (sent - inside),
               "and bytes");
        ok_all(s.wait_s >= 0, "and time");
        ok_all(mix_group_tell(g, bytes, 8) == MIX_OK, "eight bytes from everybody");
        s = mix_group_stats(g);
        told = !pass ? (unsigned)ranks - 1 : (unsigned)ranks / 2 - 1;
        ok_all(s.messages_inside == inside + told && s.bytes_inside == 100 * inside + 8 * told &&
                   s.messages_between + s.messages_inside == sent + (unsigned)ranks - 1 &&
                   s.bytes_between + s.bytes_inside == 100 * sent + 8 * ((unsigned)ranks - 1),
               "are counted too");
        mix_group_close(g);
        for (int i = 1; i < ranks; i += 2)
            strcpy(comm->host[i], pass ? comm->host[0] : "odd");
    }
}

static void numbers(void)
{
    int world[MOST_RANKS];
    struct mix_group *g;
    double x[2] = {me == 0 ? NAN : me, me == ranks - 1 ? NAN : me};
    int64_t y = INT64_MIN + me;

    for (int i = 0; i < ranks; i++)
        world[i] = i;
    g = rig_group(comm, "numbers", world, ranks);
    ok_all(mix_group_reduce_f64(g, x, 2, MIX_MAX) == MIX_OK && isnan(x[0]) && isnan(x[1]),
           "a NaN anywhere is the largest");
    ok_all(mix_group_reduce_i64(g, &y, 1, MIX_MIN) == MIX_OK && y == INT64_MIN,
           "the smallest integer there is");
    ok_all(mix_group_reduce_i64(g, NULL, 0, MIX_SUM) == MIX_OK, "no values");
    mix_group_close(g);
}

static void misuse(void)
{
    struct mix_group *g = NULL;

    mix_log_level(MIX_LOG_SILENT);
    ok_all(mix_group_open(&g, comm, "x", (int[]){me, me}, 2) == MIX_EBUG, "a rank twice");
    ok_all(mix_group_open(&g, comm, "x", (int[]){me, ranks}, 2) == MIX_EBUG, "a rank too high");
    ok_all(mix_group_open(&g, comm, "x", (int[]){-1, me}, 2) == MIX_EBUG, "a rank below 0");
    ok_all(mix_group_open(&g, comm, "x", (int[]){(me + 1) % ranks}, 1) == MIX_EBUG, "not mine");
    ok_all(mix_group_open(&g, comm, "x", &me, 0) == MIX_EBUG && !g, "no rank at all");
    mix_log_level(MIX_LOG_INFO);
    mix_group_close(NULL);
    mix_comm_close(NULL);
}

/* What comes is not what was announced: found, not written past the end. */
static void wrong_sizes(void)
{
    for (int more = -1; more <= 1; more += 2) {
        struct mix_group *g = rig_group(comm, "wrong", (int[]){me / 2 * 2, me / 2 * 2 + 1}, 2);
        char recv[20] = "", send[20] = "";
        size_t zero[2] = {0, 0}, out[2] = {0, 0}, in[2] = {0, 0};
        int rc, partner = 1 - me % 2;

        out[partner] = 10;
        in[partner] = (size_t)(10 - more);
        mix_log_level(MIX_LOG_SILENT);
        rc = mix_group_alltoall(g, recv, zero, in, send, zero, out);
        ok_all(rc == (more < 0 ? MIX_EBUG : MIX_ECOMM), "%s than expected",
               more < 0 ? "less" : "more");
        ok_all(mix_group_barrier(g) == MIX_ECOMM, "after which the group refuses to work");
        mix_log_level(MIX_LOG_INFO);
        mix_group_close(g);
    }
}

/* Many plans are walked in one process. */
static void again_and_again(void)
{
    bool good = true;

    mix_comm_close(comm);
    good &= mix_comm_open(&comm, 60) == MIX_OK;
    for (int round = 0; good && round < 200; round++) {
        int world[MOST_RANKS], n = 0;
        uint32_t subset = draw(7, round, 0, 0, 0);
        struct mix_group *g;

        for (int i = 0; i < ranks; i++)
            if (subset >> i & 1)
                world[n++] = i;
        if (!(subset >> me & 1))
            continue;
        g = rig_group(comm, "again", world, n);
        good = g && try_alltoall(g, round);
        mix_group_close(g);
    }
    ok_all(good, "200 groups of random ranks, one after the other, after a second start");
}

int main(void)
{
    if (mix_comm_open(&comm, 60) != MIX_OK)
        return 1;
    me = mix_comm_rank(comm);
    ranks = mix_comm_size(comm);
    if (me)
        tap_mute();
    whole_world();
    halves();
    alone();
    pieces();
    counts();
    numbers();
    again_and_again();
    misuse();
    wrong_sizes();
    mix_comm_close(comm);
    MPI_Finalize();
    return tap_done();
}
