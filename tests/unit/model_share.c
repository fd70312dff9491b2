/* model_share.c - which heads, kv heads and parts a rank holds, and which layouts cannot be. */
#include "model/share.h"

#include "arch/tensors.h"
#include "base/err.h"
#include "base/log.h"
#include "tap.h"

#include <string.h>

static struct mix_arch arch_of(int heads, int kv_heads)
{
    return (struct mix_arch){.family = MIX_QWEN3_MOE,
                             .hidden = 64,
                             .layers = 1,
                             .vocab = 1001,
                             .heads = heads,
                             .kv_heads = kv_heads,
                             .head_dim = 16,
                             .inner = 70,
                             .experts = 4,
                             .top_k = 2,
                             .moe_inner = 30,
                             .moe = {true}};
}

static struct mix_plan plan_of(int tp, int etp, int ep)
{
    return (struct mix_plan){.numeric = {.tp = tp, .etp = etp},
                             .world = tp,
                             .domains = 1,
                             .domain_size = tp,
                             .dp = 1,
                             .ep = ep,
                             .edp = tp / etp / ep};
}

static bool same(struct mix_part p, struct mix_part of_tensor, int unit)
{
    return p.first * unit == of_tensor.first && p.count * unit == of_tensor.count;
}

/* The shares of all ranks: heads cover all once, each finds its kv head here, and what is loaded is
 * what is computed with. */
static bool good(int heads, int kv_heads, int tp, int etp)
{
    struct mix_arch a = arch_of(heads, kv_heads);
    struct mix_plan plan = plan_of(tp, etp, 1);
    struct mix_tensor_spec k, up;
    int next = 0, vocab = 0, inner = 0;

    if (!mix_tensors_get(&a, MIX_K, false, 0, -1, &k) ||
        !mix_tensors_get(&a, MIX_EXPERT_UP, false, 0, 0, &up))
        return false;
    for (int r = 0; r < tp; r++) {
        struct mix_share s;

        if (mix_share_of(&s, &a, &plan, r) != MIX_OK || s.heads.first != next ||
            s.vocab.first != vocab || s.inner.first != inner)
            return false;
        for (int h = 0; h < s.heads.count; h++) /* as kernels/attention.h finds it */
            if (s.kv_heads.first + h / (s.heads.count / s.kv_heads.count) !=
                (s.heads.first + h) / (heads / kv_heads))
                return false;
        if (!same(s.kv_heads, mix_tensors_part(&a, &k, tp, r), 16) ||
            !same(s.moe_inner, mix_tensors_part(&a, &up, etp, r % etp), 1))
            return false;
        next += s.heads.count;
        vocab += s.vocab.count;
        inner += s.inner.count;
    }
    return next == heads && vocab == 1001 && inner == 70;
}

static void layouts(void)
{
    static const struct {
        int heads, kv_heads, tp, etp;
    } cases[] = {{4, 1, 1, 1}, {4, 1, 2, 2},  {4, 1, 4, 4},  {4, 2, 2, 1},
                 {4, 2, 4, 2}, {32, 4, 8, 8}, {32, 8, 4, 1}, {6, 3, 3, 3}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        ok(good(cases[i].heads, cases[i].kv_heads, cases[i].tp, cases[i].etp),
           "%d heads, %d kv heads over tp %d, etp %d", cases[i].heads, cases[i].kv_heads,
           cases[i].tp, cases[i].etp);
}

static void impossible(void)
{
    static const struct {
        int heads, kv_heads, tp, etp, ep, code;
        const char *says;
    } cases[] = {
        {4, 1, 8, 8, 1, MIX_EFIT, "4 heads cannot be split over tp 8"},
        {4, 1, 3, 3, 1, MIX_EFIT, "4 heads cannot be split over tp 3"},
        {12, 4, 6, 1, 1, MIX_EFIT, "4 kv heads"},
        {64, 2, 64, 64, 1, MIX_EFIT, "without a part"},
    };

    mix_log_level(MIX_LOG_SILENT);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mix_arch a = arch_of(cases[i].heads, cases[i].kv_heads);
        struct mix_plan plan = plan_of(cases[i].tp, cases[i].etp, cases[i].ep);
        struct mix_share s;

        ok(mix_share_of(&s, &a, &plan, 0) == cases[i].code && strstr(mix_err_last(), cases[i].says),
           "code %d: %s", cases[i].code, mix_err_last());
    }
    mix_log_level(MIX_LOG_INFO);
}

int main(void)
{
    layouts();
    impossible();
    return tap_done();
}
