/* wait.c - waiting, and who is to blame when it takes too long.
 *
 * Waiting ticks and yields.  Yielding first: with more ranks than cores the one
 * that we wait for wants this core.  After a millisecond whoever we wait for is
 * computing; then a nap of 50 us between tests leaves it the machine.
 *
 * The rank that a wait ends with may itself wait for another one.  So before
 * patience is lost for good the late ones are asked whom they wait for, and so on;
 * who waits answers here, in its own wait.  Those that do not answer wait for
 * nobody: they are named.
 *
 * Who gives up first tells everybody whom it blames, and the others take that: its
 * process ends and answers no more, and the end of a job (MPI_Abort) wakes ranks
 * that stood still, which then answer as if they had waited all the time. */
#include "comm/group_private.h"

#include "base/clock.h"
#include "comm/check_mpi.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const double yield_s = 1e-3, listen_s = 0.05, answer_s = 0.5;
static const long nap_ns = 50000;

/* Tags among the letters; a mail's tag is its number. */
enum { ASK = 32766, TELL = 32765, BLAME = 32764, NAMED = 6 };

/* What is known of a rank, in whom[world rank]. */
enum { NOTHING, TO_ASK, WAITS, SILENT, BLAMED };

static void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = nap_ns}, NULL);
}

/* The world rank of the first member that is late, or -1. */
static int first_late(const struct mix_group *g)
{
    for (int i = 0; i < g->size; i++)
        if (g->late[i])
            return g->world[i];
    return -1;
}

/* Tell everybody who asks whom I wait for. */
static int answer(struct mix_group *g, mix_late_fn *late, const void *ctx)
{
    int rc = MIX_OK, asked = 0, nothing;
    MPI_Status from;

    for (;;) {
        TRY_MPI(MPI_Iprobe(MPI_ANY_SOURCE, ASK, g->comm->letters, &asked, &from));
        if (!asked)
            break;
        TRY_MPI(MPI_Recv(&nothing, 1, MPI_INT, from.MPI_SOURCE, ASK, g->comm->letters,
                         MPI_STATUS_IGNORE));
        late(g, ctx);
        nothing = first_late(g);
        TRY_MPI(MPI_Send(&nothing, 1, MPI_INT, from.MPI_SOURCE, TELL, g->comm->letters));
    }
out:
    return rc;
}

/* A letter with a rank in it, if there is one. */
static int next_letter(struct mix_comm *c, int tag, int *from, int *it)
{
    int rc = MIX_OK, there;
    MPI_Status status;

    *from = *it = -1;
    TRY_MPI(MPI_Iprobe(MPI_ANY_SOURCE, tag, c->letters, &there, &status));
    if (!there)
        goto out;
    TRY_MPI(MPI_Recv(it, 1, MPI_INT, status.MPI_SOURCE, tag, c->letters, MPI_STATUS_IGNORE));
    *from = status.MPI_SOURCE;
out:
    return rc;
}

/* Ask those TO_ASK: they become SILENT.  One that says whom it waits for WAITS, and that one is
 * asked at once: the others' patience ends when mine does.  If somebody has given up before, whom
 * it blames is BLAMED, and no more is asked. */
static int ask(struct mix_group *g, char *whom, mix_late_fn *late, const void *ctx)
{
    struct mix_comm *c = g->comm;
    static const int question = 0;
    double end = 0;
    int rc = MIX_OK, from, it;

    for (;;) {
        TRY(next_letter(c, BLAME, &from, &it));
        if (it >= 0 && it < c->size) {
            whom[it] = BLAMED;
            break;
        }
        for (int i = 0; i < c->size; i++)
            if (whom[i] == TO_ASK) {
                MPI_Request sent; /* who stands still may never take it */

                TRY_MPI(MPI_Isend(&question, 1, MPI_INT, i, ASK, c->letters, &sent));
                TRY_MPI(MPI_Request_free(&sent));
                whom[i] = SILENT;
                end = mix_now() + answer_s;
            }
        if (mix_now() >= end)
            break;
        TRY(answer(g, late, ctx));
        TRY(next_letter(c, TELL, &from, &it));
        if (from < 0)
            nap();
        if (it < 0 || it >= c->size || it == c->rank)
            continue;
        whom[from] = WAITS;
        if (whom[it] == NOTHING)
            whom[it] = TO_ASK;
    }
out:
    return rc;
}

static int first_of(const struct mix_comm *c, const char *whom, int what)
{
    for (int i = 0; i < c->size; i++)
        if (whom[i] == what)
            return i;
    return -1;
}

