/* convert.h - .jsonl <-> .h5: what a file is, and which way it goes.
 *
 * What IN is, is told from its content; what OUT shall be, from its name: .h5 or
 * .hdf5, .jsonl or .ndjson, or /dev/... for lines that go into a pipe.
 *
 * Not collective; one thread at a time, over all HDF5 files of the process. */
#ifndef MIX_ENGINE_CONVERT_H
#define MIX_ENGINE_CONVERT_H

#include <stdint.h>

/* MIX_EUSAGE if that way does not go; else see import.h and export.h. */
int mix_convert(const char *in, const char *out, int64_t *rows);

#endif
