/* kill_point.h - moments at which a test lets the process die.
 *
 * A job must survive kill -9 at any moment.  The moments that matter are those
 * between two steps that leave something on the disk: before and after each write,
 * rename, record and removal of sealing, compaction, merge and clean-up.  Each of
 * them is a call of this function.  With MIXSERVE_TEST_KILL=N in the environment the
 * N-th call of the process (from 1) sends SIGKILL to the process; without it, and for
 * users always, nothing happens.  MIXSERVE_TEST_KILL=0 only counts.
 *
 * Any thread; not collective. */
#ifndef MIX_ENGINE_KILL_POINT_H
#define MIX_ENGINE_KILL_POINT_H

/* where: what has just happened or is about to, for the test's log. */
void mix_kill_point(const char *where);

/* How many calls there were so far, and where the last one was. */
int mix_kill_points(const char **where);

#endif
