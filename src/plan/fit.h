/* fit.h - does a layout fit into the memory that there is?
 *
 * Resolved wishes (struct mix_wanted) and one layout in; pages, the longest row and
 * what is missing out.  Pure; not collective; plan/search's own. */
#ifndef MIX_PLAN_FIT_H
#define MIX_PLAN_FIT_H

#include "plan/wanted.h"

#include <stdbool.h>

/* In which type results travel between domains: as operands, but fp32 where nothing does, because
 * every copy of the experts lies inside a domain; or as the job that goes on has them. */
enum mix_dtype mix_fit_wire(const struct mix_wanted *w, const struct mix_layout *l);

struct mix_fit {
    int pages, length;
    struct mix_memory memory;
    int64_t missing; /* bytes that the tightest host (or device) lacks; 0 or less: it fits */
    int host_rank;   /* a rank of that host */
    int shortest;    /* tokens of a row that the pool must hold at least */
    int64_t row;     /* bytes of it */
    int64_t need;    /* of a rank: weights, a step's buffers and the smallest pool */
};

/* How a layout fits when every host has `ranks` ranks (0: those it has). */
void mix_fit_try(const struct mix_wanted *w, const struct mix_layout *l, int ranks,
                 struct mix_fit *f);

/* Are a rank's memory its own, and not a share of its host's? */
bool mix_fit_own_memory(const struct mix_wanted *w);

/* Numbers of ranks with which such nodes would do: "4, 8 (2, 4 on each node)". */
bool mix_fit_would(const struct mix_wanted *w, char *text, size_t room);

/* Bytes of a plan's largest rank. */
void mix_fit_count(const struct mix_plan_input *in, const struct mix_layout *l, int domain,
                   const struct mix_plan_numeric *types, int seqs, int tokens, int length,
                   struct mix_memory *m);

/* Do the pins leave this layout? */
bool mix_fit_pinned(const struct mix_plan_pins *p, const struct mix_layout *l);

#endif
