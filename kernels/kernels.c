/* kernels.c - which kernels belong to which device. */
#include "kernels/kernels.h"

#include "dev/dev.h"

#include <string.h>

static const struct mix_kernels *const backends[] = {&mix_kernels_cpu, NULL};

const struct mix_kernels *mix_kernels_of(const struct mix_dev *dev)
{
    for (int i = 0; backends[i]; i++)
        if (strcmp(backends[i]->name, mix_dev_name(dev)) == 0)
            return backends[i];
    return NULL;
}

int mix_kernels_packed(const struct mix_kernels *k, enum mix_dtype type)
{
    return (int)(k->product_bytes(type, 4096, 4096) / (4096 * 4096));
}
