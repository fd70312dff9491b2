/* sampler.h - one token from one row of logits.
 *
 *   temperature 0      the largest logit, ties to the lowest id
 *   otherwise          z[id] = logit[id] / temperature; the top_k largest z stay; of these the
 *                      smallest set, most likely first, whose probabilities first sum to
 *                      top_p or more stays; the token is argmax(z[id] + g[id]),
 *                      g = -ln(-ln u), u = (x + 0.5) / 2^32   (Gumbel-max)
 *
 * x is the first word of Philox4x32-10 with key seed and counter (row low, row
 * high, sample << 20 | position, id): the draw depends on the row, the place in
 * its answer and the token alone, not on the batch, the replica or the rank.
 * Ties go to the lowest id everywhere; probabilities are summed in double, in
 * order (probability down, id up).
 *
 * Not collective; one thread per scratch. */
#ifndef MIX_ENGINE_SAMPLER_H
#define MIX_ENGINE_SAMPLER_H

#include <stddef.h>
#include <stdint.h>

struct mix_draw {
    double temperature, top_p;
    int64_t top_k, seed;
    int64_t row;
    int32_t sample;   /* which answer of the row */
    int32_t position; /* in the answer, from 0; below 2^20 */
};

/* Bytes of scratch for a vocabulary. */
size_t mix_sampler_scratch(int vocab);

/* The token, or -1 if a logit is NaN or infinite. */
int32_t mix_sample(const float *logits /* [vocab] */, int vocab, const struct mix_draw *draw,
                   void *scratch);

#endif
