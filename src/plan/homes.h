/* homes.h - which ranks of a copy hold which experts: the table expert_home.
 *
 * A copy of the experts is etp x ep ranks; a home is an ep_i in [0, ep), whose etp
 * ranks hold the slices of the expert.  An expert has at least one home in every
 * layer, and may have several.
 *
 * The identity: expert e is at home at e * ep / P, P = experts rounded up to a power
 * of two, so that a rank's experts, and a domain's, are a subtree of the sum over all
 * experts (kernels/combine.h).  6 experts over 4 are 2, 2, 2, 0.
 *
 * Plain data on the host; pure; not collective. */
#ifndef MIX_PLAN_HOMES_H
#define MIX_PLAN_HOMES_H

#include "plan/plan.h"

#include <stdbool.h>
#include <stdint.h>

struct mix_homes {
    int layers, experts, ep;
    int most;      /* homes of an expert at most */
    int32_t *home; /* [layers][experts][most], rising; -1 after the last */
};

int mix_homes_identity(struct mix_homes *h, int layers, int experts, int ep);
/* home [layers][experts][most] is copied.  A home outside [0, ep), none, or one named twice is
 * MIX_EINPUT. */
int mix_homes_set(struct mix_homes *h, int layers, int experts, int ep, int most,
                  const int32_t *home);
void mix_homes_fini(struct mix_homes *h); /* {0} is allowed */

/* Is ep_i one of the expert's homes? */
bool mix_homes_at(const struct mix_homes *h, int layer, int expert, int ep_i);
/* The experts at home at ep_i in a layer, rising: how many; expert [experts] may be NULL. */
int mix_homes_local(const struct mix_homes *h, int layer, int ep_i, int32_t *expert);
/* The largest such number over layers and homes. */
int mix_homes_most_local(const struct mix_homes *h);

/* Where a token of world rank `owner` goes for an expert: a home in the owner's domain if there is
 * one, among several of them the one numbered owner mod their number. */
int mix_homes_choose(const struct mix_homes *h, const struct mix_plan *plan, int layer, int expert,
                     int owner);

#endif
