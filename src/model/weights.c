/* weights.c - letting go of weights; load.c makes them. */
#include "model/weights.h"

#include <stdlib.h>

static void release_layer(struct mix_dev *dev, struct mix_layer_weights *w)
{
    const struct mix_kernels *kern = mix_kernels_of(dev);

    mix_dev_release(dev, w->attention_norm);
    mix_dev_release(dev, w->q_norm);
    mix_dev_release(dev, w->k_norm);
    mix_dev_release(dev, w->block_norm);
    kern->product_release(dev, w->qkv);
    kern->product_release(dev, w->o);
    kern->product_release(dev, w->router);
    for (int b = 0; w->gate_up && b < w->blocks; b++)
        kern->product_release(dev, w->gate_up[b]);
    for (int b = 0; w->down && b < w->blocks; b++)
        kern->product_release(dev, w->down[b]);
    free(w->gate_up);
    free(w->down);
}

void mix_weights_fini(struct mix_weights *w)
{
    if (!w->dev)
        return;
    for (int l = 0; w->layer && l < w->layers; l++)
        release_layer(w->dev, &w->layer[l]);
    free(w->layer);
    mix_dev_release(w->dev, w->embedding);
    mix_dev_release(w->dev, w->norm);
    mix_kernels_of(w->dev)->product_release(w->dev, w->head);
    *w = (struct mix_weights){0};
}
