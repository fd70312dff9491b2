/* results_form.h - what a result file consists of, for the sources that write and read it. */
#ifndef MIX_IO_RESULTS_FORM_H
#define MIX_IO_RESULTS_FORM_H

#include "io/h5set.h"
#include "io/results.h"

struct mix_hasher;

#define MIX_RESULTS_GROUP "/results"
#define MIX_RESULTS_RUN   "/run"

/* Attributes of the groups: the version of the form (int32), entries (int64), and a checksum of
 * what is in the group (uint64). */
#define MIX_RESULTS_FORMAT   "format"
#define MIX_RESULTS_ENTRIES  "entries"
#define MIX_RESULTS_CHECKSUM "checksum"

enum {
    MIX_RESULTS_VERSION = 1,
    MIX_RESULTS_CHUNK = 1024,        /* entries; part of the form: other chunks, other bytes */
    MIX_RESULTS_TOKEN_CHUNK = 16384, /* tokens */
    MIX_RESULTS_SEAL = 512,          /* bytes in front of the HDF5 file */
};

/* The datasets that every file has, in the order in which they are made and written. */
enum mix_results_set {
    MIX_RESULTS_ROW,
    MIX_RESULTS_SAMPLE,
    MIX_RESULTS_PROMPT_TOKENS,
    MIX_RESULTS_COMPLETION_TOKENS,
    MIX_RESULTS_FINISH_REASON,
    MIX_RESULTS_ERROR,
    MIX_RESULTS_TEXT,
    MIX_RESULTS_TOKENS,
    MIX_RESULTS_OFFSETS,   /* [entries + 1] */
    MIX_RESULTS_CUSTOM_ID, /* only if the schema says so */
    MIX_RESULTS_SETS,
};

const char *mix_results_set_name(enum mix_results_set set);
/* Type in the file; MIX_RESULTS_TEXT and its like: the given string type. */
hid_t mix_results_set_type(enum mix_results_set set, hid_t text);
/* Type in memory. */
hid_t mix_results_set_memory(enum mix_results_set set, hid_t text);

/* The checksum of /results: what the schema says, then every entry, in order. */
void mix_results_hash_schema(struct mix_hasher *h, const struct mix_results_schema *schema);
void mix_results_hash_entry(struct mix_hasher *h, const struct mix_result *entry,
                            const struct mix_columns *columns, int64_t row);
/* Write the seal of a closed file; check it (MIX_EINPUT if the file is not as it was sealed). */
int mix_results_seal(const char *path);
int mix_results_check_seal(const char *path);

/* The checksum of /run: every pair, by name. */
void mix_results_hash_run(struct mix_hasher *h, const char *name, const char *text);

#endif
