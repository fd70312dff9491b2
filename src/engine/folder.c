/* folder.c - see folder.h.  A name is ours if what is read from it gives the same name again:
 * one rule instead of one for signs, zeros in front, blanks and overflow each. */
#include "engine/folder.h"

#include "base/err.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>

static const char temp_suffix[] = ".tmp"; /* as io/file.h has it */

int mix_folder_add(struct mix_str *out, const struct mix_folder_name *n)
{
    const char *temp = n->temp ? temp_suffix : "";
    long long first = n->first, last = n->first + n->count - 1;

    switch (n->kind) {
    case MIX_FOLDER_JOB:
        return mix_str_addf(out, "job.json%s", temp);
    case MIX_FOLDER_PLAN:
        return mix_str_addf(out, "plan.json%s", temp);
    case MIX_FOLDER_LOCK:
        return mix_str_addf(out, "lock%s", temp);
    case MIX_FOLDER_LEDGER:
        return mix_str_addf(out, "ledger-%d-%d%s", n->attempt, n->leader, temp);
    case MIX_FOLDER_SHARD:
        return mix_str_addf(out, "shard-%lld-%lld.h5%s", first, last, temp);
    case MIX_FOLDER_PIECE:
        return mix_str_addf(out, "piece-%lld-%lld-%d-%d-%d.h5%s", first, last, n->attempt,
                            n->leader, n->seq, temp);
    default:
        return MIX_FAIL(MIX_EBUG, "a job's folder has no files of kind %d", (int)n->kind);
    }
}

static bool range(struct mix_folder_name *n, long long first, long long last)
{
    if (first < 0 || last < first || last == INT64_MAX)
        return false;
    n->first = first;
    n->count = last - first + 1;
    return true;
}

static struct mix_folder_name read_name(const char *name)
{
    struct mix_folder_name n = {0};
    size_t len = strlen(name), suffix = sizeof temp_suffix - 1;
    long long first, last;

    if (len > suffix && strcmp(name + len - suffix, temp_suffix) == 0) {
        n.temp = true;
        len -= suffix;
    }
    if (len == 8 && memcmp(name, "job.json", len) == 0)
        n.kind = MIX_FOLDER_JOB;
    else if (len == 9 && memcmp(name, "plan.json", len) == 0)
        n.kind = MIX_FOLDER_PLAN;
    else if (len == 4 && memcmp(name, "lock", len) == 0)
        n.kind = MIX_FOLDER_LOCK;
    else if (sscanf(name, "ledger-%9d-%9d", &n.attempt, &n.leader) == 2)
        n.kind = MIX_FOLDER_LEDGER;
    else if (sscanf(name, "shard-%18lld-%18lld", &first, &last) == 2 && range(&n, first, last))
        n.kind = MIX_FOLDER_SHARD;
    else if (sscanf(name, "piece-%18lld-%18lld-%9d-%9d-%9d", &first, &last, &n.attempt, &n.leader,
                    &n.seq) == 5 &&
             range(&n, first, last))
        n.kind = MIX_FOLDER_PIECE;
    return n;
}

struct mix_folder_name mix_folder_parse(const char *name)
{
    struct mix_folder_name n = read_name(name);
    struct mix_str again = {0};

    if (n.attempt < 0 || n.leader < 0 || n.seq < 0 || n.kind == MIX_FOLDER_OTHER ||
        mix_folder_add(&again, &n) != MIX_OK || strcmp(again.s, name) != 0)
        n = (struct mix_folder_name){.kind = MIX_FOLDER_OTHER};
    mix_str_fini(&again);
    return n;
}

int mix_folder_path(struct mix_str *path, const char *folder, const struct mix_folder_name *name)
{
    int rc;

    mix_str_clear(path);
    rc = mix_str_addf(path, "%s/", folder);
    return rc ? rc : mix_folder_add(path, name);
}
