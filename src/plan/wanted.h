/* wanted.h - what is asked for, resolved: the pins that do not depend on the layout.
 *
 * Pure; not collective; plan/search's own. */
#ifndef MIX_PLAN_WANTED_H
#define MIX_PLAN_WANTED_H

#include "plan/search.h"

struct mix_wanted { /* the same for every layout */
    const struct mix_plan_input *in;
    int world, hosts, node, domain; /* node: ranks of one */
    bool apart;                     /* some domain has ranks on several hosts */
    enum mix_dtype dtype, dispatch;
    const struct mix_plan_kernels *kernels;
    int seqs, tokens, length; /* length 0: free */
};

/* MIX_EUSAGE: pins that contradict each other or the model; MIX_EFIT: hosts that make no domains.
 */
int mix_wanted_resolve(struct mix_wanted *w, const struct mix_plan_input *in);

/* Ranks of a domain, of so many ranks with `each` on a host: the pin, those of the machine's fast
 * link, or those of a host.  0: the pin does not divide them. */
int mix_wanted_domain(const struct mix_plan_input *in, int ranks, int each);

/* Where layouts for it are looked for. */
struct mix_layouts mix_wanted_space(const struct mix_wanted *w);

#endif
