/* carrier.c - random blocks there and back, through windows and messages, counted to the byte. */
#include "comm/carrier.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/rng.h"
#include "comm/comm.h"
#include "comm/group_private.h"
#include "comm/window.h"
#include "rig.h"
#include "tap.h"
#include "tap_mpi.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { MOST_RANKS = 8, OUT = 30000 };

static struct mix_comm *comm;
static int me, ranks, domain;

static uint32_t draw(int what, int round, int a, int b)
{
    uint32_t out[4];

    mix_philox(out, (uint32_t[]){(uint32_t)round, (uint32_t)a, (uint32_t)b, (uint32_t)domain},
               (uint32_t[]){(uint32_t)what, 19});
    return out[0];
}

/* What lies in world rank a's buffer in a round. */
static unsigned char byte(int round, int a, size_t i)
{
    return (unsigned char)(draw(1, round, a, (int)(i / 64)) + i);
}

struct block {
    size_t at, bytes;
};

/* Which part of a's buffer is for b: all of it, the same for all, mostly small ones, anywhere and
 * overlapping, often none. */
static struct block block_of(int round, int a, int b)
{
    uint32_t x = draw(2, round, a, b), y = draw(3, round, a, b);

    switch (round % 6) {
    case 0:
        return (struct block){0, 0};
    case 1: /* one block for everybody */
        return (struct block){draw(4, round, a, 0) % 100, draw(5, round, a, 0) % 3000};
    case 2: /* above the eager limit */
        return (struct block){x % 10000, y % 20001};
    case 3: /* from one member only, the whole */
        return (struct block){0, a == round / 6 % ranks ? OUT : 0};
    default:
        return (struct block){x % OUT, y % 4 ? y % 80 % (OUT - x % OUT + 1) : 0};
    }
}

static void doze(int round, int what)
{
    if (draw(what, round, me, 0) % 4 == 0)
        nanosleep(&(struct timespec){.tv_nsec = draw(what, round, me, 1) % 1000000}, NULL);
}

/* ---- rounds */

static bool forth(struct mix_carrier *c, struct mix_group *g, int round,
                  const void *from[MOST_RANKS])
{
    size_t at[MOST_RANKS], bytes[MOST_RANKS], expected[MOST_RANKS];
    unsigned char *out = mix_carrier_out(c);
    bool good;

    for (size_t i = 0; i < OUT; i++)
        out[i] = byte(round, me, i);
    for (int i = 0; i < mix_group_size(g); i++) {
        struct block mine = block_of(round, me, mix_group_world(g, i));

        at[i] = mine.at;
        bytes[i] = mine.bytes;
        expected[i] = block_of(round, mix_group_world(g, i), me).bytes;
    }
    good = mix_carrier_begin(c, at, bytes, expected) == MIX_OK;
    memset(at, 0xEE, sizeof at); /* copied */
    memset(bytes, 0xEE, sizeof bytes);
    memset(expected, 0xEE, sizeof expected);
    doze(round, 6);
    return mix_carrier_end(c, "forth", from) == MIX_OK && good;
}

static bool came(struct mix_group *g, int round, const void *from[MOST_RANKS])
{
    for (int i = 0; i < mix_group_size(g); i++) {
        int a = mix_group_world(g, i);
        struct block b = block_of(round, a, me);

        for (size_t j = 0; j < b.bytes; j++)
            if (((const unsigned char *)from[i])[j] != byte(round, a, b.at + j))
                return false;
    }
    return true;
}

/* What has come goes back inverted, one behind the other. */
static bool back(struct mix_carrier *c, struct mix_group *g, int round,
                 const void *came_from[MOST_RANKS])
{
    size_t at[MOST_RANKS], bytes[MOST_RANKS], expected[MOST_RANKS], n = 0;
    const void *from[MOST_RANKS];
    unsigned char *out = mix_carrier_out(c);
    bool good = true;

    for (int i = 0; i < mix_group_size(g); i++) {
        int a = mix_group_world(g, i);

        at[i] = n;
        n += bytes[i] = block_of(round, a, me).bytes;
        expected[i] = block_of(round, me, a).bytes;
        for (size_t j = 0; j < bytes[i]; j++)
            out[at[i] + j] = (unsigned char)~((const unsigned char *)came_from[i])[j];
    }
    good &= mix_carrier_begin(c, at, bytes, expected) == MIX_OK;
    good &= mix_carrier_end(c, "back", from) == MIX_OK;
    doze(round, 7);
    for (int i = 0; good && i < mix_group_size(g); i++) {
        struct block b = block_of(round, me, mix_group_world(g, i));

        for (size_t j = 0; j < b.bytes; j++)
            good &=
                (unsigned char)~((const unsigned char *)from[i])[j] == byte(round, me, b.at + j);
    }
    return good;
}

