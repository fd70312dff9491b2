/* exchange_private.h - what the algorithms of exchange/ share. */
#ifndef MIX_EXCHANGE_EXCHANGE_PRIVATE_H
#define MIX_EXCHANGE_EXCHANGE_PRIVATE_H

#include "exchange/exchange.h"
#include "kernels/kernels.h"
#include "plan/mesh.h"

struct mix_exchange_ops {
    const char *name;
    int (*open)(struct mix_exchange *e); /* sets state, also when it fails */
    void (*close)(struct mix_exchange *e);
    int (*start)(struct mix_exchange *e, const struct mix_exchange_step *step);
    int (*finish)(struct mix_exchange *e, float *y);
};

/* What every algorithm knows of the meshes, and where the experts of a layer are. */
struct mix_exchange {
    const struct mix_exchange_ops *ops;
    struct mix_exchange_config config;
    const struct mix_kernels *kern;
    struct mix_place place;
    int size, me;                  /* ranks of the copy; my place among them */
    bool spans;                    /* does the copy lie in several domains? */
    enum mix_dtype wire;           /* of terms on their way back */
    int *slots;                    /* [layers][ep + 1] of each home, see route.h */
    int32_t *choice;               /* [layers][experts] the slot of each expert, for my tokens */
    int32_t *domain;               /* [layers][experts] of that slot, in the copy */
    int32_t *local;                /* [layers][experts] its number among mine, or -1 */
    struct mix_exchange_step step; /* the one under way */
    void *codes, *rounded;         /* [max_owned] x in eight bits, and back; device, or NULL */
    const void **at, **at_d;       /* [max_owned] rows of x; host, device */
    struct mix_exchange_times times;
    enum mix_exchange_phase phase; /* of the time since `entered`, */
    double entered, experts_then;  /* when experts had run so long */
    struct mix_exchange_traffic traffic;
    void *state; /* the algorithm's own */
};

/* By enum mix_exchange_kind, without holes. */
extern const struct mix_exchange_ops *const mix_exchange_table[MIX_EXCHANGE_KINDS];

extern const struct mix_exchange_ops mix_exchange_tp;       /* tp.c */
extern const struct mix_exchange_ops mix_exchange_ep;       /* ep.c */
extern const struct mix_exchange_ops mix_exchange_hybrid;   /* hybrid.c */
extern const struct mix_exchange_ops mix_exchange_mixserve; /* mixserve.c */
extern const struct mix_exchange_ops mix_exchange_fused;    /* fused.c */

/* The slots of the layer under way: home h has [s[h], s[h + 1]). */
const int *mix_exchange_slots(const struct mix_exchange *e);
int mix_exchange_locals(const struct mix_exchange *e); /* experts of this rank in it */

/* [experts] which of the copy's domains my tokens go to for an expert of the layer under way. */
const int32_t *mix_exchange_domains(const struct mix_exchange *e);

static inline void mix_exchange_saw(const struct mix_exchange *e, enum mix_exchange_event event,
                                    int number, int domain)
{
    if (e->config.watch)
        e->config.watch(e->config.watch_ctx, event, number, domain);
}

/* Add what the group has sent and how long it was at work since `before`, to a phase. */
void mix_exchange_charge(struct mix_exchange *e, enum mix_exchange_phase phase,
                         const struct mix_group *g, struct mix_group_stats before);

/* From now on time belongs to this phase, but that of experts. */
void mix_exchange_enter(struct mix_exchange *e, enum mix_exchange_phase phase);

/* Wait until the link inside the domain has had its time (pace.h), from `start`, for what I read of
 * other members there: bytes [members] are from each.  What comes from other domains travels
 * meanwhile. */
void mix_exchange_pace(const struct mix_exchange *e, const struct mix_group *g, const size_t *bytes,
                       double start);

#endif
