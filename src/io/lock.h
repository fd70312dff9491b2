/* lock.h - one job at a time in a job's folder.
 *
 * The holder keeps a kernel lock (fcntl) on the file, which ends with the process
 * however that dies, so that the same command after a kill -9 goes in at once.  The
 * content of the file says who it is: host, pid, job, start, last heartbeat.
 *
 * On file systems without locks (Lustre mounted without flock, some NFS servers)
 * the content alone decides: a holder on this host is alive while its pid is, one on
 * another host while its heartbeat is at most 60 s old.  Two that come at the same
 * moment both write; the later write wins, and each looks again before it goes on.
 *
 * A mount that takes locks but keeps them to one host (Lustre's localflock) lets in a
 * job from another host; the attempt that leaders check before each seal finds that.
 *
 * Times are seconds since 1970 by the clocks of the hosts.  One thread; not
 * collective: rank 0 takes it for the job. */
#ifndef MIX_IO_LOCK_H
#define MIX_IO_LOCK_H

#include <stdbool.h>
#include <stdint.h>

enum { MIX_LOCK_DEAD_S = 60 }; /* a heartbeat older than this is a dead job's */

struct mix_lock_holder {
    char host[128], job[128]; /* "?" where the file does not say */
    int64_t pid, started, beat;
};

struct mix_lock;

/* Who has, or last had, the lock?  *held: is that job alive?  Without the file it is not, and
 * *holder says "?".  For mixserve status; takes nothing. */
int mix_lock_look(const char *path, struct mix_lock_holder *holder, bool *held);

/* MIX_EUSAGE if another job has it; the line names host, pid and job.  Does not wait.  job_id: of
 * the batch system, or NULL.  Locks are per open file (since Linux 3.15), so another take in this
 * process finds it taken, too. */
int mix_lock_take(struct mix_lock **lock, const char *path, const char *job_id);

/* Renew the heartbeat; every few seconds.  MIX_EUSAGE if the file is no longer ours: it was
 * removed, or taken over by a job that thought us dead; then nothing more may be written. */
int mix_lock_beat(struct mix_lock *lock);

/* Give it back and remove the file, if it is still ours.  NULL is allowed. */
void mix_lock_release(struct mix_lock *lock);

#endif
