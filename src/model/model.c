/* model.c - open and close a model, and what others may ask it. */
#include "model/model.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "model/state.h"
#include "plan/mesh.h"

#include <stdlib.h>

/* The ranks that this one works with, and room to count what goes to each. */
static int open_groups(struct mix_model *m, struct mix_comm *comm)
{
    int rc = MIX_OK;
    size_t tp = (size_t)m->share.tp, tokens = (size_t)m->plan->max_batched_tokens;

    size_t copy = (size_t)(m->share.etp * m->plan->ep);

    mix_comm_domain_set(comm, m->plan->domain_size);
    TRY(mix_exchange_group(&m->replica, comm, m->plan, MIX_MESH_TP));
    TRY(mix_exchange_group(&m->copy, comm, m->plan, MIX_MESH_COPY));
    TRY(mix_exchange_group(&m->coupled, comm, m->plan, MIX_MESH_COUPLED));
    TRY(mix_calloc(&m->copy_tokens, copy, sizeof *m->copy_tokens, "a model"));
    TRY(mix_owners_open(&m->owners, m->replica, m->dev));
    TRY(mix_calloc(&m->tokens, tp, sizeof *m->tokens, "a model"));
    TRY(mix_calloc(&m->send_at, tp, sizeof *m->send_at, "a model"));
    TRY(mix_calloc(&m->send_bytes, tp, sizeof *m->send_bytes, "a model"));
    TRY(mix_calloc(&m->recv_at, tp, sizeof *m->recv_at, "a model"));
    TRY(mix_calloc(&m->recv_bytes, tp, sizeof *m->recv_bytes, "a model"));
    TRY(mix_calloc(&m->pick, tokens, sizeof *m->pick, "a model"));
    TRY(mix_calloc(&m->from, tokens, sizeof *m->from, "a model"));
out:
    return rc;
}

static int open_exchange(struct mix_model *m, struct mix_comm *comm)
{
    struct mix_exchange_config config = {
        .dev = m->dev,
        .comm = comm,
        .plan = m->plan,
        .homes = m->homes,
        .type = m->type,
        .hidden = m->arch->hidden,
        .k = m->arch->top_k,
        .max_owned = m->act.owned,
        .max_rows = m->act.routed,
    };

    for (int l = 0; l < m->arch->layers; l++)
        if (m->arch->moe[l])
            return mix_exchange_open(&m->exchange, &config);
    return MIX_OK;
}

/* The angles of all positions, made on the host. */
static int make_angles(struct mix_model *m)
{
    int rc = MIX_OK, positions = m->plan->max_model_len;
    size_t bytes = sizeof(float) * (size_t)positions * (size_t)m->arch->head_dim;
    float *host = NULL;

    TRY(mix_alloc_aligned(&host, bytes, "angles of positions"));
    mix_rope_table(host, positions, m->arch->head_dim, m->arch->rope_theta);
    TRY(mix_dev_alloc(m->dev, &m->cos_sin, bytes, "angles of positions"));
    TRY(mix_dev_upload(m->dev, m->cos_sin, host, bytes));
out:
    free(host);
    return rc;
}

int mix_model_open(struct mix_model **out, const struct mix_model_config *config)
{
    int rc = MIX_OK;
    struct mix_model *m = NULL;
    const struct mix_plan *plan = config->plan;
    const struct mix_arch *arch = config->arch;
    const char *cannot = mix_arch_cannot_run(arch);
    size_t before = mix_dev_allocated(config->dev);

    if (cannot) {
        rc = MIX_FAIL(MIX_EINPUT, "model %s: %s", config->dir ? config->dir : "", cannot);
        goto out;
    }
    TRY(mix_calloc(&m, 1, sizeof *m, "a model"));
    m->arch = arch;
    m->plan = plan;
    m->dev = config->dev;
    m->kern = mix_kernels_of(config->dev);
    m->type = (enum mix_dtype)plan->numeric.dtype;
    TRY(mix_share_of(&m->share, arch, plan, mix_comm_rank(config->comm)));
    m->homes = config->homes ? config->homes : &m->identity;
    if (!config->homes)
        TRY(mix_homes_identity(&m->identity, arch->layers, arch->experts, plan->ep));

    struct mix_weights_source source = {
        .dir = config->dir,
        .dummy = config->dummy,
        .arch = arch,
        .share = &m->share,
        .plan = plan,
        .homes = m->homes,
        .type = m->type,
        .comm = config->comm,
    };
    TRY(mix_weights_load(&m->weights, m->dev, &source));
    TRY(make_angles(m));
    m->bytes_weights = (int64_t)(mix_dev_allocated(m->dev) - before);
    TRY(mix_kv_init(&m->kv, m->dev, arch->layers, plan->pages, m->share.kv_heads.count,
                    arch->head_dim, (enum mix_dtype)plan->numeric.kv_dtype));
    TRY(mix_activations_init(&m->act, m->dev, arch, plan, &m->share));
    TRY(open_groups(m, config->comm));
    TRY(open_exchange(m, config->comm));
    *out = m;
    m = NULL;
out:
    mix_model_close(m);
    return rc;
}

void mix_model_close(struct mix_model *m)
{
    if (!m)
        return;
    mix_exchange_close(m->exchange);
    mix_owners_close(m->owners);
    mix_group_close(m->coupled);
    mix_group_close(m->copy);
    mix_group_close(m->replica);
    free(m->tokens);
    free(m->copy_tokens);
    free(m->send_at);
    free(m->send_bytes);
    free(m->recv_at);
    free(m->recv_bytes);
    free(m->pick);
    free(m->from);
    mix_activations_fini(&m->act);
    mix_kv_fini(&m->kv);
    if (m->dev)
        mix_dev_release(m->dev, m->cos_sin);
    mix_weights_fini(&m->weights);
    mix_homes_fini(&m->identity);
    free(m);
}

struct mix_group *mix_model_replica(const struct mix_model *m)
{
    return m->replica;
}

struct mix_group *mix_model_coupled(const struct mix_model *m)
{
    return m->coupled;
}

struct mix_exchange_times mix_model_exchange_times(const struct mix_model *m)
{
    return m->exchange ? mix_exchange_times(m->exchange) : (struct mix_exchange_times){0};
}

struct mix_exchange_traffic mix_model_traffic(const struct mix_model *m)
{
    return m->exchange ? mix_exchange_traffic(m->exchange) : (struct mix_exchange_traffic){0};
}

int64_t mix_model_bytes_read(const struct mix_model *m)
{
    return m->weights.bytes_read;
}

int64_t mix_model_bytes_weights(const struct mix_model *m)
{
    return m->bytes_weights;
}

int64_t mix_model_bytes_kv(const struct mix_model *m)
{
    return (int64_t)mix_kv_bytes(&m->kv);
}

struct mix_model_times mix_model_times(const struct mix_model *m)
{
    return m->times;
}

void mix_model_charge(struct mix_model *m, double *section)
{
    double now = mix_now(), waited = mix_group_stats(m->replica).wait_s - m->waited;
    struct mix_owners_times owners = mix_owners_times(m->owners);
    double moved = owners.move_s - owners.wait_s - m->moved;

    *section += now - m->mark - waited - moved;
    m->times.waiting += waited;
    m->times.exchange_inside += moved;
    m->mark = now;
    m->waited += waited;
    m->moved += moved;
}
