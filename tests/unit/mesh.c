/* mesh.c - every layout of eight worlds: groups against coordinates and a union-find. */
#include "plan/mesh.h"

#include "tap.h"

#include <stdio.h>
#include <string.h>

enum { MOST = 24 };

static struct mix_plan layout(int world, int domain_size, int tp, int etp, int ep)
{
    return (struct mix_plan){
        .numeric = {.tp = tp, .etp = etp, .invariant = 1, .device = "cpu", .kernels = "any"},
        .world = world,
        .domains = world / domain_size,
        .domain_size = domain_size,
        .dp = world / tp,
        .ep = ep,
        .edp = world / etp / ep,
        .max_num_seqs = 1,
        .max_batched_tokens = 1,
        .max_model_len = 1,
        .pages = 1,
    };
}

/* What a plan needs, as plan.h has it. */
static bool possible(int world, int domain_size, int tp, int etp, int ep)
{
    return world % domain_size == 0 && domain_size % tp == 0 && domain_size % etp == 0 &&
           world % (etp * ep) == 0;
}

/* ---- what must hold of one layout */

/* rank's group in *member, rising; its size, or -1 if it is not a part of a partition. */
static int group_of(const struct mix_plan *plan, enum mix_mesh_group g, int rank, int *member)
{
    int n, other[MOST];
    bool mine = false;

    memset(member, -1, MOST * sizeof *member);
    n = mix_mesh_members(plan, g, rank, member);
    if (n < 1 || n > plan->world || (n < MOST && member[n] != -1))
        return -1;
    for (int i = 0; i < n; i++) {
        if (member[i] < 0 || member[i] >= plan->world || (i > 0 && member[i] <= member[i - 1]))
            return -1;
        mine |= member[i] == rank;
        if (mix_mesh_members(plan, g, member[i], other) != n ||
            memcmp(other, member, (size_t)n * sizeof *other) != 0)
            return -1;
    }
    return mine ? n : -1;
}

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* How many members the header's words and the degrees make; 0: other tests say. */
static int size_of(const struct mix_plan *p, enum mix_mesh_group g)
{
    int copy = p->numeric.etp * p->ep, m = p->domain_size;

    switch (g) {
    case MIX_MESH_WORLD:
        return p->world;
    case MIX_MESH_DOMAIN:
        return m;
    case MIX_MESH_RAIL:
        return p->domains;
    case MIX_MESH_TP:
        return p->numeric.tp;
    case MIX_MESH_ETP:
        return p->numeric.etp;
    case MIX_MESH_EP:
        return p->ep;
    case MIX_MESH_EDP:
        return p->edp;
    case MIX_MESH_COPY:
        return copy;
    case MIX_MESH_COPY_NODE:
        return mix_mesh_copies_fit(p) ? least(copy, m) : 0;
    case MIX_MESH_COPY_RAIL:
        return !mix_mesh_copies_fit(p) ? 0 : copy > m ? copy / m : 1;
    default:
        return 0;
    }
}

/* Is b in a's group, by coordinates? */
static bool belongs(const struct mix_plan *plan, enum mix_mesh_group g, int a, int b)
{
    struct mix_place p = mix_plan_place(plan, a), q = mix_plan_place(plan, b);
    int m = plan->domain_size;
    bool copy = p.edp_i == q.edp_i, node = p.domain == q.domain;
    bool rail = a - p.domain * m == b - q.domain * m;

    switch (g) {
    case MIX_MESH_WORLD:
        return true;
    case MIX_MESH_DOMAIN:
        return node;
    case MIX_MESH_RAIL:
        return rail;
    case MIX_MESH_TP:
        return p.dp_i == q.dp_i;
    case MIX_MESH_ETP:
        return copy && p.ep_i == q.ep_i;
    case MIX_MESH_EP:
        return copy && p.etp_i == q.etp_i;
    case MIX_MESH_EDP:
        return p.ep_i == q.ep_i && p.etp_i == q.etp_i;
    case MIX_MESH_COPY:
        return copy;
    case MIX_MESH_COPY_NODE:
        return copy && node;
    case MIX_MESH_COPY_RAIL:
        return copy && rail;
    default:
        return false;
    }
}

