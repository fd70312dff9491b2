/* folder.h - what the files of a job's folder, OUT.h5.job/, are called.
 *
 *   job.json, plan.json, lock
 *   ledger-ATTEMPT-LEADER              what one leader sealed in one attempt
 *   shard-FIRST-LAST.h5                results of rows FIRST to LAST, in row order
 *   piece-FIRST-LAST-ATTEMPT-LEADER-SEQ.h5   some results of that shard, in finish order
 *
 * LAST is the last row, not the one behind it.  The names carry all that a later
 * attempt needs to know, so that a file whose record was lost can be adopted.
 *
 * Pure; any thread; not collective. */
#ifndef MIX_ENGINE_FOLDER_H
#define MIX_ENGINE_FOLDER_H

#include <stdbool.h>
#include <stdint.h>

struct mix_str;

enum mix_folder_kind {
    MIX_FOLDER_OTHER, /* not ours */
    MIX_FOLDER_JOB,
    MIX_FOLDER_PLAN,
    MIX_FOLDER_LOCK,
    MIX_FOLDER_LEDGER,
    MIX_FOLDER_SHARD,
    MIX_FOLDER_PIECE,
};

struct mix_folder_name {
    enum mix_folder_kind kind;
    int64_t first, count; /* shards and pieces: the rows of the shard */
    int attempt, leader;  /* ledgers and pieces */
    int seq;              /* pieces: 0, 1, ... of the leader and shard */
    bool temp;            /* being written, or left over from that: NAME.tmp */
};

/* What a name says.  Kind MIX_FOLDER_OTHER for names that mix_folder_add never makes. */
struct mix_folder_name mix_folder_parse(const char *name);

/* Append the name. */
int mix_folder_add(struct mix_str *out, const struct mix_folder_name *name);

/* Replace *path by FOLDER/NAME. */
int mix_folder_path(struct mix_str *path, const char *folder, const struct mix_folder_name *name);

#endif
