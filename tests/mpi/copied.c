/* copied.c - bytes that the kernels of an exchange read and write, against the planner's formulae.
 *
 * mix_kernels_of is that of this file: the same kernels, whose operands are counted. */
#include "base/err.h"
#include "idle.h"
#include "kernels/kernels.h"
#include "plan/cost.h"
#include "rig.h"
#include "tap_mpi.h"

#include <math.h>

enum { STEPS = 8 };

static struct mix_comm *comm;
static struct mix_group *world;
static struct mix_dev *dev;
static double counted; /* bytes of this rank */

/* ---- kernels that count */

const struct mix_kernels *__real_mix_kernels_of(const struct mix_dev *dev);
const struct mix_kernels *__wrap_mix_kernels_of(const struct mix_dev *dev);

static double row(enum mix_dtype type, int dim)
{
    return (double)mix_dtype_size(type) * dim;
}

static int pack(struct mix_dev *d, const struct mix_pack *a)
{
    counted += a->rows * (row(a->x_type, a->dim) + row(a->y_type, a->dim));
    return __real_mix_kernels_of(d)->pack(d, a);
}

static int combine(struct mix_dev *d, const struct mix_combine *a)
{
    double one = row(MIX_F32, a->dim);

    for (int i = 0; i < a->tokens * a->k; i++)
        counted += a->row[i] < 0 ? 0 : one;
    counted += a->tokens * one * (a->add ? 2 : 1);
    return __real_mix_kernels_of(d)->combine(d, a);
}

static int sum(struct mix_dev *d, const struct mix_sum *a)
{
    counted += row(MIX_F32, 1) * (double)a->n * (a->parts + (a->add ? 2 : 1));
    return __real_mix_kernels_of(d)->sum(d, a);
}

static int gather_sum(struct mix_dev *d, const struct mix_gather_sum *a)
{
    for (int i = 0; i < a->rows * a->parts; i++)
        counted += a->at[i] ? row(a->x_type, a->dim) : 0;
    counted += a->rows * row(a->y_type, a->dim) * (a->add ? 2 : 1);
    return __real_mix_kernels_of(d)->gather_sum(d, a);
}

static int fp8_pack(struct mix_dev *d, const struct mix_fp8_pack *a)
{
    counted += a->rows * (row(a->x_type, a->dim) + (double)mix_fp8_row(a->dim));
    return __real_mix_kernels_of(d)->fp8_pack(d, a);
}

static int fp8_unpack(struct mix_dev *d, const struct mix_fp8_unpack *a)
{
    counted += a->rows * ((double)mix_fp8_row(a->dim) + row(a->y_type, a->dim));
    return __real_mix_kernels_of(d)->fp8_unpack(d, a);
}

const struct mix_kernels *__wrap_mix_kernels_of(const struct mix_dev *d)
{
    static struct mix_kernels kernels;

    kernels = *__real_mix_kernels_of(d);
    kernels.pack = pack;
    kernels.combine = combine;
    kernels.sum = sum;
    kernels.gather_sum = gather_sum;
    kernels.fp8_pack = fp8_pack;
    kernels.fp8_unpack = fp8_unpack;
    return &kernels;
}

/* ---- what the planner says of a rank and a step */

static double expected(const struct mix_plan *plan)
{
    struct mix_arch arch = {.hidden = IDLE_HIDDEN, .experts = IDLE_EXPERTS, .top_k = IDLE_K};
    struct mix_cost_model m = mix_cost_of_plan(&arch, NULL, plan, plan->domain_size, 2);
    double bytes[MIX_PHASES], all = 0;

    mix_cost_copied(&m, IDLE_OWNED, 1, bytes);
    for (int p = 0; p < MIX_PHASES; p++)
        all += bytes[p];
    return all;
}

static void copies(const struct mix_plan *want)
{
    int rc = MIX_OK;
    double bytes = 0, told = 0;
    struct idle x;

    mix_comm_domain_set(comm, want->domain_size);
    TRY(idle_open(&x, comm, dev, want, NULL, NULL));
    told = expected(&x.plan);
    counted = 0;
    for (int s = 0; s < STEPS; s++)
        TRY(idle_step(&x, s));
    bytes = counted / STEPS / mix_comm_size(comm);
    TRY(mix_group_reduce_f64(world, &bytes, 1, MIX_SUM));
out:
    ok_all(
        rc == MIX_OK && fabs(bytes / told - 1) < 0.01,
        "%s, domains of %d, etp %d, %s, dispatch %s, wire %s: %.0f bytes are copied, %.0f expected",
        mix_exchange_kind_name(want->exchange), want->domain_size, want->numeric.etp,
        mix_dtype_name((enum mix_dtype)want->numeric.dtype),
        mix_dtype_name((enum mix_dtype)want->numeric.dispatch),
        mix_dtype_name((enum mix_dtype)want->numeric.wire), bytes, told);
    idle_close(&x);
}

int main(void)
{
    static const struct {
        enum mix_dtype type, dispatch, wire;
    } types[] = {{MIX_F32, MIX_F32, MIX_F32},
                 {MIX_BF16, MIX_BF16, MIX_BF16},
                 {MIX_BF16, MIX_F8E4M3, MIX_BF16},
                 {MIX_F32, MIX_F32, MIX_BF16}};

    if (rig_comm(&comm) != MIX_OK || mix_group_open_world(&world, comm) != MIX_OK ||
        mix_dev_open(&dev, "cpu", 0, 1) != MIX_OK)
        return 1;
    if (mix_comm_rank(comm) > 0)
        tap_mute();
    for (int domain = 1; domain <= mix_comm_size(comm); domain *= 2)
        for (int etp = 1; etp <= domain; etp *= 2)
            for (size_t t = 0; t < sizeof types / sizeof types[0]; t++)
                for (int kind = 0; kind < MIX_EXCHANGE_KINDS; kind++)
                    copies(&(struct mix_plan){.numeric = {.etp = etp,
                                                          .dtype = types[t].type,
                                                          .dispatch = types[t].dispatch,
                                                          .wire = types[t].wire},
                                              .exchange = kind,
                                              .domain_size = domain,
                                              .chunks = 2,
                                              .depth = 2});
    mix_comm_domain_set(comm, 0);
    mix_dev_close(dev);
    mix_group_close(world);
    rig_comm_close(comm);
    return tap_done();
}
