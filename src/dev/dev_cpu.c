/* dev_cpu.c - the cpu backend: device memory is host memory, a launcher does its work at once.
 *
 * Large blocks are mapped, not touched: a pool of KV pages costs memory only where
 * sequences have been.  They are asked for in huge pages, because weights are read from
 * end to end for every token: 1.3 times the speed of products with few rows
 * (docs/perf.md).  Huge pages are whole 2 MiB, and the weight of an expert is not many of
 * them, so blocks are cut from arenas; an arena goes back to the system when the last
 * of its blocks is released. */
#include "base/err.h"
#include "base/mem.h"
#include "dev/dev_private.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    HEAD = 64, /* bytes before every block, for struct head: keeps it aligned */
    HUGE_PAGE = 2 << 20,
    SMALL = 1 << 20, /* blocks below are the allocator's: sanitizers watch their ends */
    ARENA = 64 << 20,
};

struct arena {
    struct arena *next;
    char *base;
    size_t size, used;
    int blocks;
};

struct head {
    size_t bytes;
    struct arena *arena; /* NULL: from the allocator */
};

struct cpu {
    struct mix_dev dev;
    struct arena *arenas; /* the newest first; only that one is cut from */
};

static int cpu_open(struct mix_dev **out, int index, int threads)
{
    struct cpu *c = NULL;
    int rc = MIX_OK;

    if (index != 0)
        return MIX_FAIL(MIX_EUSAGE, "there is one cpu device, number 0, not %d", index);
    TRY(mix_calloc(&c, 1, sizeof *c, "a cpu device"));
    c->dev.ops = &mix_dev_cpu;
    c->dev.threads = threads;
    *out = &c->dev;
out:
    return rc;
}

static void free_arena(struct arena *a)
{
    munmap(a->base, a->size);
    free(a);
}

static void cpu_close(struct mix_dev *dev)
{
    struct cpu *c = (struct cpu *)dev;

    while (c->arenas) {
        struct arena *a = c->arenas;

        c->arenas = a->next;
        free_arena(a);
    }
    free(c);
}

/* An arena with room for so many bytes, in front of the others. */
static int add_arena(struct cpu *c, size_t bytes, const char *what)
{
    size_t size = (bytes > ARENA ? bytes + HUGE_PAGE - 1 : ARENA) / HUGE_PAGE * HUGE_PAGE;
    size_t skip;
    struct arena *a = NULL;
    char *base;
    int rc = MIX_OK;

    TRY(mix_calloc(&a, 1, sizeof *a, what));
    base = mmap(NULL, size + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) {
        rc = MIX_FAIL(MIX_EFIT, "out of host memory: %zu bytes for %s", bytes, what);
        goto out;
    }
    skip = (HUGE_PAGE - (uintptr_t)base % HUGE_PAGE) % HUGE_PAGE;
    if (skip)
        munmap(base, skip);
    if (skip < HUGE_PAGE)
        munmap(base + skip + size, HUGE_PAGE - skip);
    a->base = base + skip;
    a->size = size;
    madvise(a->base, size, MADV_HUGEPAGE); /* refused: small pages do as well */
    a->next = c->arenas;
    c->arenas = a;
    a = NULL;
out:
    free(a);
    return rc;
}

static int cpu_alloc(struct mix_dev *dev, void **p, size_t bytes, const char *what)
{
    size_t whole = (HEAD + bytes + 63) / 64 * 64;
    struct cpu *c = (struct cpu *)dev;
    struct arena *a = c->arenas;
    struct head head = {.bytes = bytes};
    char *block = NULL;
    int rc = MIX_OK;

    if (bytes > SIZE_MAX / 2)
        return MIX_FAIL(MIX_EFIT, "out of device memory: %zu bytes for %s", bytes, what);
    if (bytes < SMALL) {
        TRY(mix_alloc_aligned(&block, whole, what));
    } else {
        if (!a || a->size - a->used < whole) {
            TRY(add_arena(c, whole, what));
            a = c->arenas;
        }
        head.arena = a;
        block = a->base + a->used;
        a->used += whole;
        a->blocks++;
    }
    memcpy(block, &head, sizeof head);
    dev->allocated += bytes;
    *p = block + HEAD;
out:
    return rc;
}

static void cpu_release(struct mix_dev *dev, void *p)
{
    char *block = (char *)p - HEAD;
    struct cpu *c = (struct cpu *)dev;
    struct head head;

    memcpy(&head, block, sizeof head);
    dev->allocated -= head.bytes;
    if (!head.arena) {
        free(block);
    } else if (--head.arena->blocks == 0) {
        struct arena **a = &c->arenas;

        while (*a != head.arena)
            a = &(*a)->next;
        *a = head.arena->next;
        free_arena(head.arena);
    }
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
