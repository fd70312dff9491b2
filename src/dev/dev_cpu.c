/* dev_cpu.c - the cpu backend: device memory is host memory, a launcher does its work at once.
 *
 * Large blocks are mapped, not touched: a pool of KV pages costs memory only where
 * sequences have been. */
#include "base/err.h"
#include "base/mem.h"
#include "dev/dev_private.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    HEAD = 64,       /* bytes before every block, where its size is kept: one cache line */
    LARGE = 1 << 20, /* blocks from here on are mapped */
};

static int cpu_open(struct mix_dev **out, int index, int threads)
{
    struct mix_dev *dev = NULL;
    int rc = MIX_OK;

    if (index != 0)
        return MIX_FAIL(MIX_EUSAGE, "there is one cpu device, number 0, not %d", index);
    TRY(mix_calloc(&dev, 1, sizeof *dev, "a cpu device"));
    dev->ops = &mix_dev_cpu;
    dev->threads = threads;
    *out = dev;
out:
    return rc;
}

static void cpu_close(struct mix_dev *dev)
{
    free(dev);
}

static int cpu_alloc(struct mix_dev *dev, void **p, size_t bytes, const char *what)
{
    char *block = NULL;
    int rc = MIX_OK;

    if (bytes > SIZE_MAX / 2)
        return MIX_FAIL(MIX_EFIT, "out of device memory: %zu bytes for %s", bytes, what);
    if (bytes < LARGE) {
        TRY(mix_alloc_aligned(&block, HEAD + bytes, what));
    } else {
        block =
            mmap(NULL, HEAD + bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (block == MAP_FAILED)
            return MIX_FAIL(MIX_EFIT, "out of host memory: %zu bytes for %s", bytes, what);
    }
    memcpy(block, &bytes, sizeof bytes);
    dev->allocated += bytes;
    *p = block + HEAD;
out:
    return rc;
}

static void cpu_release(struct mix_dev *dev, void *p)
{
    char *block = (char *)p - HEAD;
    size_t bytes;

    memcpy(&bytes, block, sizeof bytes);
    dev->allocated -= bytes;
    if (bytes < LARGE)
        free(block);
    else
        munmap(block, HEAD + bytes);
}

static int cpu_copy(struct mix_dev *dev, void *to, const void *from, size_t bytes)
{
    (void)dev;
    memcpy(to, from, bytes);
    return MIX_OK;
}

static int cpu_sync(struct mix_dev *dev)
{
    (void)dev;
    return MIX_OK;
}

const struct mix_dev_ops mix_dev_cpu = {
    .name = "cpu",
    .open = cpu_open,
    .close = cpu_close,
    .alloc = cpu_alloc,
    .release = cpu_release,
    .upload = cpu_copy,
    .download = cpu_copy,
    .sync = cpu_sync,
};
