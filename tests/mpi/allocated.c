/* allocated.c - weights, keys and values take exactly what the planner counts, on every layout.
 *
 * Both models with golden files, whose odd sizes split unevenly.  Compared is the rank with most.
 */
#include "base/err.h"
#include "kernels/kernels.h"
#include "plan/memory.h"
#include "rig.h"
#include "tap_mpi.h"

#include <string.h>

static struct mix_comm *comm;
static int world;

static int64_t most(int64_t x)
{
    MPI_Allreduce(MPI_IN_PLACE, &x, 1, MPI_INT64_T, MPI_MAX, MPI_COMM_WORLD);
    return x;
}

static void count(const struct rig *r, struct mix_memory *m)
{
    enum mix_dtype type = (enum mix_dtype)r->plan.numeric.dtype;

    mix_memory_count(
        &(struct mix_memory_layout){.arch = &r->arch,
                                    .tp = r->plan.numeric.tp,
                                    .etp = r->plan.numeric.etp,
                                    .ep = r->plan.ep,
                                    .domain = r->plan.domain_size,
                                    .exchange = r->plan.exchange,
                                    .wire = (enum mix_dtype)r->plan.numeric.wire,
                                    .dtype = type,
                                    .kv_dtype = (enum mix_dtype)r->plan.numeric.kv_dtype,
                                    .product_bytes = mix_kernels_of(r->dev)->product_bytes,
                                    .page = MIX_PAGE,
                                    .max_num_seqs = r->plan.max_num_seqs,
                                    .max_batched_tokens = r->plan.max_batched_tokens,
                                    .max_model_len = r->plan.max_model_len},
        m);
}

static void check(const struct rig_model *m, struct rig_layout l)
{
    int rc;
    struct rig r = {0};
    struct mix_memory counted = {0};
    int64_t weights = 0, kv = 0;

    TRY(rig_open(&r, comm, m->dir, &l));
    count(&r, &counted);
    weights = mix_model_bytes_weights(r.model);
    kv = mix_model_bytes_kv(r.model);
out:
    weights = most(weights);
    kv = most(kv);
    ok_all(
        rc == MIX_OK && weights == counted.weights && kv == r.plan.pages * counted.kv_page,
        "%s, %s: tp %d, etp %d ep %d: %lld bytes of weights and %lld of keys and values, counted "
        "%lld and %lld",
        m->name, mix_dtype_name(l.dtype), l.tp, l.etp, l.ep, (long long)weights, (long long)kv,
        (long long)counted.weights, (long long)(r.plan.pages * counted.kv_page));
    rig_close(&r);
}

int main(void)
{
    static const char *const names[] = {"awkward", "tiny"};

    if (rig_comm(&comm) != MIX_OK)
        return 1;
    world = mix_comm_size(comm);
    if (mix_comm_rank(comm) > 0)
        tap_mute();
    for (int i = 0; i < 2; i++) {
        struct rig_model m;

        if (!rig_load_golden(&m, names[i])) {
            ok_all(false, "the golden files of %s", names[i]);
            continue;
        }
        for (int tp = 1; tp <= world; tp *= 2)
            for (int etp = 1; etp <= world; etp *= 2)
                for (int ep = 1; etp * ep <= world; ep *= 2)
                    for (int t = 0; t < 2; t++)
                        check(&m, (struct rig_layout){.world = world,
                                                      .tp = tp,
                                                      .etp = etp,
                                                      .ep = ep,
                                                      .exchange = MIX_EXCHANGE_TP,
                                                      .dtype = t ? MIX_BF16 : MIX_F32,
                                                      .max_num_seqs = 4,
                                                      .max_batched_tokens = 64,
                                                      .max_model_len = 128});
        rig_free_golden(&m);
    }
    rig_comm_close(comm);
    return tap_done();
}
