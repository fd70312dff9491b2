/* dev_private.h - what every backend's device begins with; for src/dev only. */
#ifndef MIX_DEV_PRIVATE_H
#define MIX_DEV_PRIVATE_H

#include "dev/dev.h"

struct mix_dev {
    const struct mix_dev_ops *ops;
    int threads;
    size_t allocated; /* kept by alloc and release of the backend */
    void (*tick)(void *ctx);
    void *tick_ctx;
    double ticked; /* when last, mix_now */
    void *state;   /* see mix_dev_state */
    void (*state_destroy)(void *state);
};

extern const struct mix_dev_ops mix_dev_cpu;

#endif
