/* forward.c - the model, on one screen. */
#include "base/err.h"
#include "model/state.h"

int mix_model_forward(struct mix_model *m, const struct mix_step *step, float *logits, int *first,
                      int *mine)
{
    int rc = MIX_OK;

    TRY(mix_step_begin(m, step));
    TRY(mix_embed_tokens(m));
    for (int layer = 0; layer < m->arch->layers; layer++) {
        TRY(mix_block_gqa(m, layer));
        TRY(m->arch->moe[layer] ? mix_block_moe(m, layer) : mix_block_dense(m, layer));
    }
    TRY(mix_head_rows(m, logits, first, mine));
out:
    return rc;
}
