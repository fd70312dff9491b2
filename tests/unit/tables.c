/* tables.c - C fills a forgotten entry of a backend table with NULL; no table has one. */
#include "dev/dev.h"
#include "exchange/exchange_private.h"
#include "kernels/kernels.h"
#include "tap.h"

#include <stddef.h>
#include <string.h>

/* A table is a name followed by function pointers, all of one size. */
static int holes(const void *table, size_t bytes)
{
    int n = 0;

    for (size_t at = 0; at < bytes; at += sizeof(void (*)(void))) {
        void (*entry)(void);

        memcpy(&entry, (const char *)table + at, sizeof entry);
        n += entry == NULL;
    }
    return n;
}

int main(void)
{
    struct mix_kernels hole = mix_kernels_cpu;

    for (int i = 0; mix_dev_backends[i]; i++) {
        const struct mix_dev_ops *b = mix_dev_backends[i];
        struct mix_dev *dev = NULL;
        const struct mix_kernels *k;

        ok(holes(b, sizeof *b) == 0, "device backend %s", b->name);
        if (mix_dev_open(&dev, b->name, 0, 1) != 0) {
            tap_skip(b->name, "no such device here");
            continue;
        }
        k = mix_kernels_of(dev);
        ok(k && strcmp(k->name, b->name) == 0, "it has kernels of its own");
        ok(k && holes(k, sizeof *k) == 0, "kernels of %s", b->name);
        mix_dev_close(dev);
    }
    for (int i = 0; i < MIX_EXCHANGE_KINDS; i++)
        ok(mix_exchange_table[i] &&
               holes(mix_exchange_table[i], sizeof(struct mix_exchange_ops)) == 0,
           "exchange %d", i);
    hole.sum = NULL;
    ok(holes(&hole, sizeof hole) == 1, "a hole would be seen");
    return tap_done();
}
