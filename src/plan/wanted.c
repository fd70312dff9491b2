/* wanted.c - see wanted.h. */
#include "plan/wanted.h"

#include "base/err.h"

#include <string.h>

enum { DEFAULT_SEQS = 256, DEFAULT_TOKENS = 2048 };

static int resolve_types(struct mix_wanted *w)
{
    const struct mix_plan_input *in = w->in;
    const char *dtype = in->pins.dtype, *wire = in->pins.wire_dtype;

    if (!dtype || !strcmp(dtype, "auto"))
        w->dtype = in->has_bf16 ? MIX_BF16 : MIX_F32;
    else if (!strcmp(dtype, "bfloat16"))
        w->dtype = MIX_BF16;
    else if (!strcmp(dtype, "float32"))
        w->dtype = MIX_F32;
    else
        return MIX_FAIL(MIX_EUSAGE, "--dtype %s: auto, bfloat16 or float32", dtype);
    w->dispatch = w->dtype;
    if (wire && !strcmp(wire, "fp8"))
        w->dispatch = MIX_F8E4M3;
    else if (wire && strcmp(wire, "auto"))
        return MIX_FAIL(MIX_EUSAGE, "--wire-dtype %s: auto or fp8", wire);
    if (in->keep)
        w->dispatch = (enum mix_dtype)in->keep->dispatch;
    w->kernels = w->dtype == MIX_BF16 ? &in->bf16 : &in->f32;
    if (strlen(w->kernels->describe) >= sizeof((struct mix_plan_numeric *)0)->kernels)
        return MIX_FAIL(MIX_EBUG, "the kernels' description is too long: %s", w->kernels->describe);
    return MIX_OK;
}

static int resolve_exchange(const struct mix_plan_pins *p)
{
    if (p->exchange && strcmp(p->exchange, "auto") && mix_exchange_kind_parse(p->exchange) < 0)
        return MIX_FAIL(MIX_EUSAGE, "--exchange %s: auto, tp, ep, hybrid, mixserve or fused",
                        p->exchange);
    if (p->chunks && p->exchange && strcmp(p->exchange, "auto") &&
        !mix_exchange_chunked(mix_exchange_kind_parse(p->exchange)))
        return MIX_FAIL(MIX_EUSAGE,
                        "--exchange %s cuts no rows: --chunks %d is for mixserve and fused",
                        p->exchange, p->chunks);
    if (p->in_turn && p->chunks)
        return MIX_FAIL(MIX_EUSAGE, "--async off cuts no rows: --chunks %d has no meaning",
                        p->chunks);
    return MIX_OK;
}

static int resolve_limits(struct mix_wanted *w)
{
    const struct mix_plan_pins *p = &w->in->pins;
    int positions = w->in->arch->max_positions;

    w->length = p->max_model_len;
    if (w->length > positions)
        return MIX_FAIL(MIX_EUSAGE, "--max-model-len %d: the model has %d positions", w->length,
                        positions);
    w->seqs = p->max_num_seqs;
    w->tokens = p->max_batched_tokens;
    if (w->seqs && w->tokens && w->tokens < w->seqs)
        return MIX_FAIL(MIX_EUSAGE,
                        "--max-num-batched-tokens %d is less than --max-num-seqs %d: every "
                        "sequence needs a token of a step",
                        w->tokens, w->seqs);
    if (!w->seqs)
        w->seqs = w->tokens && w->tokens < DEFAULT_SEQS ? w->tokens : DEFAULT_SEQS;
    if (!w->tokens)
        w->tokens = w->seqs > DEFAULT_TOKENS ? w->seqs : DEFAULT_TOKENS;
    return MIX_OK;
}

int mix_wanted_domain(const struct mix_plan_input *in, int ranks, int each)
{
    int pin = in->pins.domain_size, fast = in->machine ? in->machine->domain : 0;

    if (pin)
        return ranks % pin ? 0 : pin;
    if (fast > each) /* it spans hosts */
        return ranks < fast ? ranks : ranks % fast == 0 ? fast : each;
    return fast > 0 && each % fast == 0 ? fast : each;
}