/* What the rounds must have sent, from the seed. */
static struct mix_group_stats sent(const struct mix_group *g, int rounds)
{
    struct mix_group_stats s = {0};

    for (int round = 0; round < rounds; round++)
        for (int i = 0; i < mix_group_size(g); i++) {
            int a = mix_group_world(g, i), d = domain ? domain : ranks;
            uint64_t there = block_of(round, me, a).bytes, home = block_of(round, a, me).bytes;

            if (a == me)
                continue;
            if (a / d == me / d) {
                s.bytes_inside += there + home;
                s.messages_inside += (there > 0) + (home > 0);
            } else {
                s.bytes_between += there + home;
                s.messages_between += (there > 0) + (home > 0);
            }
        }
    return s;
}

static void turns(struct mix_group *g, const char *what, int rounds, bool count)
{
    struct mix_carrier *there = NULL, *home = NULL;
    size_t all = (size_t)OUT * (size_t)(g ? mix_group_size(g) : 1);
    struct mix_group_stats before, after, want;
    const void *from[MOST_RANKS];
    bool good = true, returned = true, opened;

    opened = g && mix_carrier_open(&there, g, OUT, all) == MIX_OK &&
             mix_carrier_open(&home, g, all, all) == MIX_OK;
    ok_all(!g || opened, "%s: two carriers", what);
    ok_all(!g || ((uintptr_t)mix_carrier_out(there) % 64 == 0 &&
                  (uintptr_t)mix_carrier_out(home) % 64 == 0),
           "aligned to 64");
    if (g)
        before = mix_group_stats(g);
    for (int round = 0; opened && round < rounds; round++) {
        good &= forth(there, g, round, from);
        doze(round, 8);
        good &= came(g, round, from);
        returned &= back(home, g, round, from);
    }
    ok_all(good, "%d rounds come through", rounds);
    ok_all(returned, "and back");
    if (g) {
        after = mix_group_stats(g);
        want = sent(g, rounds);
    }
    ok_all(!g || (after.bytes_inside - before.bytes_inside == want.bytes_inside &&
                  after.bytes_between - before.bytes_between == want.bytes_between),
           "to the byte");
    if (count)
        ok_all(!g || (after.messages_inside - before.messages_inside == want.messages_inside &&
                      after.messages_between - before.messages_between == want.messages_between),
               "one message a block, none for an empty one");
    mix_carrier_close(home);
    mix_carrier_close(there);
}

/* ---- groups */

static void groups(void)
{
    struct mix_group *g;
    int half[MOST_RANKS], n = 0;
    char what[60];

    snprintf(what, sizeof what, "domains of %d, all ranks", domain);
    g = rig_group_backwards(comm);
    turns(g, what, 48, true);
    g->most = 1000;
    turns(g, "messages cut at 1000 bytes", 24, false);
    mix_group_close(g);

    for (int i = me % 2; i < ranks; i += 2)
        half[n++] = i;
    g = rig_group(comm, "half", half, n);
    turns(g, "every second rank", 30, true);
    mix_group_close(g);
    if (ranks > 1) { /* in one domain of 2, in different ones of 1 */
        g = rig_group(comm, "pair", (int[]){me / 2 * 2, me / 2 * 2 + 1}, 2);
        turns(g, "pairs", 30, true);
        mix_group_close(g);
    }
    g = rig_group(comm, "first", (int[]){0}, 1);
    turns(g, "one rank alone", 30, true);
    mix_group_close(g);
}

/* Small and fast: the next turn begins while slow members still read. */
static void several(void)
{
    struct mix_group *g = rig_group_backwards(comm);
    struct mix_carrier *c[2] = {NULL, NULL};
    size_t zero[MOST_RANKS] = {0}, eight[MOST_RANKS];
    const void *from[MOST_RANKS];
    bool good = true;

    for (int i = 0; i < ranks; i++)
        eight[i] = 8;
    for (int k = 0; k < 2; k++)
        good &= mix_carrier_open(&c[k], g, 8, (size_t)ranks * 8 - 8) == MIX_OK;
    for (int64_t round = 0; good && round < 1000; round++) {
        int k = round % 2;
        int64_t mine = round * 100 + mix_group_rank(g), got;

        memcpy(mix_carrier_out(c[k]), &mine, 8);
        good &= mix_carrier_begin(c[k], zero, eight, eight) == MIX_OK &&
                mix_carrier_end(c[k], "eight bytes", from) == MIX_OK;
        for (int i = 0; good && i < ranks; i++) {
            memcpy(&got, from[i], 8);
            good &= got == round * 100 + i;
        }
    }
    ok_all(good, "1000 turns of eight bytes to all, in room for just that");
    mix_carrier_close(c[0]);
    mix_carrier_close(c[1]);
    mix_group_close(g);
}

