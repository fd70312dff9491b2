/* wait.c - a stall names the rank that waits for nobody, not the one that is waited for.
 *
 * Ranks that stand still wait in an MPI_Barrier, where they answer no question. */
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "comm/carrier.h"
#include "comm/comm.h"
#include "comm/group_private.h"
#include "comm/window.h"
#include "tap.h"
#include "tap_mpi.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { MOST_RANKS = 8 };

static struct mix_comm *comm;
static int me, ranks;

static const double stall_s = 0.5;

static void nap(double s)
{
    nanosleep(&(struct timespec){.tv_nsec = (long)(s * 1e9)}, NULL);
}

static struct mix_group *open_some(const char *name, const int *world, int n)
{
    struct mix_group *g = NULL;

    for (int i = 0; i < n; i++)
        if (world[i] == me && mix_group_open(&g, comm, name, world, n))
            g = NULL;
    return g;
}

/* The next stall starts without the questions of this one: a real job ends here. */
static void drop_letters(void)
{
    MPI_Barrier(MPI_COMM_WORLD);
    for (double end = mix_now() + 0.02; mix_now() < end;) {
        int some, number;
        MPI_Status from;

        MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, comm->letters, &some, &from);
        if (some)
            MPI_Recv(&number, 1, MPI_INT, from.MPI_SOURCE, from.MPI_TAG, comm->letters,
                     MPI_STATUS_IGNORE);
    }
    MPI_Barrier(MPI_COMM_WORLD);
}

/* Does the last error name just the ranks of this set of bits? */
static bool names(unsigned set)
{
    bool good = true;

    for (int r = 0; r < ranks; r++) {
        char name[20];

        snprintf(name, sizeof name, "rank %d (", r);
        good &= (strstr(mix_err_last(), name) != NULL) == (set >> r & 1);
    }
    if (!good)
        fprintf(stderr, "# rank %d: %s\n", me, mix_err_last());
    return good;
}

/* A chain: rank r waits for r + 1 in a group of the two; the last one stands still. */
enum how { MESSAGES, TURNS, WINDOWS, CARRIERS, MESSAGE_CARRIERS };

static int wait_in(struct mix_group *g, enum how how, struct mix_window *w, struct mix_carrier *c)
{
    size_t at[2] = {0, 0}, bytes[2] = {8, 8};
    const void *from[2];
    double since = mix_now();
    int rc = MIX_OK;

    if (how == MESSAGES)
        return mix_group_barrier(g);
    while (how == TURNS && !rc)
        rc = mix_group_turn(g, "dispatch", since, 1);
    if (how == TURNS)
        return rc;
    if (how == WINDOWS)
        return mix_window_sync(w);
    rc = mix_carrier_begin(c, at, bytes, bytes);
    return rc ? rc : mix_carrier_end(c, "dispatch", from);
}

static void chain(enum how how, int length, const char *what)
{
    struct mix_group *g[2] = {NULL, NULL}; /* with the one before, with the one behind */
    struct mix_window *w[2] = {NULL, NULL};
    struct mix_carrier *c[2] = {NULL, NULL};
    bool good = true;
    double begin;

    mix_comm_domain_set(comm, how == MESSAGE_CARRIERS ? 1 : 0);
    for (int r = 0; r + 1 < length; r++) {
        int side = r == me;
        struct mix_group *it;

        if (me != r && me != r + 1)
            continue;
        g[side] = it = open_some("link", (int[]){r, r + 1}, 2);
        good &= it != NULL;
        if (it && how == WINDOWS)
            good &= mix_window_open(&w[side], it, 64) == MIX_OK;
        if (it && how >= CARRIERS)
            good &= mix_carrier_open(&c[side], it, 64, 64) == MIX_OK;
    }
    ok_all(good, "%s: a chain of %d", what, length);
    mix_log_level(MIX_LOG_SILENT);
    mix_comm_phase(comm, 77, "a test");
    begin = mix_now();
    if (me + 1 < length) {
        good = wait_in(g[1], how, w[1], c[1]) == MIX_ECOMM && mix_now() - begin > stall_s &&
               mix_now() - begin < stall_s + 5 &&
               strstr(mix_err_last(), " of link (step 77, a test)");
        good &= names(1u << (length - 1));
    }
    ok_all(good, "all name its last rank and no other");
    if (how == TURNS || how >= CARRIERS)
        ok_all(me + 1 >= length || strstr(mix_err_last(), "in dispatch of link"),
               "and say what they wait in");
    mix_log_level(MIX_LOG_INFO);
    drop_letters();
    for (int i = 0; i < 2; i++) {
        if (how != WINDOWS && how != CARRIERS)
            mix_carrier_close(c[i]);
        mix_group_close(how == WINDOWS || how == CARRIERS ? NULL : g[i]);
    }
    mix_comm_domain_set(comm, 0);
}

/* 0 waits for the other three, of whom 2 and 3 stand still and 1 waits for 2 elsewhere: it comes
 * there after 0 has asked, and is still patient when 0 ends. */
static void several(void)
{
    int first[4] = {0, 1, 2, 3};
    struct mix_group *g = me < 4 ? open_some("four", first, 4) : NULL;
    struct mix_group *pair = me == 1 || me == 2 ? open_some("pair", (int[]){2, 1}, 2) : NULL;
    bool good = true;

    mix_log_level(MIX_LOG_SILENT);
    if (me == 0)
        good = mix_group_barrier(g) == MIX_ECOMM && names(1u << 2 | 1u << 3);
    if (me == 1) {
        nap(stall_s + 0.15);
        good = mix_group_barrier(pair) == MIX_ECOMM && names(1u << 2);
    }
    ok_all(good, "two stand still, one waits for one of them, late");
    mix_log_level(MIX_LOG_INFO);
    drop_letters();
    mix_group_close(pair);
    mix_group_close(g);
}

