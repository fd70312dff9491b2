/* mesh.h - the groups of ranks that a plan's meshes are made of.
 *
 *   world, domain            all ranks; the ranks that share the fast link
 *   rail                     the ranks with the same place in every domain
 *   tp                       a replica of the attention
 *   etp, ep, edp             the slices of an expert; the homes of a copy's experts, one
 *                            slice; the copies of one rank's experts
 *   copy                     etp x ep: the ranks that hold one copy of the experts
 *   copy's node, copy's rail a copy's ranks in my domain, and with my place in theirs
 *   coupled                  the ranks that tp and copies tie together: they step together
 *
 * Pure; not collective. */
#ifndef MIX_PLAN_MESH_H
#define MIX_PLAN_MESH_H

#include "base/str.h"
#include "plan/plan.h"

enum mix_mesh_group {
    MIX_MESH_WORLD,
    MIX_MESH_DOMAIN,
    MIX_MESH_RAIL,
    MIX_MESH_TP,
    MIX_MESH_ETP,
    MIX_MESH_EP,
    MIX_MESH_EDP,
    MIX_MESH_COPY,
    MIX_MESH_COPY_NODE,
    MIX_MESH_COPY_RAIL,
    MIX_MESH_COUPLED,
    MIX_MESH_GROUPS
};

const char *mix_mesh_name(enum mix_mesh_group g); /* "world", "copy's rail", as logs say it */

/* The world ranks of rank's group, rising; returns how many.  member has room for plan->world. */
int mix_mesh_members(const struct mix_plan *plan, enum mix_mesh_group g, int rank, int *member);

/* "groups: world 1 of 8, domain 2 of 4, rail 4 of 2, tp ...": the first seven. */
int mix_mesh_say(const struct mix_plan *plan, struct mix_str *out);

/* Does every copy consist of whole domains, or lie inside one?  hybrid needs that. */
bool mix_mesh_copies_fit(const struct mix_plan *plan);

#endif
