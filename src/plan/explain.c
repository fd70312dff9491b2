/* explain.c - see explain.h. */
#include "plan/explain.h"

#include "base/err.h"
#include "plan/mesh.h"

#include <inttypes.h>

static int layout(const struct mix_plan_input *in, const struct mix_plan *p, struct mix_str *out)
{
    const struct mix_plan_numeric *n = &p->numeric;
    int rc;

    TRY(mix_str_addf(out, "plan %08" PRIx64 ": %d rank%s on %d node%s, attention tp %d x dp %d, ",
                     mix_plan_numeric_id(p) >> 32, p->world, p->world == 1 ? "" : "s",
                     in->topo->hosts, in->topo->hosts == 1 ? "" : "s", n->tp, p->dp));
    TRY(mix_str_addf(out, "experts etp %d x ep %d x edp %d, exchange %s\n", n->etp, p->ep, p->edp,
                     mix_exchange_kind_name(p->exchange)));
    TRY(mix_mesh_say(p, out));
    TRY(mix_str_addf(out, "numbers: %s operands, %s keys and values, %sbatch-invariant; %s\n",
                     mix_dtype_name((enum mix_dtype)n->dtype),
                     mix_dtype_name((enum mix_dtype)n->kv_dtype), n->invariant ? "" : "NOT ",
                     n->kernels));
    if (n->dispatch != n->dtype)
        TRY(mix_str_addf(out, "rows to experts: %s\n",
                         mix_dtype_name((enum mix_dtype)n->dispatch)));
    TRY(mix_plan_say_chunks(p->exchange, p->chunks, p->chunk_bytes, out));
out:
    return rc;
}

int mix_plan_say_chunks(int exchange, int chunks, int chunk_bytes, struct mix_str *out)
{
    char least[32];

    if (!mix_exchange_chunked(exchange))
        return MIX_OK;
    if (!chunks)
        return mix_str_addf(out, "rows to another domain: all at once, before any is computed\n");
    if (chunk_bytes < 1)
        return mix_str_addf(out, "rows to another domain: in %d chunk%s\n", chunks,
                            chunks == 1 ? "" : "s");
    return mix_str_addf(out, "rows to another domain: in up to %d chunk%s of at least %s\n", chunks,
                        chunks == 1 ? "" : "s", mix_human_bytes(chunk_bytes, least));
}

static int limits(const struct mix_plan_input *in, const struct mix_plan *p, struct mix_str *out)
{
    int rc;

    TRY(mix_str_addf(out, "a step: up to %d sequences and %d tokens of a replica\n",
                     p->max_num_seqs, p->max_batched_tokens));
    TRY(mix_str_addf(out, "a row: prompt and answer up to %d tokens", p->max_model_len));
    if (p->max_model_len < in->arch->max_positions)
        TRY(mix_str_addf(out, " (the model has %d%s)", in->arch->max_positions,
                         in->pins.max_model_len ? ""
                                                : "; memory for keys and values allows no more"));
    TRY(mix_str_add(out, "\n", 1));
out:
    return rc;
}

static int memory(const struct mix_plan_input *in, const struct mix_plan *p, struct mix_str *out)
{
    char a[32], b[32], c[32], d[32], e[32];
    struct mix_memory m;
    int rc;

    mix_plan_memory(in, p, &m);
    TRY(mix_str_addf(out, "memory of a rank: weights %s, keys and values %s, activations %s\n",
                     mix_human_bytes((double)p->bytes_weights, a),
                     mix_human_bytes((double)p->bytes_kv, b),
                     mix_human_bytes((double)p->bytes_activations, c)));
    TRY(mix_str_addf(out, "  weights: experts %s, attention %s, dense %s, vocabulary %s, rest %s\n",
                     mix_human_bytes((double)m.experts, a), mix_human_bytes((double)m.attention, b),
                     mix_human_bytes((double)m.dense, c), mix_human_bytes((double)m.vocabulary, d),
                     mix_human_bytes((double)m.rest, e)));
    TRY(mix_str_addf(out, "  keys and values: %d pages of %d tokens (%s each)\n", p->pages,
                     in->page, mix_human_bytes((double)m.kv_page, a)));
out:
    return rc;
}

int mix_plan_explain(const struct mix_plan_input *in, const struct mix_plan *plan, const char *why,
                     struct mix_str *out)
{
    int rc;

    TRY(layout(in, plan, out));
    if (why)
        TRY(mix_str_addf(out, "%s", why));
    TRY(limits(in, plan, out));
    TRY(memory(in, plan, out));
out:
    return rc;
}
