/* exchange_private.h - what an algorithm of exchange/ fills in. */
#ifndef MIX_EXCHANGE_EXCHANGE_PRIVATE_H
#define MIX_EXCHANGE_EXCHANGE_PRIVATE_H

#include "exchange/exchange.h"

struct mix_exchange_ops {
    const char *name;
    size_t (*bytes)(const struct mix_exchange_config *config, int group_size);
    int (*open)(struct mix_exchange *e); /* sets state, also when it fails */
    void (*close)(struct mix_exchange *e);
    int (*start)(struct mix_exchange *e, const struct mix_exchange_step *step);
    int (*finish)(struct mix_exchange *e, float *y);
};

struct mix_exchange {
    const struct mix_exchange_ops *ops;
    struct mix_exchange_config config;
    struct mix_exchange_times times;
    void *state; /* the algorithm's own */
};

/* By enum mix_exchange_kind, without holes. */
extern const struct mix_exchange_ops *const mix_exchange_table[MIX_EXCHANGE_KINDS];

extern const struct mix_exchange_ops mix_exchange_tp; /* tp.c */

#endif
