/* probe.c - one rank looks at its machine. */
#include "topo/topo_private.h"

#include "base/err.h"
#include "base/hash.h"

#include <hwloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#if defined __x86_64__
#include <cpuid.h>
#endif

/* ---- instruction set */

#if defined __x86_64__
/* Tiles need the processor (leaf 7, EDX 22 and 24) and the system (XCR0 17 and 18): Intel SDM. */
static bool has_amx_bf16(void)
{
    unsigned a, b, c, d, low, high;

    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c >> 27 & 1)) /* XGETBV may be used */
        return false;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d >> 22 & 1) || !(d >> 24 & 1))
        return false;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low >> 17 & 3) == 3;
}

static const char *isa(void)
{
    __builtin_cpu_init();
    if (has_amx_bf16())
        return "amx_bf16";
    if (__builtin_cpu_supports("avx512bf16"))
        return "avx512_bf16";
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return "avx512";
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return "avx2";
    return "x86_64";
}
#else
static const char *isa(void)
{
    static struct utsname u;

    return uname(&u) == 0 ? u.machine : "unknown";
}
#endif

/* ---- cores */

static int hash_set(hwloc_const_bitmap_t set, uint64_t *hash)
{
    char *text = NULL;

    if (hwloc_bitmap_asprintf(&text, set) < 0)
        return MIX_FAIL(MIX_EFIT, "out of host memory: a set of cpus");
    *hash = mix_hash(text, strlen(text));
    free(text);
    return MIX_OK;
}

/* Cores with at least one cpu in set; on machines that hide their cores, cpus. */
static int count_cores(hwloc_topology_t topology, hwloc_const_bitmap_t set)
{
    int n = 0;

    for (hwloc_obj_t o = NULL; (o = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_CORE, o));)
        n += hwloc_bitmap_intersects(o->cpuset, set);
    return n ? n : hwloc_bitmap_weight(set);
}

static int look_at_cores(struct mix_topo_seen *s)
{
    hwloc_topology_t topology = NULL;
    hwloc_bitmap_t mine = NULL;
    int rc = MIX_OK;

    if (hwloc_topology_init(&topology)) {
        rc = MIX_FAIL(MIX_EFIT, "out of host memory: hwloc's view of this host");
        goto out;
    }
    /* Only cores: caches and devices cost time and are not asked for. */
    hwloc_topology_set_all_types_filter(topology, HWLOC_TYPE_FILTER_KEEP_NONE);
    hwloc_topology_set_type_filter(topology, HWLOC_OBJ_CORE, HWLOC_TYPE_FILTER_KEEP_ALL);
    /* Also what the cgroup forbids, to say how much of the host is not used. */
    hwloc_topology_set_flags(topology, HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED);
    if (hwloc_topology_load(topology) || !(mine = hwloc_bitmap_alloc())) {
        rc = MIX_FAIL(MIX_EBUG, "hwloc cannot see this host's cores");
        goto out;
    }
    s->rank.host_cores = count_cores(topology, hwloc_topology_get_topology_cpuset(topology));
    if (hwloc_get_cpubind(topology, mine, HWLOC_CPUBIND_PROCESS) || hwloc_bitmap_iszero(mine))
        hwloc_bitmap_copy(mine, hwloc_topology_get_allowed_cpuset(topology));
    hwloc_bitmap_and(mine, mine, hwloc_topology_get_allowed_cpuset(topology));
    s->cores = count_cores(topology, mine);
    TRY(hash_set(mine, &s->cpuset));
out:
    hwloc_bitmap_free(mine);
    if (topology)
        hwloc_topology_destroy(topology);
    return rc;
}

/* ---- all of it */

static uint64_t host_memory(void)
{
    return (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
}

int mix_topo_look(struct mix_topo_seen *s)
{
    struct mix_topo_seen seen = {0};
    uint64_t limit = mix_cgroup_memory("");
    int rc;

    if (gethostname(seen.rank.host, sizeof seen.rank.host - 1))
        strcpy(seen.rank.host, "unknown");
    strncpy(seen.rank.isa, isa(), sizeof seen.rank.isa - 1);
    seen.rank.memory = limit < host_memory() ? limit : host_memory();
    seen.quota = mix_cgroup_cpus("");
    TRY(look_at_cores(&seen));
    *s = seen;
out:
    return rc;
}

int mix_topo_probe(struct mix_topo_rank *r)
{
    struct mix_topo t = {.rank = r};
    struct mix_topo_seen seen;
    int rc;

    TRY(mix_topo_look(&seen));
    mix_topo_arrange(&t, &seen, 1);
out:
    return rc;
}
