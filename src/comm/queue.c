/* queue.c - see queue.h: a line of sends, and the requests that are under way.
 *
 * A run is one operation of the group with a number, so a tag, for each kind.  What
 * is under way lies without gaps at the front of the requests, in any order: that
 * is all that MPI_Testsome has to look at, and it keeps the order itself of
 * messages with the same tag. */
#include "comm/queue.h"

#include "base/mem.h"
#include "comm/check_mpi.h"
#include "comm/group_private.h"

#include <stdlib.h>

enum side { RECEIVES, SENDS, SIDES };

struct message {
    void *at;
    size_t bytes;
    int member, kind;
    enum side side;
    bool most; /* it may be less */
    bool done;
};

struct mix_queue {
    struct mix_group *group;
    int failed; /* the first failure, or MIX_OK */
    int tag;    /* of kind 0 in this run; the other kinds follow */
    int depth;
    int room[SIDES], named[SIDES], done[SIDES];
    int left;                       /* sends that have left the line */
    struct message *message[SIDES]; /* [room] */

    int under_way;
    MPI_Request *request;   /* [room of both]; under_way of them count */
    struct message **which; /* likewise */
    int *finished;          /* [room of both] for MPI_Testsome */
    MPI_Status *status;     /* likewise */
};

int mix_queue_open(struct mix_queue **out, struct mix_group *g, int sends, int receives)
{
    struct mix_queue *q = NULL;
    size_t all;
    int rc = MIX_OK;

    MIX_CHECK(sends >= 0 && receives >= 0, "%s: a queue of %d sends and %d receives", g->name,
              sends, receives);
    all = (size_t)sends + (size_t)receives;
    TRY(mix_calloc(&q, 1, sizeof *q, "a queue"));
    q->group = g;
    q->depth = 1;
    q->room[SENDS] = sends;
    q->room[RECEIVES] = receives;
    for (int k = 0; k < SIDES; k++)
        TRY(mix_calloc(&q->message[k], (size_t)q->room[k], sizeof *q->message[k], "a queue"));
    TRY(mix_calloc(&q->request, all, sizeof(MPI_Request), "a queue"));
    TRY(mix_calloc(&q->which, all, sizeof(struct message *), "a queue"));
    TRY(mix_calloc(&q->finished, all, sizeof *q->finished, "a queue"));
    TRY(mix_calloc(&q->status, all, sizeof *q->status, "a queue"));
    *out = q;
    q = NULL;
out:
    mix_queue_close(q);
    return rc;
}

/* As mix_flow_abandon: the messages of this run may never find their other side. */
static void give_up(struct mix_queue *q)
{
    q->group->broken = true;
    for (int i = 0; i < q->under_way; i++) {
        if (q->request[i] == MPI_REQUEST_NULL)
            continue;
        if (q->which[i]->side == RECEIVES)
            MPI_Cancel(&q->request[i]);
        MPI_Request_free(&q->request[i]);
    }
    q->under_way = 0;
}

/* The first failure ends the queue. */
static int fail(struct mix_queue *q, int rc)
{
    if (rc && !q->failed) {
        q->failed = rc;
        give_up(q);
    }
    return rc;
}

void mix_queue_close(struct mix_queue *q)
{
    int over = 0;

    if (!q)
        return;
    if (!mix_queue_done(q) && !q->failed && MPI_Finalized(&over) == MPI_SUCCESS && !over)
        give_up(q);
    for (int k = 0; k < SIDES; k++)
        free(q->message[k]);
    free(q->request);
    free(q->which);
    free(q->finished);
    free(q->status);
    free(q);
}

int mix_queue_begin(struct mix_queue *q, int depth)
{
    struct mix_group *g = q->group;
    int rc = q->failed;

    if (rc)
        return rc;
    MIX_CHECK(depth >= 1, "%s: a queue of depth %d", g->name, depth);
    MIX_CHECK(mix_queue_done(q), "%s: %d of %d messages are under way", g->name,
              q->named[RECEIVES] + q->named[SENDS] - mix_queue_moves(q),
              q->named[RECEIVES] + q->named[SENDS]);
    TRY(mix_flow_begin(g));
    q->tag = g->tag;
    g->tag = (g->tag + MIX_QUEUE_KINDS - 1) & MIX_TAGS;
    q->depth = depth;
    q->left = 0;
    for (int k = 0; k < SIDES; k++)
        q->named[k] = q->done[k] = 0;
out:
    return fail(q, rc);
}

static int refused(const struct mix_queue *q, const struct message *m, int e)
{
    return mix_flow_refused(q->group, "messages", m->side == RECEIVES, m->member, e);
}

/* Hand a message to MPI. */
static int start(struct mix_queue *q, struct message *m)
{
    MPI_Comm mpi = q->group->mpi;
    MPI_Request *r = &q->request[q->under_way];
    int tag = (q->tag + m->kind) & MIX_TAGS, n = (int)m->bytes, e;

    if (m->side == RECEIVES)
        e = MPI_Irecv(m->at, n, MPI_BYTE, m->member, tag, mpi, r);
    else
        e = MPI_Isend(m->at, n, MPI_BYTE, m->member, tag, mpi, r);
    if (e != MPI_SUCCESS)
        return refused(q, m, e);
    q->which[q->under_way++] = m;
    return MIX_OK;
}

/* The line moves up as far as the depth allows. */
static int leave(struct mix_queue *q)
{
    int rc = MIX_OK;

    while (q->left < q->named[SENDS] && q->left - q->done[SENDS] < q->depth)
        TRY(start(q, &q->message[SENDS][q->left++]));
out:
    return rc;
}

