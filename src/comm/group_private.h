/* group_private.h - what the files of comm share: the inside of mix_comm and mix_group.
 *
 * A group moves bytes in flows.  A flow is all that one operation receives from,
 * or sends to, one member; it is cut into pieces of which one is under way at a
 * time.  So two requests a member are enough for any operation, they are made
 * when the group is opened, and when a wait gets too long the flows that are not
 * done say exactly who has not answered.
 *
 * Every operation talks straight from member to member: what is late names the
 * member that is late, not one that itself waits. */
#ifndef MIX_COMM_GROUP_PRIVATE_H
#define MIX_COMM_GROUP_PRIVATE_H

#include "comm/comm.h"

#include <mpi.h>

struct mix_comm {
    int rank, size;
    char (*host)[64]; /* [size] */
    MPI_Comm mpi;     /* all ranks; here they meet before a group is opened */
    double stall_s;   /* 0: wait for ever */

    long step; /* what the rank is doing, for the line about a stall */
    const char *phase;
    const char *waits_in, *waits_of; /* the operation and the group that it waits in, or NULL */

    int (*tick)(void *ctx);
    void *tick_ctx;
    bool in_tick; /* a tick does not tick */

    const volatile int *hurry;
    double hurry_grace_s, hurry_since; /* since: when the flag was first seen set; 0: not yet */

    int domain;       /* ranks that share the fast link; 0: those of a host */
    char *whom;       /* [size] scratch of wait.c */
    MPI_Comm letters; /* all ranks; of every mail, never freed */
    int mails;        /* opened so far: the tag of their letters */
};

/* A message is at most so long; every MPI has tags up to this one: numbers are taken modulo it. */
enum { MIX_PIECE = 1 << 30, MIX_TAGS = 0x7FFF };

struct mix_flow {
    char *at;       /* what comes after the piece under way */
    size_t left;    /* bytes from there to the end */
    int piece;      /* bytes of the piece under way */
    bool under_way; /* is there one? */
};

enum { MIX_REDUCE_BLOCK = 64 }; /* values that one round of a reduction moves */

struct mix_group {
    struct mix_comm *comm;
    char name[32];
    int *world; /* [size] */
    int size, rank;
    bool *inside; /* [size] is the member in my domain? */
    bool *late;   /* [size] scratch of a wait that takes long */

    MPI_Comm mpi; /* MPI_COMM_NULL in a group of one */
    int tag;      /* of the operation under way: its number, so that two never mix */
    size_t most;  /* bytes of a piece: MIX_PIECE; tests make it small */
    bool broken;  /* an operation failed: nothing more can be said to the others */

    int pending;           /* flows that are not done */
    struct mix_flow *flow; /* [2 size] from member i, then to member i */
    MPI_Request *request;  /* [2 size] likewise */
    int *done;             /* [2 size] for MPI_Testsome */
    MPI_Status *status;    /* [2 size] likewise */

    int64_t *scratch; /* [size][MIX_REDUCE_BLOCK] values of a reduction */
    struct mix_group_stats stats;
};

/* An operation is: begin, all its receives, all its sends, wait.  Between begin and wait the caller
 * may do other things, but not another operation of this group. */
int mix_flow_begin(struct mix_group *g);
int mix_flow_recv(struct mix_group *g, int member, void *to, size_t n);
int mix_flow_send(struct mix_group *g, int member, const void *from, size_t n);

/* Until all is done.  what names the operation in the line about a stall.  On failure the group is
 * broken and its buffers are the caller's again. */
int mix_flow_wait(struct mix_group *g, const char *what);

/* A failure between begin and wait: the same end as that of a wait that failed. */
void mix_flow_abandon(struct mix_group *g);

/* What flows and queues have in common: a send is counted, and what MPI refused (with its code e)
 * of a message from or to a member becomes a line that names its rank and node: MIX_ECOMM. */
void mix_flow_count(struct mix_group *g, int member, size_t bytes, size_t messages);
int mix_flow_refused(const struct mix_group *g, const char *what, bool from, int member, int e);

/* ---- waiting, of flows, of windows and of callers */

/* Sets g->late: which members have not come. */
typedef void mix_late_fn(struct mix_group *g, const void *ctx);

/* One turn of a wait in which nothing has come since `since`: ticks, then yields or naps.  After
 * the stall timeout it is MIX_ECOMM, naming the ranks that stand still. */
int mix_wait_turn(struct mix_group *g, const char *what, double since, mix_late_fn *late,
                  const void *ctx);

#endif
