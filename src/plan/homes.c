/* homes.c - see homes.h. */
#include "plan/homes.h"

#include "base/err.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static const int32_t *homes_of(const struct mix_homes *h, int layer, int expert)
{
    return h->home + ((size_t)layer * (size_t)h->experts + (size_t)expert) * (size_t)h->most;
}

/* Rising homes, at least one, then nothing but -1: a home behind the end would be lost. */
static int check(const struct mix_homes *h, int layer, int expert)
{
    const int32_t *home = homes_of(h, layer, expert);
    int n = 0;

    while (n < h->most && home[n] != -1)
        n++;
    for (int i = 0; i < h->most; i++)
        if (i < n ? home[i] < 0 || home[i] >= h->ep || (i > 0 && home[i] <= home[i - 1])
                  : home[i] != -1)
            return MIX_FAIL(MIX_EINPUT,
                            "layer %d, expert %d: home %d: homes must rise, be below %d and end "
                            "with -1",
                            layer, expert, (int)home[i], h->ep);
    if (n == 0)
        return MIX_FAIL(MIX_EINPUT, "layer %d, expert %d has no home", layer, expert);
    return MIX_OK;
}

int mix_homes_set(struct mix_homes *out, int layers, int experts, int ep, int most,
                  const int32_t *home)
{
    int rc = MIX_OK;
    struct mix_homes h = {.layers = layers, .experts = experts, .ep = ep, .most = most};
    size_t n = (size_t)layers * (size_t)experts * (size_t)most;

    if (most < 1)
        return MIX_FAIL(MIX_EINPUT, "a table of experts without homes");
    TRY(mix_calloc(&h.home, n, sizeof *h.home, "homes of experts"));
    memcpy(h.home, home, n * sizeof *home);
    for (int l = 0; l < layers; l++)
        for (int e = 0; e < experts; e++)
            TRY(check(&h, l, e));
    *out = h;
    h.home = NULL;
out:
    mix_homes_fini(&h);
    return rc;
}

int mix_homes_identity(struct mix_homes *out, int layers, int experts, int ep)
{
    int rc = MIX_OK;
    struct mix_homes h = {.layers = layers, .experts = experts, .ep = ep, .most = 1};
    int64_t leaves = 1;

    while (leaves < experts)
        leaves *= 2;
    TRY(mix_calloc(&h.home, (size_t)layers * (size_t)experts, sizeof *h.home, "homes of experts"));
    for (int l = 0; l < layers; l++)
        for (int e = 0; e < experts; e++)
            h.home[l * experts + e] = (int32_t)((int64_t)e * ep / leaves);
    *out = h;
out:
    return rc;
}

void mix_homes_fini(struct mix_homes *h)
{
    free(h->home);
    *h = (struct mix_homes){0};
}

bool mix_homes_at(const struct mix_homes *h, int layer, int expert, int ep_i)
{
    const int32_t *home = homes_of(h, layer, expert);

    for (int i = 0; i < h->most && home[i] >= 0; i++)
        if (home[i] == ep_i)
            return true;
    return false;
}

int mix_homes_local(const struct mix_homes *h, int layer, int ep_i, int32_t *expert)
{
    int n = 0;

    for (int e = 0; e < h->experts; e++)
        if (mix_homes_at(h, layer, e, ep_i)) {
            if (expert)
                expert[n] = e;
            n++;
        }
    return n;
}

int mix_homes_most_local(const struct mix_homes *h)
{
    int most = 0;

    for (int l = 0; l < h->layers; l++)
        for (int i = 0; i < h->ep; i++) {
            int n = mix_homes_local(h, l, i, NULL);

            most = n > most ? n : most;
        }
    return most;
}

int mix_homes_choose(const struct mix_homes *h, const struct mix_plan *plan, int layer, int expert,
                     int owner)
{
    const int32_t *home = homes_of(h, layer, expert);
    int copy = plan->numeric.etp * plan->ep, first = owner / copy * copy, all = 0, near = 0;

    if (h->most == 1)
        return home[0];
    for (; all < h->most && home[all] >= 0; all++)
        near += (first + home[all] * plan->numeric.etp) / plan->domain_size ==
                owner / plan->domain_size;
    if (!near)
        return home[owner % all];
    for (int i = 0, left = owner % near; i < all; i++)
        if ((first + home[i] * plan->numeric.etp) / plan->domain_size ==
                owner / plan->domain_size &&
            left-- == 0)
            return home[i];
    return home[0];
}
