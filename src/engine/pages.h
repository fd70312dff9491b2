/* pages.h - which KV pages of one device are free.
 *
 * A page holds a fixed number of tokens of one sequence, for all layers.  The
 * pool hands out page numbers; the bytes live in model/kv.h.  Pages are given
 * lowest number first, so that a run is the same run every time.
 *
 * Host only, one thread.  Nothing here is collective. */
#ifndef MIX_ENGINE_PAGES_H
#define MIX_ENGINE_PAGES_H

struct mix_pages;

/* A pool of count pages, all free.  The caller destroys it. */
int mix_pages_create(struct mix_pages **pages, int count);
void mix_pages_destroy(struct mix_pages *pages); /* NULL is allowed */

int mix_pages_free(const struct mix_pages *pages); /* how many are free */

/* Take n pages into out[0..n), all or none.  False if fewer than n are free:
 * that is an answer, not a failure. */
_Bool mix_pages_take(struct mix_pages *pages, int *out, int n);

/* Give back n pages taken before.  Giving one back twice is MIX_EBUG. */
int mix_pages_give(struct mix_pages *pages, const int *page, int n);

#endif
