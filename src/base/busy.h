/* busy.h - a long look at files says now and then that it goes on.
 *
 * Who has others waiting meanwhile says here how to tell them; the loops that may
 * take minutes (over lines, files, the bytes of a file) call mix_busy as they go.  A
 * file system that hangs is not busy: nobody calls then, and the others give up.
 *
 * Set it while no other thread works on files; not collective. */
#ifndef MIX_BASE_BUSY_H
#define MIX_BASE_BUSY_H

/* From now on tell(ctx) is called every so many seconds; NULL: nobody waits. */
void mix_busy_set(int (*tell)(void *ctx), void *ctx, double every_s);

/* Still at it.  Cheap; the code of tell, which ends the work. */
int mix_busy(void);

#endif
