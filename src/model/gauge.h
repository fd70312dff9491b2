/* gauge.h - how fast this machine does the work of a model: the rates of topo/machine.h.
 *
 * Operations run as the model runs them: packed weights as many as the model has (up to
 * 144 MiB a node), taken in turn, so that what will lie in
 * caches lies in caches; keys and values likewise.  All ranks work at the same time, and a
 * rate is a rank's part of what they do together.  In three rounds, of which the middle counts, or
 * two where ranks take turns on a core.
 *
 * What is counted as operations and bytes, for who predicts with these rates:
 *
 *   dense, experts   2 rows n k of each weight [n][k]; bytes of the weights that are touched
 *   attention        4 heads head_dim (positions that each query sees); bytes of the keys and
 *                    values of the sequences, once a call
 *   memory           bytes read and written (rmsnorm)
 *
 * launch is what a call costs that has next to nothing to do; each, of attention, what one sequence
 * costs beyond that, of 64 with 16 tokens. */
#ifndef MIX_MODEL_GAUGE_H
#define MIX_MODEL_GAUGE_H

#include "arch/arch.h"
#include "comm/comm.h"
#include "dev/dev.h"
#include "topo/machine.h"
#include "topo/topo.h"

struct mix_gauge_config {
    struct mix_comm *comm;
    struct mix_group *world; /* all ranks */
    struct mix_dev *dev;
    const struct mix_topo *topo;
    const struct mix_arch *arch; /* NULL: the layers of Qwen3-30B-A3B */
    int domain_size;
    double links_s, rates_s, steps_s; /* time to spend on each, about; 0: 1 s, 1.3 s and 1.5 s */
};

struct mix_gauge {
    struct mix_machine machine;
    bool measured[MIX_LINK_KINDS];    /* else the other's, see comm/measure.h */
    double links_s, rates_s, steps_s; /* spent */
};

/* Links, rates and, with an arch, whole steps (rehearse.h).  The same bits on all ranks. Collective
 * on all ranks. */
int mix_gauge_machine(struct mix_gauge *gauge, const struct mix_gauge_config *config);

/* The rates alone. */
int mix_gauge_rates(struct mix_rate rate[MIX_MACHINE_TYPES][MIX_WORKS],
                    const struct mix_gauge_config *config);

#endif
