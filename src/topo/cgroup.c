/* cgroup.c - the memory and the cpus that containers and batch systems allow.
 *
 * Every level up to the root may set a limit, and the smallest counts.  A
 * container often sees the path of the outer machine in /proc/self/cgroup but
 * only its own part of the tree: levels that are not there are skipped. */
#include "topo/topo_private.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first line of a file without its newline; false if it cannot be read. */
static bool first_line(const char *path, char *line, int room)
{
    FILE *f = fopen(path, "re");
    bool got = f && fgets(line, room, f);

    if (f)
        fclose(f);
    if (got)
        line[strcspn(line, "\n")] = '\0';
    return got;
}

/* The path of our cgroup for a controller of version 1, or of version 2 ("").  False: none. */
static bool own_path(const char *root, const char *controller, char *path, size_t room)
{
    char name[PATH_MAX], line[PATH_MAX];
    bool found = false;
    FILE *f;

    snprintf(name, sizeof name, "%s/proc/self/cgroup", root);
    if (!(f = fopen(name, "re")))
        return false;
    while (!found && fgets(line, sizeof line, f)) { /* 4:cpu,cpuacct:/a/b */
        char *at = strchr(line, ':'), *end = at ? strchr(at + 1, ':') : NULL;

        line[strcspn(line, "\n")] = '\0';
        if (!end)
            continue;
        *end = '\0';
        if (*controller == '\0')
            found = at[1] == '\0';
        for (char *word = strtok(at + 1, ","); word && *controller; word = strtok(NULL, ","))
            found |= strcmp(word, controller) == 0;
        if (found)
            snprintf(path, room, "%s", end + 1);
    }
    fclose(f);
    return found;
}

/* Call see with every directory from our cgroup up to its root. */
static void walk(const char *root, const char *mount, const char *controller,
                 void (*see)(const char *dir, void *ctx), void *ctx)
{
    char path[PATH_MAX], dir[2 * PATH_MAX];

    if (!own_path(root, controller, path, sizeof path))
        return;
    for (;;) {
        char *slash = strrchr(path, '/');

        snprintf(dir, sizeof dir, "%s%s%s", root, mount, path);
        see(dir, ctx);
        if (!slash)
            return;
        *slash = '\0';
    }
}

static void walk_all(const char *root, const char *controller,
                     void (*see)(const char *dir, void *ctx), void *ctx)
{
    char mount[64];

    snprintf(mount, sizeof mount, "/sys/fs/cgroup/%s", controller);
    walk(root, mount, controller, see, ctx);
    walk(root, "/sys/fs/cgroup", "", see, ctx);
    walk(root, "/sys/fs/cgroup/unified", "", see, ctx);
}

static void see_memory(const char *dir, void *ctx)
{
    static const char *const file[] = {"memory.max", "memory.limit_in_bytes"};
    char path[2 * PATH_MAX + 32], line[64];
    uint64_t *least = ctx;

    for (int i = 0; i < 2; i++) {
        unsigned long long x;

        snprintf(path, sizeof path, "%s/%s", dir, file[i]);
        if (first_line(path, line, sizeof line) && sscanf(line, "%llu", &x) == 1 && x < *least)
            *least = x; /* "max" is no number */
    }
}

uint64_t mix_cgroup_memory(const char *root)
{
    uint64_t least = UINT64_MAX;

    walk_all(root, "memory", see_memory, &least);
    return least;
}

static void see_cpus(const char *dir, void *ctx)
{
    char path[2 * PATH_MAX + 32], line[64];
    long long quota = -1, period = 0;
    int *least = ctx;

    snprintf(path, sizeof path, "%s/cpu.max", dir); /* "200000 100000", "max 100000" */
    if (!first_line(path, line, sizeof line) || sscanf(line, "%lld %lld", &quota, &period) != 2) {
        snprintf(path, sizeof path, "%s/cpu.cfs_quota_us", dir); /* -1: none */
        if (!first_line(path, line, sizeof line) || sscanf(line, "%lld", &quota) != 1)
            return;
        snprintf(path, sizeof path, "%s/cpu.cfs_period_us", dir);
        if (!first_line(path, line, sizeof line) || sscanf(line, "%lld", &period) != 1)
            return;
    }
    if (quota > 0 && period > 0) {
        long long cpus = quota / period > 0 ? quota / period : 1;

        if (cpus < INT_MAX && (*least == 0 || cpus < *least))
            *least = (int)cpus;
    }
}

int mix_cgroup_cpus(const char *root)
{
    int least = 0;

    walk_all(root, "cpu", see_cpus, &least);
    return least;
}
