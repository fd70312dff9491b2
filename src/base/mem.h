/* mem.h - host memory, and arrays that grow.
 *
 * Running out of host memory is a failure like any other: MIX_EFIT, with the
 * size and the purpose in the line.  Any thread; not collective. */
#ifndef MIX_BASE_MEM_H
#define MIX_BASE_MEM_H

#include <stddef.h>

/* Zeroed memory for count objects of size bytes; *p is NULL when count is 0. free() it. */
int mix_calloc(void *p, size_t count, size_t size, const char *what);

/* Zeroed, aligned to 64 bytes (a cache line, an AVX-512 register). free() it. */
int mix_alloc_aligned(void *p, size_t bytes, const char *what);

/* Make room for need objects in the array *p that has room for *room; grows by
 * half, so that appending is linear.  *p is untouched on failure. */
int mix_grow(void *p, size_t *room, size_t need, size_t size, const char *what);

/* One heap for all threads, instead of one each: call it before there are any.  The I/O thread and
 * the main thread need memory by turns, and glibc keeps what a thread freed for that thread, 9 MiB
 * of it after 20,000 rows.  Nothing that is called often allocates, so they do not wait for each
 * other. */
void mix_one_heap(void);

/* Resident set of this process, bytes: the largest so far, and now (0 where the system does not
 * say). */
size_t mix_peak_rss(void);
size_t mix_rss(void);

#endif
