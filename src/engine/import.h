/* import.h - JSON lines to HDF5: an OpenAI batch file as prompts.
 *
 * The lines of text/jsonl_row.h.  /prompts gets text, or tokens and offsets; the
 * parameters that some line sets; custom_id, unless every line has the "row-N" that
 * export.h gives to prompts without one; and a column for each member beside body
 * (extras.h).  The file is read twice: what types the columns have is known after the
 * last line.  The HDF5 file appears whole or not at all.
 *
 * A line that could not be run, texts beside token ids, and a zero byte, which HDF5
 * strings cannot hold, are MIX_EINPUT naming the line.  Results are MIX_EUSAGE: only a
 * run makes them.
 *
 * Memory is that of a few hundred rows.  Not collective; one thread at a time, over
 * all HDF5 files of the process. */
#ifndef MIX_ENGINE_IMPORT_H
#define MIX_ENGINE_IMPORT_H

#include <stdint.h>

/* *rows (may be NULL): how many there are. */
int mix_import_prompts(const char *in, const char *out, int64_t *rows);

#endif