/* A message gets its number. */
static int name(struct mix_queue *q, const struct message *m)
{
    static const char *const what[SIDES] = {"receive", "send"};
    const struct mix_group *g = q->group;
    enum side side = m->side;
    int rc = q->failed;

    if (rc)
        return rc;
    MIX_CHECK(m->kind >= 0 && m->kind < MIX_QUEUE_KINDS, "%s: a %s of kind %d", g->name, what[side],
              m->kind);
    MIX_CHECK(m->member >= 0 && m->member < g->size && m->member != g->rank,
              "%s: member %d of %d names member %d in a %s", g->name, g->rank, g->size, m->member,
              what[side]);
    MIX_CHECK(m->bytes >= 1, "%s: an empty %s", g->name, what[side]);
    MIX_CHECK(q->named[side] < q->room[side], "%s: more than %d %ss", g->name, q->room[side],
              what[side]);
    if (m->bytes > MIX_QUEUE_BYTES)
        return MIX_FAIL(MIX_EFIT, "%s: a %s of %zu bytes, more than 1 GiB", g->name, what[side],
                        m->bytes);
    q->message[side][q->named[side]++] = *m;
out:
    return rc;
}

static int receive(struct mix_queue *q, struct message m)
{
    int rc;

    TRY(name(q, &m));
    TRY(start(q, &q->message[RECEIVES][q->named[RECEIVES] - 1]));
out:
    return fail(q, rc);
}

int mix_queue_recv(struct mix_queue *q, int kind, int member, void *to, size_t bytes)
{
    return receive(q, (struct message){to, bytes, member, kind, RECEIVES, false, false});
}

int mix_queue_recv_most(struct mix_queue *q, int kind, int member, void *to, size_t bytes)
{
    return receive(q, (struct message){to, bytes, member, kind, RECEIVES, true, false});
}

int mix_queue_send(struct mix_queue *q, int kind, int member, const void *from, size_t bytes)
{
    struct message m = {(void *)(uintptr_t)from, bytes, member, kind, SENDS, false, false};
    int rc;

    TRY(name(q, &m));
    mix_flow_count(q->group, member, bytes, 1);
    TRY(leave(q));
out:
    return fail(q, rc);
}

/* One of those under way has come to its end. */
static int finish(struct mix_queue *q, struct message *m, MPI_Status *status)
{
    const struct mix_group *g = q->group;
    int rc = MIX_OK, got = 0;

    if (m->side == RECEIVES) {
        TRY_MPI(MPI_Get_count(status, MPI_BYTE, &got));
        if (m->most && got > 0)
            m->bytes = (size_t)got;
        if ((size_t)got != m->bytes)
            return MIX_FAIL(
                MIX_ECOMM, "messages of %s: rank %d (node %s) sent %d bytes, expected %zu", g->name,
                g->world[m->member], mix_comm_host(g->comm, g->world[m->member]), got, m->bytes);
    }
    m->done = true;
    q->done[m->side]++;
out:
    return rc;
}

/* MPI_Testsome has found a fault in one of n: which? */
static int find_fault(const struct mix_queue *q, int n)
{
    for (int j = 0; j < n; j++) {
        int e = q->status[j].MPI_ERROR;

        if (e != MPI_SUCCESS && e != MPI_ERR_PENDING)
            return refused(q, q->which[q->finished[j]], e);
    }
    return MIX_FAIL(MIX_ECOMM, "messages of %s: MPI_Testsome failed", q->group->name);
}

/* *n: so many messages have come to their end. */
static int look(struct mix_queue *q, int *n)
{
    int rc = MIX_OK, kept = 0;
    int e = MPI_Testsome(q->under_way, q->request, n, q->finished, q->status);

    if (e == MPI_ERR_IN_STATUS)
        return find_fault(q, *n);
    TRY_MPI(e);
    for (int j = 0; j < *n; j++)
        TRY(finish(q, q->which[q->finished[j]], &q->status[j]));
    for (int i = 0; *n > 0 && i < q->under_way; i++) /* close the gaps */
        if (q->request[i] != MPI_REQUEST_NULL) {
            q->request[kept] = q->request[i];
            q->which[kept++] = q->which[i];
        }
    q->under_way = *n > 0 ? kept : q->under_way;
out:
    return rc;
}

int mix_queue_progress(struct mix_queue *q)
{
    int rc = q->failed;

    for (int n = 1; n > 0 && q->under_way > 0;) {
        TRY(look(q, &n));
        TRY(leave(q));
    }
out:
    return fail(q, rc);
}

bool mix_queue_landed(const struct mix_queue *q, int receive)
{
    return receive >= 0 && receive < q->named[RECEIVES] && q->message[RECEIVES][receive].done;
}

size_t mix_queue_bytes(const struct mix_queue *q, int receive)
{
    return mix_queue_landed(q, receive) ? q->message[RECEIVES][receive].bytes : 0;
}

bool mix_queue_sent(const struct mix_queue *q, int send)
{
    return send >= 0 && send < q->named[SENDS] && q->message[SENDS][send].done;
}

bool mix_queue_done(const struct mix_queue *q)
{
    return q->done[RECEIVES] == q->named[RECEIVES] && q->done[SENDS] == q->named[SENDS];
}

int mix_queue_moves(const struct mix_queue *q)
{
    return q->done[RECEIVES] + q->done[SENDS];
}
