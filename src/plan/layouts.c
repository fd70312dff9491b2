/* layouts.c - see layouts.h. */
#include "plan/layouts.h"

#include "base/err.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- experts */

static int rounded_up(int experts)
{
    int p = 1;

    while (p < experts)
        p *= 2;
    return p;
}

int mix_layout_locals(int experts, int ep, int i)
{
    int p = rounded_up(experts);
    /* the first e with e * ep / p >= i */
    int64_t first = ((int64_t)i * p + ep - 1) / ep, end = ((int64_t)(i + 1) * p + ep - 1) / ep;

    first = first < experts ? first : experts;
    end = end < experts ? end : experts;
    return (int)(end - first);
}

int mix_layout_locals_most(int experts, int ep)
{
    int most = 0;

    for (int i = 0; i < ep; i++) {
        int n = mix_layout_locals(experts, ep, i);

        most = n > most ? n : most;
    }
    return most;
}

/* ---- what can be */

static const char *attention_cannot(const struct mix_layouts *s, const struct mix_layout *l,
                                    char why[MIX_LAYOUT_WHY])
{
    const struct mix_arch *a = s->arch;

    if (s->domain % l->tp)
        snprintf(why, MIX_LAYOUT_WHY, "tp %d does not divide a domain of %d ranks", l->tp,
                 s->domain);
    else if (a->heads % l->tp || (a->kv_heads % l->tp && l->tp % a->kv_heads))
        snprintf(why, MIX_LAYOUT_WHY, "tp %d does not split %d heads and %d kv heads", l->tp,
                 a->heads, a->kv_heads);
    else if (a->vocab < l->tp || (a->inner && a->inner < l->tp))
        snprintf(why, MIX_LAYOUT_WHY, "tp %d leaves ranks without a part of dense weights", l->tp);
    else
        return NULL;
    return why;
}

static const char *experts_cannot(const struct mix_layouts *s, const struct mix_layout *l,
                                  char why[MIX_LAYOUT_WHY])
{
    const struct mix_arch *a = s->arch;
    int64_t copy = (int64_t)l->etp * l->ep;

    if (s->domain % l->etp)
        snprintf(why, MIX_LAYOUT_WHY, "etp %d does not divide a domain of %d ranks", l->etp,
                 s->domain);
    else if (a->experts && a->moe_inner < l->etp)
        snprintf(why, MIX_LAYOUT_WHY, "etp %d leaves ranks without a slice of an expert", l->etp);
    else if (!a->experts && copy > 1)
        snprintf(why, MIX_LAYOUT_WHY, "the model has no experts");
    else if (a->experts && l->ep > a->experts)
        snprintf(why, MIX_LAYOUT_WHY, "ep %d is more than %d experts", l->ep, a->experts);
    else
        return NULL;
    return why;
}

/* Does it pass rows on inside domains? */
static bool relays(int exchange)
{
    return exchange == MIX_EXCHANGE_HYBRID || mix_exchange_chunked(exchange);
}

static const char *exchange_cannot(const struct mix_layouts *s, const struct mix_layout *l,
                                   char why[MIX_LAYOUT_WHY])
{
    const char *name = mix_exchange_kind_name(l->exchange);
    int64_t copy = (int64_t)l->etp * l->ep;

    if (relays(l->exchange) && copy % s->domain && s->domain % copy)
        snprintf(why, MIX_LAYOUT_WHY,
                 "%s needs copies of the experts that are whole domains or lie inside one: %lld "
                 "ranks over domains of %d",
                 name, (long long)copy, s->domain);
    else if (mix_exchange_chunked(l->exchange) && s->apart)
        snprintf(why, MIX_LAYOUT_WHY,
                 "%s needs domains whose ranks share a node's memory: one of %d ranks does not",
                 name, s->domain);
    else if (!mix_exchange_chunked(l->exchange) && s->narrow)
        snprintf(why, MIX_LAYOUT_WHY,
                 "%s does not send rows in eight bits: mixserve and fused do%s", name,
                 s->apart ? ", but need domains whose ranks share a node's memory" : "");
    else
        return NULL;
    return why;
}

const char *mix_layout_cannot(const struct mix_layouts *s, const struct mix_layout *l,
                              char why[MIX_LAYOUT_WHY])
{
    const char *no = attention_cannot(s, l, why);

    no = no ? no : experts_cannot(s, l, why);
    return no ? no : exchange_cannot(s, l, why);
}

bool mix_layout_twin(const struct mix_layouts *s, const struct mix_layout *l)
{
    int64_t copy = (int64_t)l->etp * l->ep;

    if (s->narrow) /* those that they are twins of cannot be */
        return false;
    return (copy == 1 && l->exchange != MIX_EXCHANGE_TP) ||
           (copy <= s->domain && relays(l->exchange));
}

/* ---- the list */

static int append(struct mix_layout **list, size_t *room, int *n, const struct mix_layout *l)
{
    int rc = mix_grow(list, room, (size_t)*n + 1, sizeof **list, "layouts");

    if (rc == MIX_OK)
        (*list)[(*n)++] = *l;
    return rc;
}

struct mix_layout mix_layout_of_plan(const struct mix_plan *p)
{
    return (struct mix_layout){.tp = p->numeric.tp,
                               .dp = p->dp,
                               .etp = p->numeric.etp,
                               .ep = p->ep,
                               .edp = p->edp,
                               .exchange = p->exchange};
}

int mix_layouts_list(const struct mix_layouts *s, struct mix_layout **out, int *count)
{
    int rc = MIX_OK, n = 0;
    struct mix_layout *list = NULL;
    size_t room = 0;

    MIX_CHECK(s->world > 0 && s->domain > 0 && s->world % s->domain == 0,
              "layouts of %d ranks in domains of %d", s->world, s->domain);
    for (int tp = 1; tp <= s->domain; tp++)
        for (int etp = 1; etp <= s->domain && s->domain % tp == 0; etp++)
            for (int ep = 1; ep <= s->world / etp && s->domain % etp == 0; ep++)
                for (int x = 0; x < MIX_EXCHANGE_KINDS && s->world / etp % ep == 0; x++)
                    TRY(append(&list, &room, &n,
                               &(struct mix_layout){.tp = tp,
                                                    .dp = s->world / tp,
                                                    .etp = etp,
                                                    .ep = ep,
                                                    .edp = s->world / etp / ep,
                                                    .exchange = x}));
    *out = list;
    *count = n;
    list = NULL;
out:
    free(list);
    return rc;
}

void mix_layout_name(const struct mix_layout *l, char text[96])
{
    snprintf(text, 96, "tp %d x dp %d, etp %d x ep %d x edp %d, %s", l->tp, l->dp, l->etp, l->ep,
             l->edp, mix_exchange_kind_name(l->exchange));
}
