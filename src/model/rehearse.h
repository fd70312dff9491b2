/* rehearse.h - the last number of a machine: whole steps against what their parts add up to.
 *
 * Operations are measured one by one, with their caches to themselves.  In a step they are not
 * alone: there is work between them, others use the caches, ranks take turns on a core.  So a few
 * layouts of the model at hand, drawn from all, take steps of three sizes; the
 * median of measured over predicted is the factor for steps of so many tokens.  The model is cut
 * to few layers; one whose layers are too large to make up in this time stays without factors, and
 * hardly needs them: its operations are large.
 *
 * Collective on all ranks. */
#ifndef MIX_MODEL_REHEARSE_H
#define MIX_MODEL_REHEARSE_H

#include "model/trial.h"

/* Fill whole[], in about so many seconds; the same bits on all ranks.  config's machine has the
 * rates; its dtype is not looked at. */
int mix_rehearse(struct mix_whole whole[MIX_MACHINE_TYPES], const struct mix_trial_config *config,
                 double seconds);

#endif