/* ---- what is refused */

static int begin(struct mix_group *g, size_t at, size_t bytes, size_t expected, int n)
{
    struct mix_carrier *c = NULL;
    size_t ats[MOST_RANKS] = {0}, sizes[MOST_RANKS] = {0}, come[MOST_RANKS] = {0};
    int rc = mix_carrier_open(&c, g, 100, 50);

    ats[ranks - 1] = at;
    sizes[ranks - 1] = bytes;
    for (int i = 0, k = 0; i < ranks && k < n; i++)
        if (i != mix_group_rank(g)) {
            come[i] = expected;
            k++;
        }
    if (rc == MIX_OK)
        rc = mix_carrier_begin(c, ats, sizes, come);
    MPI_Barrier(MPI_COMM_WORLD);
    mix_carrier_close(c);
    return rc;
}

static void refused(void)
{
    static const struct {
        size_t at, bytes, expected;
        int from; /* so many members */
        const char *what;
    } cases[] = {
        {101, 0, 0, 0, "a block behind the buffer"},
        {0, 101, 0, 0, "one too long"},
        {60, 41, 0, 0, "one that ends a byte behind"},
        {1, SIZE_MAX, 0, 0, "one that wraps around"},
        {SIZE_MAX, 2, 0, 0, "one that begins there"},
        {0, 0, 51, 1, "more than there is room for, from one"},
        {0, 0, 26, 2, "more than there is room for, from two"},
        {0, 0, SIZE_MAX / 2 + 1, 2, "two sizes that wrap around together"},
        {0, 0, SIZE_MAX, 1, "the largest size"},
    };

    mix_log_level(MIX_LOG_SILENT);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mix_group *g = rig_group_backwards(comm);

        if (cases[i].from < ranks)
            ok_all(begin(g, cases[i].at, cases[i].bytes, cases[i].expected, cases[i].from) ==
                       MIX_EBUG,
                   "%s", cases[i].what);
        mix_group_close(g);
    }
    mix_log_level(MIX_LOG_INFO);
}

/* At the limits nothing is wrong: an empty block at the end, all the room taken. */
static void limits(void)
{
    struct mix_group *g = rig_group_backwards(comm);
    struct mix_carrier *c = NULL;
    size_t at[MOST_RANKS], bytes[MOST_RANKS];
    const void *from[MOST_RANKS];
    bool good = mix_carrier_open(&c, g, 100, (size_t)(ranks - 1) * 100) == MIX_OK;

    for (int empty = 1; empty >= 0; empty--) {
        for (int i = 0; i < ranks; i++) {
            at[i] = empty ? 100 : 0;
            bytes[i] = empty ? 0 : 100;
        }
        good = good && mix_carrier_begin(c, at, bytes, bytes) == MIX_OK &&
               mix_carrier_end(c, "limits", from) == MIX_OK;
        mix_group_barrier(g);
    }
    ok_all(good, "empty blocks at the end, blocks that fill everything");
    mix_carrier_close(c);
    good = mix_carrier_open(&c, g, 0, 0) == MIX_OK;
    for (int i = 0; i < ranks; i++)
        at[i] = bytes[i] = 0;
    good = good && mix_carrier_begin(c, at, bytes, bytes) == MIX_OK &&
           mix_carrier_end(c, "nothing", from) == MIX_OK;
    ok_all(good, "buffers of nothing");
    mix_carrier_close(c);
    mix_carrier_close(NULL);
    mix_group_close(g);
}

/* A window holds the buffer, messages also land somewhere; a little more for tables. */
static void sizes(bool window)
{
    struct mix_group *g = rig_group_backwards(comm), *one = rig_group(comm, "one", &me, 1);
    size_t want = 1000000 + (window || ranks == 1 ? 0 : 3000000);
    size_t got = mix_carrier_bytes(g, 1000000, 3000000);

    ok_all(got >= want && got < want + 1000, "%s take their %zu bytes and little more",
           window ? "windows" : "messages", want);
    got = mix_carrier_bytes(one, 1000000, 3000000);
    ok_all(got >= 1000000 && got < 1001000, "alone nothing comes");
    if (window && ranks > 1) {
        struct mix_carrier *c = NULL;

        mix_log_level(MIX_LOG_SILENT);
        ok_all(mix_carrier_open(&c, g, (size_t)1 << 50, 0) == MIX_EFIT && !c,
               "more than /dev/shm has");
        mix_log_level(MIX_LOG_INFO);
        ok_all(strstr(mix_err_last(), "/dev/shm") != NULL, "is named");
    }
    mix_group_close(one);
    mix_group_close(g);
}