/* 0 waits for 1, which gave up waiting for 2 before 0's patience ended, and answers no more. */
static void gone(void)
{
    struct mix_group *g = me < 2 ? open_some("link", (int[]){0, 1}, 2) : NULL;
    struct mix_group *pair = me == 1 || me == 2 ? open_some("pair", (int[]){1, 2}, 2) : NULL;
    bool good = true;

    mix_log_level(MIX_LOG_SILENT);
    if (me == 0) {
        nap(stall_s + 0.3);
        good = mix_group_barrier(g) == MIX_ECOMM && names(1u << 2);
    }
    if (me == 1)
        good = mix_group_barrier(pair) == MIX_ECOMM && names(1u << 2);
    ok_all(good, "one has given up by the time another one does");
    mix_log_level(MIX_LOG_INFO);
    drop_letters();
    mix_group_close(pair);
    mix_group_close(g);
}

/* 0 waits for 1, which waits for 2 at the opening of a group. */
static void opening(void)
{
    struct mix_group *g = me < 2 ? open_some("link", (int[]){0, 1}, 2) : NULL, *late = NULL;
    bool good = true;

    mix_log_level(MIX_LOG_SILENT);
    if (me == 0)
        good = mix_group_barrier(g) == MIX_ECOMM && names(1u << 2);
    if (me == 1)
        good = mix_group_open(&late, comm, "late", (int[]){1, 2}, 2) == MIX_ECOMM && !late &&
               names(1u << 2) && strstr(mix_err_last(), "the opening of late");
    ok_all(good, "the opening of a group");
    mix_log_level(MIX_LOG_INFO);
    drop_letters();
    mix_group_close(g);
}

/* Everybody waits for the next one: nobody is to blame, but it ends. */
static void ring(void)
{
    struct mix_group *g[2] = {NULL, NULL};
    bool good;

    for (int r = 0; r < ranks; r++)
        if (me == r || me == (r + 1) % ranks)
            g[me == r] = open_some("ring", (int[]){r, (r + 1) % ranks}, 2);
    mix_log_level(MIX_LOG_SILENT);
    good =
        g[0] && g[1] && mix_group_barrier(g[1]) == MIX_ECOMM &&
        strstr(mix_err_last(), "barrier of ring") &&
        (strstr(mix_err_last(), " for rank ") || strstr(mix_err_last(), "waiting for this rank"));
    ok_all(good, "a ring in which each waits for the next");
    mix_log_level(MIX_LOG_INFO);
    drop_letters();
    mix_group_close(g[0]);
    mix_group_close(g[1]);
}

/* Whoever is slow but comes is not a stall, however often it takes most of the timeout. */
static void patience(void)
{
    struct mix_group *g = me < 2 ? open_some("slow", (int[]){0, 1}, 2) : NULL;
    struct mix_window *w = NULL;
    bool good = !g || mix_window_open(&w, g, 64) == MIX_OK;

    for (int i = 0; g && good && i < 3; i++) {
        if (me == i % 2)
            nap(0.3);
        good = i == 2 ? mix_window_sync(w) == MIX_OK : mix_group_barrier(g) == MIX_OK;
    }
    ok_all(good, "three waits, each shorter than the timeout");
    mix_window_close(w);
    mix_group_close(g);
}

/* Turns tick, and the time in them is one of waiting. */
static int count_ticks(void *ctx)
{
    ++*(int *)ctx;
    return MIX_OK;
}

static void turns(void)
{
    struct mix_group *g = me < 2 ? open_some("turns", (int[]){0, 1}, 2) : NULL;
    int ticks = 0, other = 1 - me;
    double before = g ? mix_group_stats(g).wait_s : 0, begin = mix_now(), since = begin;
    bool good = true;

    mix_comm_tick_set(comm, count_ticks, &ticks);
    for (int i = 1; g && mix_now() - begin < 2 * stall_s; i++) {
        if (mix_now() - since > stall_s / 2)
            since = mix_now(); /* something has come */
        good &= mix_group_turn(g, "turns", since, other) == MIX_OK && ticks == i;
    }
    ok_all(good, "turns in which something comes in time, a tick in each");
    before = g ? mix_group_stats(g).wait_s - before : stall_s;
    ok_all(before > stall_s / 2 && before < mix_now() - begin + stall_s, "are counted as waiting");
    mix_comm_tick_set(comm, NULL, NULL);
    mix_log_level(MIX_LOG_SILENT);
    for (int i = -1; g && i <= 2; i++)
        if (i != other)
            good &= mix_group_turn(g, "turns", mix_now(), i) == MIX_EBUG;
    ok_all(good, "nobody waits for itself, or for who is not there");
    mix_log_level(MIX_LOG_INFO);
    mix_group_close(g);
}

int main(void)
{
    if (mix_comm_open(&comm, stall_s) != MIX_OK)
        return 1;
    me = mix_comm_rank(comm);
    ranks = mix_comm_size(comm);
    if (me)
        tap_mute();
    if (ranks <= 4) {
        chain(MESSAGES, 3, "messages");
        chain(TURNS, 3, "turns");
        chain(WINDOWS, 3, "windows");
        chain(CARRIERS, 3, "carriers in a window");
        several();
        gone();
        opening();
    } else {
        chain(MESSAGES, ranks, "messages");
        chain(MESSAGE_CARRIERS, 4, "carriers by messages");
        ring();
    }
    patience();
    turns();
    MPI_Finalize(); /* after failures nothing is closed together */
    return tap_done();
}