/* A domain is a host's ranks: there must be as many on every host, and one after the other. */
static int resolve_domain(struct mix_wanted *w)
{
    const struct mix_topo *t = w->in->topo;
    int pin = w->in->pins.domain_size, m = t->rank[0].local_ranks;

    w->world = t->ranks;
    w->hosts = t->hosts;
    w->node = m;
    w->domain = mix_wanted_domain(w->in, t->ranks, m);
    if (!w->domain)
        return MIX_FAIL(MIX_EUSAGE, "--domain-size %d does not divide %d ranks", pin, t->ranks);
    for (int i = 0; i < t->ranks; i++)
        w->apart |= t->rank[i].host_index != t->rank[i / w->domain * w->domain].host_index;
    for (int i = 0; i < t->ranks && !pin; i++) {
        const struct mix_topo_rank *r = &t->rank[i];

        if (r->local_ranks != m)
            return MIX_FAIL(MIX_EFIT,
                            "node %s has %d ranks, node %s has %d: start as many on every node "
                            "(srun --ntasks-per-node, mpirun --map-by ppr:N:node), or give a "
                            "--domain-size that divides them",
                            t->rank[0].host, m, r->host, r->local_ranks);
        if (r->host_index != i / m)
            return MIX_FAIL(MIX_EFIT,
                            "ranks %d and %d are on nodes %s and %s: neighbours must share a node "
                            "(srun --distribution=block, mpirun --map-by slot)",
                            i / m * m, i, t->rank[i / m * m].host, r->host);
    }
    return MIX_OK;
}

/* Do the pinned degrees multiply to the number of ranks? */
static int check_products(const struct mix_wanted *w)
{
    const struct mix_plan_pins *p = &w->in->pins;
    const struct {
        const char *name;
        int32_t size;
    } alone[] = {{"data-parallel-size", p->dp},
                 {"expert-parallel-size", p->ep},
                 {"expert-data-parallel-size", p->edp}};
    int64_t experts = (int64_t)(p->etp ? p->etp : 1) * (p->ep ? p->ep : 1) * (p->edp ? p->edp : 1);

    for (size_t i = 0; i < sizeof alone / sizeof alone[0]; i++)
        if (alone[i].size && w->world % alone[i].size)
            return MIX_FAIL(MIX_EUSAGE, "--%s %d does not divide %d ranks", alone[i].name,
                            alone[i].size, w->world);
    if (p->tp && p->dp && (int64_t)p->tp * p->dp != w->world)
        return MIX_FAIL(MIX_EUSAGE, "tp %d x dp %d is not the number of ranks, %d", p->tp, p->dp,
                        w->world);
    if (p->etp && p->ep && p->edp && experts != w->world)
        return MIX_FAIL(MIX_EUSAGE, "etp %d x ep %d x edp %d is not the number of ranks, %d",
                        p->etp, p->ep, p->edp, w->world);
    if (w->world % experts)
        return MIX_FAIL(MIX_EUSAGE,
                        "the pinned sizes of the experts' mesh (etp %d, ep %d, edp %d; 0: free) do "
                        "not multiply to %d ranks",
                        p->etp, p->ep, p->edp, w->world);
    return MIX_OK;
}

int mix_wanted_resolve(struct mix_wanted *w, const struct mix_plan_input *in)
{
    int rc = MIX_OK;

    *w = (struct mix_wanted){.in = in};
    MIX_CHECK(in->topo->ranks > 0 && in->page > 0, "a plan for no ranks");
    TRY(resolve_types(w));
    TRY(resolve_exchange(&in->pins));
    TRY(resolve_limits(w));
    TRY(resolve_domain(w));
    TRY(check_products(w));
out:
    return rc;
}

struct mix_layouts mix_wanted_space(const struct mix_wanted *w)
{
    return (struct mix_layouts){.arch = w->in->arch,
                                .world = w->world,
                                .domain = w->domain,
                                .apart = w->apart,
                                .narrow = w->dispatch == MIX_F8E4M3};
}