static bool plain_groups(const struct mix_plan *plan)
{
    int member[MOST];

    for (int g = 0; g < MIX_MESH_COUPLED; g++)
        for (int r = 0; r < plan->world; r++) {
            int n = group_of(plan, g, r, member), want = size_of(plan, g);

            if (n < 0 || (want && n != want))
                return false;
            for (int b = 0, i = 0; b < plan->world; b++) {
                bool in = i < n && member[i] == b;

                if (in != belongs(plan, g, r, b))
                    return false;
                i += in;
            }
        }
    return true;
}

/* The ranks of a rail, and of a copy's, are each in a domain of its own; those of tp and of etp
 * are in one. */
static bool domains(const struct mix_plan *plan)
{
    static const enum mix_mesh_group apart[] = {MIX_MESH_RAIL, MIX_MESH_COPY_RAIL};
    static const enum mix_mesh_group together[] = {MIX_MESH_TP, MIX_MESH_ETP, MIX_MESH_COPY_NODE};
    int member[MOST];

    for (int r = 0; r < plan->world; r++) {
        for (int k = 0; k < 2; k++)
            for (int n = mix_mesh_members(plan, apart[k], r, member), i = 1; i < n; i++)
                for (int j = 0; j < i; j++)
                    if (mix_plan_place(plan, member[i]).domain ==
                        mix_plan_place(plan, member[j]).domain)
                        return false;
        for (int k = 0; k < 3; k++)
            for (int n = mix_mesh_members(plan, together[k], r, member), i = 0; i < n; i++)
                if (mix_plan_place(plan, member[i]).domain != mix_plan_place(plan, r).domain)
                    return false;
    }
    return true;
}

static int root(int *up, int r)
{
    while (up[r] != r)
        r = up[r] = up[up[r]];
    return r;
}

/* The closure: ranks are coupled if a chain of common replicas and copies leads from one to the
 * other. */
static bool coupled(const struct mix_plan *plan)
{
    static const enum mix_mesh_group ties[] = {MIX_MESH_TP, MIX_MESH_COPY};
    int up[MOST], member[MOST];

    for (int r = 0; r < plan->world; r++)
        up[r] = r;
    for (int k = 0; k < 2; k++)
        for (int r = 0; r < plan->world; r++)
            for (int n = mix_mesh_members(plan, ties[k], r, member), i = 0; i < n; i++)
                up[root(up, member[i])] = root(up, r);
    for (int r = 0; r < plan->world; r++) {
        int n = group_of(plan, MIX_MESH_COUPLED, r, member);

        if (n < 0)
            return false;
        for (int b = 0, i = 0; b < plan->world; b++) {
            bool in = i < n && member[i] == b;

            if (in != (root(up, b) == root(up, r)))
                return false;
            i += in;
        }
    }
    return true;
}

/* Every copy lies in a domain, or every copy has all ranks of each domain that it touches. */
static bool fits(const struct mix_plan *plan)
{
    bool within = true, whole = true;
    int copy[MOST], domain[MOST];

    for (int r = 0; r < plan->world; r++) {
        int n = mix_mesh_members(plan, MIX_MESH_COPY, r, copy);
        int m = mix_mesh_members(plan, MIX_MESH_DOMAIN, r, domain);

        for (int i = 0; i < n; i++)
            within &= mix_plan_place(plan, copy[i]).domain == mix_plan_place(plan, r).domain;
        for (int i = 0; i < m; i++)
            whole &= mix_plan_place(plan, domain[i]).edp_i == mix_plan_place(plan, r).edp_i;
    }
    return mix_mesh_copies_fit(plan) == (within || whole);
}

/* ---- layouts */

struct tally {
    int layouts;
    bool groups, domains, coupled, fits, plans;
};

static struct tally every_layout(int world)
{
    struct tally t = {0, true, true, true, true, true};

    for (int size = 1; size <= world; size++)
        for (int tp = 1; tp <= size; tp++)
            for (int etp = 1; etp <= size; etp++)
                for (int ep = 1; ep <= world; ep++) {
                    struct mix_plan plan = layout(world, size, tp, etp, ep);
                    bool can = possible(world, size, tp, etp, ep);

                    t.plans &= (mix_plan_wrong(&plan) == NULL) == can;
                    if (!can)
                        continue;
                    t.layouts++;
                    t.groups &= plain_groups(&plan);
                    t.domains &= domains(&plan);
                    t.coupled &= coupled(&plan);
                    t.fits &= fits(&plan);
                }
    return t;
}