/* My process ends now, perhaps before the patience of others does. */
static int tell_all(struct mix_comm *c, int blamed)
{
    static int it; /* the messages outlive this call */
    int rc = MIX_OK;

    it = blamed;
    for (int i = 0; i < c->size; i++) {
        MPI_Request sent;

        if (i == c->rank)
            continue;
        TRY_MPI(MPI_Isend(&it, 1, MPI_INT, i, BLAME, c->letters, &sent));
        TRY_MPI(MPI_Request_free(&sent));
    }
out:
    return rc;
}

/* Into text: "rank 3 (node a07), rank 5 (node a08)", of whom[rank] == what. */
static void name(const struct mix_comm *c, const char *whom, int what, char *text, size_t room)
{
    size_t n = 0;
    int all = 0, named = 0;

    text[0] = '\0';
    for (int i = 0; i < c->size; i++)
        all += whom[i] == what;
    for (int i = 0; i < c->size && n < room && named < NAMED; i++)
        if (whom[i] == what)
            n += (size_t)snprintf(text + n, room - n, "%srank %d (node %s)", named++ ? ", " : "", i,
                                  mix_comm_host(c, i));
    if (all > named && n < room)
        snprintf(text + n, room - n, " and %d more", all - named);
}

static int stalled(struct mix_group *g, const char *in, double waited, bool hurried,
                   mix_late_fn *late, const void *ctx)
{
    struct mix_comm *c = g->comm;
    char who[400], doing[120], *whom = c->whom;
    int rc = MIX_OK, what = BLAMED;

    late(g, ctx);
    memset(whom, NOTHING, (size_t)c->size);
    for (int i = 0; i < g->size; i++)
        if (g->late[i])
            whom[g->world[i]] = TO_ASK;
    TRY(ask(g, whom, late, ctx));
    while (what > WAITS && first_of(c, whom, what) < 0)
        what--;
    name(c, whom, what, who, sizeof who);
    TRY(tell_all(c, first_of(c, whom, what)));
    if (first_of(c, whom, BLAMED) == c->rank)
        snprintf(who, sizeof who, "others, who gave up waiting for this rank");
    rc = MIX_FAIL(MIX_ECOMM, "%swaited %.3g s in %s of %s%s for %s",
                  hurried ? "after the signal to stop, " : "", waited, in, g->name,
                  mix_comm_doing(c, doing), who);
out:
    return rc;
}

/* Nothing has come since `since`: is that too long?  *hurried: because of a signal. */
static bool too_long(struct mix_comm *c, double since, double now, bool *hurried)
{
    *hurried = false;
    if (c->hurry && *c->hurry) {
        if (c->hurry_since == 0)
            c->hurry_since = now;
        *hurried = now - (since > c->hurry_since ? since : c->hurry_since) > c->hurry_grace_s;
    }
    return *hurried || (c->stall_s > 0 && now - since > c->stall_s);
}

static int tick(struct mix_comm *c)
{
    int rc;

    if (!c->tick || c->in_tick)
        return MIX_OK;
    c->in_tick = true;
    rc = c->tick(c->tick_ctx);
    c->in_tick = false;
    return rc;
}

int mix_wait_turn(struct mix_group *g, const char *what, double since, mix_late_fn *late,
                  const void *ctx)
{
    int rc = MIX_OK;
    double now;
    bool hurried;

    g->comm->waits_in = what;
    g->comm->waits_of = g->name;
    rc = tick(g->comm);
    g->comm->waits_in = NULL;
    TRY(rc);
    now = mix_now();
    if (now - since < yield_s) {
        sched_yield();
        goto out;
    }
    if (now - since > listen_s)
        TRY(answer(g, late, ctx));
    if (too_long(g->comm, since, now, &hurried))
        TRY(stalled(g, what, now - since, hurried, late, ctx));
    nap();
out:
    return rc;
}

static void late_member(struct mix_group *g, const void *ctx)
{
    for (int i = 0; i < g->size; i++)
        g->late[i] = i == *(const int *)ctx;
}

int mix_group_turn(struct mix_group *g, const char *what, double since, int member)
{
    int rc = MIX_OK;
    double begin = mix_now();

    MIX_CHECK(member >= 0 && member < g->size && member != g->rank,
              "%s of %s: member %d of %d waits for member %d", what, g->name, g->rank, g->size,
              member);
    TRY(mix_wait_turn(g, what, since, late_member, &member));
out:
    g->stats.wait_s += mix_now() - begin;
    return rc;
}
