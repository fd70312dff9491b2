/* mesh.c - see mesh.h: a group is every rank with which a rank agrees in some coordinates. */
#include "plan/mesh.h"

#include "base/err.h"

static const char *const names[MIX_MESH_GROUPS] = {
    [MIX_MESH_WORLD] = "world",
    [MIX_MESH_DOMAIN] = "domain",
    [MIX_MESH_RAIL] = "rail",
    [MIX_MESH_TP] = "tp",
    [MIX_MESH_ETP] = "etp",
    [MIX_MESH_EP] = "ep",
    [MIX_MESH_EDP] = "edp",
    [MIX_MESH_COPY] = "copy",
    [MIX_MESH_COPY_NODE] = "copy's node",
    [MIX_MESH_COPY_RAIL] = "copy's rail",
    [MIX_MESH_COUPLED] = "coupled",
};

const char *mix_mesh_name(enum mix_mesh_group g)
{
    return names[g];
}

static int common_multiple(int a, int b)
{
    int x = a, y = b;

    while (y) {
        int rest = x % y;

        x = y;
        y = rest;
    }
    return a / x * b;
}

static bool together(const struct mix_plan *plan, enum mix_mesh_group g, int a, int b)
{
    struct mix_place p = mix_plan_place(plan, a), q = mix_plan_place(plan, b);
    int m = plan->domain_size, copy = plan->numeric.etp * plan->ep;

    switch (g) {
    case MIX_MESH_DOMAIN:
        return p.domain == q.domain;
    case MIX_MESH_RAIL:
        return a % m == b % m;
    case MIX_MESH_TP:
        return p.dp_i == q.dp_i;
    case MIX_MESH_ETP:
        return p.ep_i == q.ep_i && p.edp_i == q.edp_i;
    case MIX_MESH_EP:
        return p.etp_i == q.etp_i && p.edp_i == q.edp_i;
    case MIX_MESH_EDP:
        return p.etp_i == q.etp_i && p.ep_i == q.ep_i;
    case MIX_MESH_COPY:
        return p.edp_i == q.edp_i;
    case MIX_MESH_COPY_NODE:
        return p.edp_i == q.edp_i && p.domain == q.domain;
    case MIX_MESH_COPY_RAIL:
        return p.edp_i == q.edp_i && a % m == b % m;
    case MIX_MESH_COUPLED:
        return a / common_multiple(plan->numeric.tp, copy) ==
               b / common_multiple(plan->numeric.tp, copy);
    default:
        return true;
    }
}

int mix_mesh_members(const struct mix_plan *plan, enum mix_mesh_group g, int rank, int *member)
{
    int n = 0;

    for (int r = 0; r < plan->world; r++)
        if (together(plan, g, rank, r))
            member[n++] = r;
    return n;
}

int mix_mesh_say(const struct mix_plan *plan, struct mix_str *out)
{
    const struct mix_plan_numeric *n = &plan->numeric;
    int world = plan->world, rc = MIX_OK;
    const int size[] = {
        [MIX_MESH_WORLD] = world,
        [MIX_MESH_DOMAIN] = plan->domain_size,
        [MIX_MESH_RAIL] = world / plan->domain_size,
        [MIX_MESH_TP] = n->tp,
        [MIX_MESH_ETP] = n->etp,
        [MIX_MESH_EP] = plan->ep,
        [MIX_MESH_EDP] = plan->edp,
    };

    TRY(mix_str_addf(out, "groups:"));
    for (int g = MIX_MESH_WORLD; g <= MIX_MESH_EDP; g++)
        TRY(mix_str_addf(out, "%s %s %d of %d", g ? "," : "", names[g], world / size[g], size[g]));
    TRY(mix_str_addf(out, "\n"));
out:
    return rc;
}

bool mix_mesh_copies_fit(const struct mix_plan *plan)
{
    int copy = plan->numeric.etp * plan->ep;

    return copy % plan->domain_size == 0 || plan->domain_size % copy == 0;
}
