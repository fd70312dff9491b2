/* window.h - memory that ranks of one host share.
 *
 * Every member has a piece of the same size; all pieces can be read by all members
 * in place.  Who may write where is the caller's agreement, kept by sync().
 *
 * A member also has counters, which it alone raises and all watch: what it wrote before it
 * raised one is seen by whoever has seen the new value.
 *
 * open, sync (post and wait) and close are collective on the group, all of whose members are on
 * one host.  A group of one has ordinary memory. */
#ifndef MIX_COMM_WINDOW_H
#define MIX_COMM_WINDOW_H

#include "comm/comm.h"

#include <stddef.h>

struct mix_window;

/* bytes: of each member's piece, aligned to 64.  Too little shared memory (/dev/shm) is MIX_EFIT.
 */
int mix_window_open(struct mix_window **w, struct mix_group *g, size_t bytes); /* borrows g */
void mix_window_close(struct mix_window *w);                                   /* NULL is allowed */

void *mix_window_at(const struct mix_window *w, int member); /* that member's piece */

/* What any member wrote before its post is seen by all after their wait; post and wait in turns.
 * sync is both.  A flag in shared memory, not a message.  what names it in the line about a stall.
 */
void mix_window_post(struct mix_window *w);
int mix_window_wait(struct mix_window *w, const char *what);
int mix_window_sync(struct mix_window *w);

/* Counters start at 0.  Not collective; nobody waits. */
enum { MIX_WINDOW_COUNTERS = 4 };
void mix_window_raise(struct mix_window *w, int counter, uint64_t to);
uint64_t mix_window_counter(const struct mix_window *w, int member, int counter);

#endif
