/* comm.h - the ranks of this job, groups of them, and what a group can do together.
 *
 * A group is a set of world ranks in a stated order, with a name that logs use
 * ("world", "tp", ...).  Messages are counted in bytes (size_t; those over 1 GiB
 * are cut), matched per group in the order in which they are posted, so every
 * member must make the same collective calls in the same order.
 *
 * Waiting never spins: it calls the tick, yields, and after a millisecond naps
 * between tests.  A wait in which nothing comes for longer than the stall timeout
 * is MIX_ECOMM and names the group, the phase and the ranks (with their hosts)
 * that stand still: of those that have not come, and those that these wait for,
 * the ones that wait for nobody.  Whom the first rank to give up blames, the others blame.
 * A group in which an operation failed can only be closed.
 *
 * MPI is called from the main thread only (MPI_THREAD_FUNNELED). */
#ifndef MIX_COMM_COMM_H
#define MIX_COMM_COMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mix_comm;  /* this process's place among all ranks */
struct mix_group; /* some of them */

/* Start MPI (MPI_Init_thread) unless it runs, and look who is there.  stall_s: the stall timeout in
 * seconds, 0 for none.  Sets the log's identity.  Collective on all ranks.  Stops with MIX_EUSAGE
 * and a sentence that says how to start the job when the launcher started several processes that do
 * not see each other.
 */
int mix_comm_open(struct mix_comm **c, double stall_s);
void mix_comm_close(struct mix_comm *c); /* NULL is allowed; does not finalize MPI: main does */

int mix_comm_rank(const struct mix_comm *c);
int mix_comm_size(const struct mix_comm *c);
const char *mix_comm_host(const struct mix_comm *c, int rank); /* borrowed */
bool mix_comm_host_shared(const struct mix_comm *c, int rank); /* is it on my host? */

/* So many consecutive ranks share the fast link; 0, as at first: those of a host.  What groups
 * opened after it count as inside.  Every rank sets the same. */
void mix_comm_domain_set(struct mix_comm *c, int ranks);

/* What the rank is doing, for the line that a stall prints; step and a short constant text. */
void mix_comm_phase(struct mix_comm *c, long step, const char *phase);

/* What I am doing, for other lines about a stall: " in dispatch of copy (step 12, forward)", "
 * (step 12, forward)", or nothing. */
char *mix_comm_doing(const struct mix_comm *c, char text[120]);

/* Called by everyone who waits (claims are answered there), between two tests: it must be short and
 * must not use a group.  Its code, if not MIX_OK, ends the wait.  NULL: nothing. */
void mix_comm_tick_set(struct mix_comm *c, int (*tick)(void *ctx), void *ctx);
/* A flag that, once set (by a signal), shortens the stall timeout to grace_s seconds, counted from
 * when a wait first sees it: the others may never hear of that signal.  Switch it off with NULL
 * when all have agreed to stop, so that sealing what is done may take its time. */
void mix_comm_hurry(struct mix_comm *c, const volatile int *flag, double grace_s);

/* ---- groups */

/* The group of these n different world ranks, in this order; I am one of them.  Collective on those
 * ranks alone; ranks that are in several groups open them in the same order.  With n = 1 every
 * operation is local. */
int mix_group_open(struct mix_group **g, struct mix_comm *c, const char *name, const int *world,
                   int n);
/* The group of all ranks, "world". */
int mix_group_open_world(struct mix_group **g, struct mix_comm *c);
void mix_group_close(struct mix_group *g); /* NULL is allowed; waits for nobody */

const char *mix_group_name(const struct mix_group *g);
int mix_group_rank(const struct mix_group *g); /* my place in it */
int mix_group_size(const struct mix_group *g);
int mix_group_world(const struct mix_group *g, int member); /* world rank of a member */

/* One turn of a wait of the caller's own, in which nothing has come since `since` (mix_now) and
 * which now waits for that member (not me: MIX_EBUG): ticks, yields or naps.  After the stall
 * timeout it is MIX_ECOMM and names the ranks that stand still.  what names the wait in that line.
 * Its time is one of waiting. */
int mix_group_turn(struct mix_group *g, const char *what, double since, int member);

/* ---- collectives; all are collective on the group and done on return */

int mix_group_barrier(struct mix_group *g);
int mix_group_bcast(struct mix_group *g, void *bytes, size_t n, int root);

/* Member i's bytes[i] bytes land at recv + at[i], everywhere.  Mine are at send (may be recv +
 * at[me]). */
int mix_group_allgather(struct mix_group *g, void *recv, const size_t *at, const size_t *bytes,
                        const void *send);

/* Member i's number i of x, of so many bytes each, to everybody: mine is in its place already. */
int mix_group_tell(struct mix_group *g, void *x, size_t bytes);

/* send + send_at[i], send_bytes[i] go to member i; from i come recv_bytes[i] to recv + recv_at[i].
 * Both sides know the sizes.  Buffers do not overlap. */
int mix_group_alltoall(struct mix_group *g, void *recv, const size_t *recv_at,
                       const size_t *recv_bytes, const void *send, const size_t *send_at,
                       const size_t *send_bytes);

/* Element-wise over n values, in place; folded in the order of members, so the same bits
 * everywhere. Sums of integers wrap; a NaN is the largest and the smallest. */
enum mix_reduce { MIX_SUM, MIX_MAX, MIX_MIN };
int mix_group_reduce_i64(struct mix_group *g, int64_t *x, int n, enum mix_reduce op);
int mix_group_reduce_f64(struct mix_group *g, double *x, int n, enum mix_reduce op);

/* Seconds that this rank has spent waiting in the group's operations, and what it has sent to other
 * ranks of its own domain (inside) and of others (between). */
struct mix_group_stats {
    double wait_s;
    uint64_t bytes_inside, bytes_between, messages_inside, messages_between;
};
struct mix_group_stats mix_group_stats(const struct mix_group *g);

#endif
