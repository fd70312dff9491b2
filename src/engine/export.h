/* export.h - HDF5 to JSON lines: prompts as an OpenAI batch, results an object an entry.
 *
 *   prompts   {"custom_id":"a7","method":"POST","url":"/v1/completions",
 *              "body":{"prompt":"Hello","max_tokens":5},"answer":"hi"}
 *   results   {"row":0,"sample":0,"text":"hi","finish_reason":"stop","prompt_tokens":3,
 *              "completion_tokens":2,"custom_id":"a7","answer":"hi"}
 *
 * Prompts without an id get "row-N".  Parameters that are not set, and the error of a row without
 * one, are left out.  Columns follow as members of their names.  The file appears whole or not at
 * all (io/file.h); one that is no regular file, as /dev/stdout, is written as it goes.
 *
 * Memory is that of a few hundred rows.  MIX_EINPUT names the row that JSON cannot hold.  Not
 * collective; one thread at a time, over all HDF5 files of the process. */
#ifndef MIX_ENGINE_EXPORT_H
#define MIX_ENGINE_EXPORT_H

#include <stdint.h>

/* *rows (may be NULL): how many lines were written. */
int mix_export_prompts(const char *in, const char *out, int64_t *rows);
int mix_export_results(const char *in, const char *out, int64_t *rows);

#endif