/* ---- windows by themselves */

static void windows(void)
{
    struct mix_group *g = rig_group_backwards(comm);
    struct mix_window *w = NULL;
    int mine = mix_group_rank(g);
    bool good = mix_window_open(&w, g, sizeof(int64_t) * MOST_RANKS) == MIX_OK;

    for (int i = 0; good && i < ranks; i++)
        good &= (uintptr_t)mix_window_at(w, i) % 64 == 0;
    ok_all(good, "pieces aligned to 64");
    for (int64_t round = 1; good && round < 300; round++) { /* each writes in everybody's piece */
        for (int i = 0; i < ranks; i++)
            ((int64_t *)mix_window_at(w, i))[mine] = round * 64 + mine;
        if (round % 3)
            good &= mix_window_sync(w) == MIX_OK;
        else {
            mix_window_post(w);
            doze((int)round, 9);
            good &= mix_window_wait(w, "a test") == MIX_OK;
        }
        for (int a = 0; a < ranks; a++)
            for (int i = 0; i < ranks; i++)
                good &= ((int64_t *)mix_window_at(w, i))[a] == round * 64 + a;
        good &= mix_window_sync(w) == MIX_OK;
    }
    ok_all(good, "300 rounds in which everybody writes to everybody");
    mix_window_close(w);
    mix_window_close(NULL);
    mix_group_close(g);
}

/* Each member goes its own pace: what lies before a raised counter is there, round for round. */
static void counters(struct mix_group *g, const char *what)
{
    enum { ROUNDS = 400, WORDS = 9 };
    struct mix_window *w = NULL;
    int n = mix_group_size(g), mine = mix_group_rank(g);
    bool zero = mix_window_open(&w, g, ROUNDS * WORDS * sizeof(int64_t)) == MIX_OK, good = true;

    for (int i = 0; zero && i < n; i++)
        for (int c = 0; c < MIX_WINDOW_COUNTERS; c++)
            zero &= mix_window_counter(w, i, c) == 0;
    ok_all(zero, "%s: counters start at 0", what);
    for (int round = 0; zero && good && round < ROUNDS; round++) {
        int c = round % MIX_WINDOW_COUNTERS;
        uint64_t to = (uint64_t)round + ((uint64_t)c << 40) + 1;

        for (int i = 0; i < WORDS; i++)
            ((int64_t *)mix_window_at(w, mine))[round * WORDS + i] = round * 64 + i + mine * 9;
        if (round % 50 == 49)
            doze(round, 10);
        mix_window_raise(w, c, to);
        for (int i = 0; i < n; i++) {
            double since = mix_now();

            while (good && mix_window_counter(w, i, c) < to)
                good &= mix_group_turn(g, "a counter", since, i) == MIX_OK;
            for (int j = 0; j < WORDS; j++)
                good &=
                    ((int64_t *)mix_window_at(w, i))[round * WORDS + j] == round * 64 + j + i * 9;
        }
        if (round % 100 == 99) /* a turn beside them */
            good &= mix_window_sync(w) == MIX_OK;
    }
    ok_all(good, "%d rounds behind counters, without a barrier", (int)ROUNDS);
    mix_window_close(w);
}

static void windows_with_counters(void)
{
    struct mix_group *g = rig_group_backwards(comm), *one = rig_group(comm, "one", &me, 1);

    windows(); /* also of one rank */
    counters(g, "all ranks");
    counters(one, "one rank alone");
    mix_group_close(one);
    mix_group_close(g);
}

int main(void)
{
    if (rig_comm(&comm) != MIX_OK)
        return 1;
    me = mix_comm_rank(comm);
    ranks = mix_comm_size(comm);
    if (me)
        tap_mute();
    for (domain = 0; domain <= 2; domain++) {
        mix_comm_domain_set(comm, domain);
        groups();
        several();
        refused();
        limits();
        sizes(domain == 0 || (domain == 2 && ranks == 2));
    }
    domain = 0;
    mix_comm_domain_set(comm, 0);
    windows_with_counters();
    rig_comm_close(comm);
    return tap_done();
}
