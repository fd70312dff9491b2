/* topo.c - limits of cgroups from trees made here, hosts and threads from views made here. */
#include "topo/topo_private.h"

#include "base/err.h"
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- cgroups: a folder that stands for the root of a file system */

static char root[64];

static void put(const char *path, const char *text)
{
    char full[512];
    FILE *f;

    snprintf(full, sizeof full, "%s%s", root, path);
    for (char *at = full + strlen(root) + 1; (at = strchr(at, '/')); at++) {
        *at = '\0';
        mkdir(full, 0700);
        *at = '/';
    }
    if ((f = fopen(full, "w"))) {
        fputs(text, f);
        fclose(f);
    }
}

static void new_root(void)
{
    snprintf(root, sizeof root, "topo-%d", (int)getpid());
    if (mkdir(root, 0700))
        perror(root);
}

static void drop_root(void)
{
    char command[128];

    snprintf(command, sizeof command, "rm -rf ./%s", root);
    if (system(command))
        fprintf(stderr, "# %s remains\n", root);
}

static void cgroup_none(void)
{
    new_root();
    ok(mix_cgroup_memory(root) == UINT64_MAX && mix_cgroup_cpus(root) == 0, "no cgroups at all");
    put("/proc/self/cgroup", "0::/job\n");
    ok(mix_cgroup_memory(root) == UINT64_MAX && mix_cgroup_cpus(root) == 0, "none that limits");
    put("/proc/self/cgroup", "nonsense\n\n:\n0:\n");
    ok(mix_cgroup_memory(root) == UINT64_MAX && mix_cgroup_cpus(root) == 0, "lines of nonsense");
    drop_root();
}

static void cgroup_v2(void)
{
    new_root();
    put("/proc/self/cgroup", "0::/slurm/job7/step0\n");
    put("/sys/fs/cgroup/slurm/job7/step0/memory.max", "max\n");
    put("/sys/fs/cgroup/slurm/job7/memory.max", "4000000000\n");
    put("/sys/fs/cgroup/slurm/memory.max", "8000000000\n");
    put("/sys/fs/cgroup/slurm/job7/step0/cpu.max", "max 100000\n");
    put("/sys/fs/cgroup/slurm/cpu.max", "350000 100000\n");
    ok(mix_cgroup_memory(root) == 4000000000u, "version 2: the smallest limit on the way up");
    ok(mix_cgroup_cpus(root) == 3, "3.5 cpus are 3");
    put("/sys/fs/cgroup/cpu.max", "50000 100000\n");
    ok(mix_cgroup_cpus(root) == 1, "half a cpu is one");
    put("/sys/fs/cgroup/cpu.max", "-5 0\n");
    put("/sys/fs/cgroup/slurm/memory.max", "garbage\n");
    ok(mix_cgroup_cpus(root) == 3 && mix_cgroup_memory(root) == 4000000000u, "garbage is no limit");
    drop_root();
}

