/* mem.c - see mem.h. */
#include "base/mem.h"

#include "base/err.h"

#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

int mix_calloc(void *p, size_t count, size_t size, const char *what)
{
    void *got = NULL;

    if (count && !(got = calloc(count, size)))
        return MIX_FAIL(MIX_EFIT, "out of host memory: %zu x %zu bytes for %s", count, size, what);
    memcpy(p, &got, sizeof got);
    return MIX_OK;
}

int mix_alloc_aligned(void *p, size_t bytes, const char *what)
{
    size_t whole = (bytes + 63) / 64 * 64;
    void *got = NULL;

    if (whole < bytes || !(got = aligned_alloc(64, whole ? whole : 64)))
        return MIX_FAIL(MIX_EFIT, "out of host memory: %zu bytes for %s", bytes, what);
    memset(got, 0, whole);
    memcpy(p, &got, sizeof got);
    return MIX_OK;
}

int mix_grow(void *p, size_t *room, size_t need, size_t size, const char *what)
{
    void *old, *got;
    size_t more = *room + *room / 2;

    if (need <= *room)
        return MIX_OK;
    if (more < need)
        more = need < 16 ? 16 : need;
    memcpy(&old, p, sizeof old);
    got = more > SIZE_MAX / size ? NULL : realloc(old, more * size);
    if (!got)
        return MIX_FAIL(MIX_EFIT, "out of host memory: %zu x %zu bytes for %s", more, size, what);
    memcpy(p, &got, sizeof got);
    *room = more;
    return MIX_OK;
}

void mix_one_heap(void)
{
#ifdef M_ARENA_MAX /* glibc */
    mallopt(M_ARENA_MAX, 1);
#endif
}

size_t mix_rss(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    unsigned long long all, resident = 0;

    if (!f)
        return 0;
    if (fscanf(f, "%llu %llu", &all, &resident) != 2)
        resident = 0;
    fclose(f);
    return (size_t)resident * (size_t)sysconf(_SC_PAGESIZE);
}

size_t mix_peak_rss(void)
{
    struct rusage u;

    return getrusage(RUSAGE_SELF, &u) == 0 ? (size_t)u.ru_maxrss * 1024 : 0;
}
