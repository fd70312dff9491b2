/* layouts.h - every way to lay a model over the ranks, and why some are none.
 *
 *   attention   tp x dp       = world       tp inside a domain
 *   experts     etp x ep x edp = world      etp inside a domain
 *
 * A copy of the experts is etp x ep consecutive ranks; how tokens get there is the
 * exchange.  Pipeline stages (pp > 1) are not built: no candidate has them.
 *
 *   heads       tp divides them; kv heads divide tp or tp divides them
 *   slices      vocabulary and inner sizes leave nobody without a part
 *   ep          at most the number of experts; uneven is allowed: expert e of E lives
 *               at e * ep / P, P = E rounded up to a power of two
 *   hybrid      a copy is whole domains, or lies inside one; mixserve and fused too, and
 *               the ranks of a domain share a host's memory
 *
 * Pure; not collective. */
#ifndef MIX_PLAN_LAYOUTS_H
#define MIX_PLAN_LAYOUTS_H

#include "arch/arch.h"
#include "plan/plan.h"

#include <stdbool.h>
#include <stdint.h>

struct mix_layout {
    int32_t tp, dp, etp, ep, edp;
    int32_t exchange; /* enum mix_exchange_kind */
};

struct mix_layouts { /* where layouts are looked for */
    const struct mix_arch *arch;
    int32_t world, domain; /* domain divides world */
    bool apart;            /* some domain has ranks on several hosts */
    bool narrow;           /* rows go to experts in eight bits */
};

enum { MIX_LAYOUT_WHY = 160 };

/* NULL if the layout can be, else why not, in why. */
const char *mix_layout_cannot(const struct mix_layouts *s, const struct mix_layout *l,
                              char why[MIX_LAYOUT_WHY]);

/* Is there no need to weigh a layout's exchange beside an earlier one?  A copy of one rank
 * exchanges nothing; hybrid inside one domain is ep, and for mixserve and fused there is no wire to
 * hide. */
bool mix_layout_twin(const struct mix_layouts *s, const struct mix_layout *l);

struct mix_layout mix_layout_of_plan(const struct mix_plan *plan);

/* Every candidate in a fixed order (tp, etp, ep rising, then the exchange), with degrees that
 * multiply to the world; also those that cannot be.  The caller frees *list. */
int mix_layouts_list(const struct mix_layouts *s, struct mix_layout **list, int *count);

/* ---- where experts are */

/* Experts of part i of ep under identity homes, and of the part with most. */
int mix_layout_locals(int experts, int ep, int i);
int mix_layout_locals_most(int experts, int ep);

/* "tp 2 x dp 4, etp 1 x ep 8 x edp 1, ep" */
void mix_layout_name(const struct mix_layout *l, char text[96]);

#endif