static void cgroup_v1(void)
{
    new_root();
    put("/proc/self/cgroup", "5:cpu,cpuacct:/a\n4:memory:/a/b\n0::/\n");
    put("/sys/fs/cgroup/memory/a/b/memory.limit_in_bytes", "9223372036854771712\n");
    put("/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "123456789\n");
    put("/sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "-1\n");
    put("/sys/fs/cgroup/cpu/a/cpu.cfs_period_us", "100000\n");
    ok(mix_cgroup_memory(root) == 123456789, "version 1: memory");
    ok(mix_cgroup_cpus(root) == 0, "version 1: -1 is no limit of cpus");
    put("/sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "800000\n");
    ok(mix_cgroup_cpus(root) == 8, "version 1: 8 cpus");
    drop_root();
}

/* A container sees the outer path but only its own tree. */
static void cgroup_container(void)
{
    new_root();
    put("/proc/self/cgroup", "4:memory:/docker/0123abc\n0::/\n");
    put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "777\n");
    ok(mix_cgroup_memory(root) == 777, "a container's own root");
    drop_root();
}

/* ---- hosts */

static struct mix_topo_seen view(const char *host, uint64_t cpuset, int cores, int quota)
{
    struct mix_topo_seen s = {.cpuset = cpuset, .cores = cores, .quota = quota};

    snprintf(s.rank.host, sizeof s.rank.host, "%s", host);
    snprintf(s.rank.isa, sizeof s.rank.isa, "avx2");
    s.rank.host_cores = 8;
    s.rank.memory = (uint64_t)3 << 30;
    return s;
}

static void hosts(void)
{
    /* dealt out, one bound rank among unbound ones, a host of a single rank */
    struct mix_topo_seen seen[] = {view("b", 1, 7, 0), view("a", 1, 8, 0), view("b", 1, 7, 0),
                                   view("b", 9, 1, 0), view("c", 1, 8, 3), view("b", 1, 7, 0)};
    static const struct {
        int host, local, locals, threads, cores;
    } want[] = {{0, 0, 4, 3, 8}, {1, 0, 1, 8, 8}, {0, 1, 4, 2, 8},
                {0, 2, 4, 1, 8}, {2, 0, 1, 3, 3}, {0, 3, 4, 2, 8}};
    struct mix_topo_rank room[6];
    struct mix_topo t = {.rank = room};
    int a, b;

    mix_topo_arrange(&t, seen, 6);
    ok(t.ranks == 6 && t.hosts == 3, "three hosts");
    for (int i = 0; i < 6; i++)
        ok(room[i].host_index == want[i].host && room[i].local_rank == want[i].local &&
               room[i].local_ranks == want[i].locals && room[i].threads == want[i].threads &&
               room[i].cores == want[i].cores,
           "rank %d: host %d, place %d of %d, %d threads, %d cores", i, want[i].host, want[i].local,
           want[i].locals, want[i].threads, want[i].cores);
    ok(!mix_topo_mixed(&t, &a, &b), "all of one kind");
    strcpy(room[4].isa, "avx512");
    ok(mix_topo_mixed(&t, &a, &b) && a == 0 && b == 4, "one of another kind is found");
}

static void crowded(void)
{
    struct mix_topo_seen seen[8];
    struct mix_topo_rank room[8];
    struct mix_topo t = {.rank = room};
    bool good = true;

    for (int i = 0; i < 8; i++)
        seen[i] = view("h", 5, 2, 0);
    mix_topo_arrange(&t, seen, 8);
    for (int i = 0; i < 8; i++)
        good &= room[i].threads == 1 && room[i].cores == 2;
    ok(good, "8 ranks on 2 cores have a thread each");
    for (int i = 0; i < 4; i++)
        seen[i] = view("h", (uint64_t)i, 16, 6); /* bound to 16 cores each, 6 cpus in all */
    mix_topo_arrange(&t, seen, 4);
    ok(room[0].threads == 2 && room[1].threads == 2 && room[2].threads == 1 &&
           room[3].threads == 1 && room[3].cores == 6,
       "a quota is shared");
    mix_topo_arrange(&t, seen, 0);
    ok(t.ranks == 0 && t.hosts == 0, "no ranks");
}

static void table(void)
{
    struct mix_topo_seen seen[4] = {view("a07", 1, 8, 0), view("a07", 1, 8, 0),
                                    view("a08", 1, 8, 0), view("a08", 1, 8, 0)};
    struct mix_topo_rank room[40];
    struct mix_topo t = {.rank = room};
    struct mix_str s = {0};
    struct mix_topo_seen many[40];

    mix_topo_arrange(&t, seen, 4);
    ok(mix_topo_table(&t, &s) == MIX_OK &&
           strcmp(s.s, "a07               ranks 0-1          threads   8 of   8 cores  memory 3.00 "
                       "GiB    avx2\n"
                       "a08               ranks 2-3          threads   8 of   8 cores  memory 3.00 "
                       "GiB    avx2\n") == 0,
       "two hosts are two lines");
    mix_str_clear(&s);
    for (int i = 0; i < 4; i++)
        seen[i] = view(i % 2 ? "odd" : "even", (uint64_t)i, 1, 0);
    mix_topo_arrange(&t, seen, 4);
    ok(mix_topo_table(&t, &s) == MIX_OK && strstr(s.s, "ranks 0, ... ") &&
           strstr(s.s, "even: the launcher leaves 6 of 8 cores unused"),
       "ranks dealt out to hosts, bound to a core each");
    mix_str_clear(&s);
    for (int i = 0; i < 40; i++) {
        char host[16];

        snprintf(host, sizeof host, "n%02d", i);
        many[i] = view(host, 1, 8, 0);
    }
    mix_topo_arrange(&t, many, 40);
    ok(mix_topo_table(&t, &s) == MIX_OK && strstr(s.s, "n15 ") && !strstr(s.s, "n16 ") &&
           strstr(s.s, "and 24 hosts more\n"),
       "many hosts are not all listed");
    mix_str_fini(&s);
    ok(mix_topo_table(&(struct mix_topo){0}, &s) == MIX_OK && !s.s, "none is nothing");
}

static void here(void)
{
    struct mix_topo_rank r = {0};
    char name[64] = "";

    gethostname(name, sizeof name - 1);
    ok(mix_topo_probe(&r) == MIX_OK, "this host can be looked at");
    ok(strcmp(r.host, name) == 0 && r.host_index == 0 && r.local_rank == 0 && r.local_ranks == 1,
       "it is %s, alone", name);
    ok(r.threads >= 1 && r.threads <= r.host_cores, "%d threads of %d cores", r.threads,
       r.host_cores);
    ok(r.threads <= sysconf(_SC_NPROCESSORS_ONLN), "not more than the system says");
    ok(r.memory > 1 << 20 &&
           r.memory <= (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE),
       "memory is not more than the host has");
    ok(r.isa[0] != '\0', "it computes with %s", r.isa);
}

int main(void)
{
    cgroup_none();
    cgroup_v2();
    cgroup_v1();
    cgroup_container();
    hosts();
    crowded();
    table();
    here();
    return tap_done();
}
