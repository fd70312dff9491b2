/* note.h - what a sealed file says about itself: the text of its /run/seal.
 *
 * Pieces, shards and the merged file (one shard of all rows) have it.  JSON, so that later versions
 * can add to it.  The results do not depend on it: it is there to check that a file fits the job
 * and to count without reading it.
 *
 * Not collective; one thread at a time, over all HDF5 files of the process. */
#ifndef MIX_ENGINE_NOTE_H
#define MIX_ENGINE_NOTE_H

#include <stdint.h>

struct mix_results_file;
struct mix_str;

struct mix_note {
    int64_t first, count; /* rows of the shard; count 0: a merged file without rows */
    int64_t entries;      /* results in the file; not part of the text */
    int64_t failed;       /* of these with an error */
    int attempt, leader;
    uint64_t input; /* hash of the shard's input rows: mix_row_block_hash; merged: of the job's */
    uint64_t plan;  /* id of the numeric plan that computed it */
};

/* Name of the dataset in /run. */
extern const char mix_note_name[];

int mix_note_text(const struct mix_note *note, struct mix_str *out);

/* Of an open file; path is for the message.  MIX_EINPUT if it is not a sealed file. */
int mix_note_read(struct mix_note *note, struct mix_results_file *file, const char *path);

#endif