static void layouts(void)
{
    static const int worlds[] = {1, 2, 4, 8, 6, 9, 12, 24};
    int all = 0;

    for (size_t i = 0; i < sizeof worlds / sizeof worlds[0]; i++) {
        struct tally t = every_layout(worlds[i]);

        ok(t.plans, "world %d: %d layouts are plans, and no other", worlds[i], t.layouts);
        ok(t.groups, "world %d: groups part it, by size and coordinates", worlds[i]);
        ok(t.domains, "world %d: rails cross domains, replicas and slices do not", worlds[i]);
        ok(t.coupled, "world %d: coupled is the closure of replicas and copies", worlds[i]);
        ok(t.fits, "world %d: copies fit domains", worlds[i]);
        if (worlds[i] <= 8 && worlds[i] != 6)
            all += t.layouts;
    }
    ok(all == 125, "125 layouts of 1, 2, 4 and 8 ranks");
}

/* ---- by hand */

static void by_hand(void)
{
    static const struct {
        int world, domain_size, tp, etp, ep, rank;
        enum mix_mesh_group group;
        int want[9]; /* ends with -1 */
    } cases[] = {
        {8, 4, 2, 2, 2, 5, MIX_MESH_DOMAIN, {4, 5, 6, 7, -1}},
        {8, 4, 2, 2, 2, 5, MIX_MESH_RAIL, {1, 5, -1}},
        {8, 4, 2, 2, 2, 5, MIX_MESH_TP, {4, 5, -1}},
        {8, 4, 2, 2, 2, 5, MIX_MESH_EP, {5, 7, -1}},
        {8, 4, 2, 2, 2, 5, MIX_MESH_EDP, {1, 5, -1}},
        {8, 4, 1, 2, 4, 5, MIX_MESH_EP, {1, 3, 5, 7, -1}},
        {8, 2, 1, 2, 2, 5, MIX_MESH_COPY, {4, 5, 6, 7, -1}},
        {8, 2, 1, 2, 2, 5, MIX_MESH_COPY_NODE, {4, 5, -1}},
        {8, 2, 1, 2, 2, 5, MIX_MESH_COPY_RAIL, {5, 7, -1}},
        {8, 2, 1, 2, 2, 5, MIX_MESH_RAIL, {1, 3, 5, 7, -1}},
        {8, 4, 4, 2, 1, 5, MIX_MESH_COUPLED, {4, 5, 6, 7, -1}},
        {8, 8, 1, 1, 2, 5, MIX_MESH_COUPLED, {4, 5, -1}},
        {8, 8, 1, 1, 1, 5, MIX_MESH_COUPLED, {5, -1}},
        {6, 6, 2, 1, 3, 5, MIX_MESH_COUPLED, {0, 1, 2, 3, 4, 5, -1}}, /* 01 23 45, 012 345 */
        {6, 6, 1, 3, 1, 4, MIX_MESH_ETP, {3, 4, 5, -1}},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mix_plan plan =
            layout(cases[i].world, cases[i].domain_size, cases[i].tp, cases[i].etp, cases[i].ep);
        int member[MOST], n = mix_mesh_members(&plan, cases[i].group, cases[i].rank, member);

        ok(n < 9 && cases[i].want[n] == -1 &&
               memcmp(member, cases[i].want, (size_t)n * sizeof *member) == 0,
           "%s of rank %d, case %zu", mix_mesh_name(cases[i].group), cases[i].rank, i);
    }
    {
        struct mix_plan plan = layout(12, 4, 1, 1, 6);

        ok(!mix_mesh_copies_fit(&plan), "copies of 6 in domains of 4 do not fit");
        plan = layout(12, 6, 1, 1, 4);
        ok(!mix_mesh_copies_fit(&plan), "copies of 4 in domains of 6 do not fit");
        plan = layout(12, 4, 1, 1, 12);
        ok(mix_mesh_copies_fit(&plan), "a copy of three whole domains does");
    }
}

/* Names are told apart in logs and in the tags of groups. */
static void names(void)
{
    bool good = true;

    for (int g = 0; g < MIX_MESH_GROUPS; g++)
        for (int i = 0; i < g; i++)
            good &= strcmp(mix_mesh_name(g), mix_mesh_name(i)) != 0;
    ok(good && strcmp(mix_mesh_name(MIX_MESH_WORLD), "world") == 0 &&
           strcmp(mix_mesh_name(MIX_MESH_COPY_RAIL), "copy's rail") == 0,
       "names differ");
}

int main(void)
{
    layouts();
    by_hand();
    names();
    return tap_done();
}
