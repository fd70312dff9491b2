/* pack_cpu.c - pack on the cpu backend. */
#include "kernels/pack.h"

#include "base/err.h"
#include "kernels/team.h"

#include <string.h>

static void rows(const void *args, long first, long last)
{
    const struct mix_pack *a = args;

    for (long i = first; i < last; i++)
        memcpy((char *)a->y + (size_t)i * a->row_bytes,
               (const char *)a->x + (size_t)a->from[i] * a->row_bytes, a->row_bytes);
}

int mix_pack_cpu(struct mix_dev *dev, const struct mix_pack *a)
{
    if (a->row_bytes)
        mix_team_rows(dev, a->rows, (double)a->row_bytes / 4, rows, a);
    return MIX_OK;
}
