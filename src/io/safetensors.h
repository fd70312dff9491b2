/* safetensors.h - the weights of a model folder: which tensors there are, and their bytes.
 *
 * A folder holds model.safetensors, or model.safetensors.index.json and the shards
 * it names.  A file is 8 bytes n (little endian), n bytes of JSON
 *
 *   {"__metadata__": {text: text}, NAME: {"dtype": "BF16", "shape": [2, 3], "data_offsets": [a,
 * b]}}
 *
 * and the data, where tensor NAME is bytes [a, b), row-major.  (Format: README of
 * huggingface/safetensors.)  Opening reads and checks every header and no data, so
 * that a folder that opens is whole: ranges fit shapes, and fill the files without
 * holes or overlaps.  What is wrong is MIX_EINPUT with file, tensor, expected and
 * found.  Memory is in proportion to the headers, whatever they claim.
 *
 * Open and close: one thread.  Everything else: any thread.  Not collective. */
#ifndef MIX_IO_SAFETENSORS_H
#define MIX_IO_SAFETENSORS_H

#include "base/dtype.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MIX_TENSOR_RANK = 8 }; /* the largest number of dimensions */

struct mix_tensor {
    const char *name;
    char dtype_name[16]; /* as in the file: "BF16" */
    enum mix_dtype dtype;
    bool supported; /* false: dtype_name is none of base/dtype.h's, and dtype means nothing */
    int rank;       /* 0: a single number */
    uint64_t shape[MIX_TENSOR_RANK]; /* [rank], outermost first */
    int file;                        /* see mix_safetensors_path */
    uint64_t offset;                 /* of the first byte, from the start of the file */
    uint64_t bytes;
};

struct mix_safetensors;

/* The weights of a model folder; model.safetensors is taken before an index, as by transformers. */
int mix_safetensors_open(struct mix_safetensors **s, const char *dir);
/* One file by itself. */
int mix_safetensors_open_file(struct mix_safetensors **s, const char *path);
void mix_safetensors_close(struct mix_safetensors *s); /* NULL is allowed */

/* Tensors in the order of their names (strcmp); borrowed until close. */
size_t mix_safetensors_count(const struct mix_safetensors *s);
const struct mix_tensor *mix_safetensors_at(const struct mix_safetensors *s, size_t i);
/* NULL if there is none of that name. */
const struct mix_tensor *mix_safetensors_find(const struct mix_safetensors *s, const char *name);

int mix_safetensors_files(const struct mix_safetensors *s);                  /* their number */
const char *mix_safetensors_path(const struct mix_safetensors *s, int file); /* borrowed */
uint64_t mix_safetensors_bytes(const struct mix_safetensors *s);             /* of all tensors */

/* The value of a key of __metadata__ of a file, NULL if there is none; borrowed. */
const char *mix_safetensors_metadata(const struct mix_safetensors *s, int file, const char *key);

/* The same for equal file names, file sizes, headers and index; says nothing of the data. */
uint64_t mix_safetensors_identity(const struct mix_safetensors *s);

/* Bytes [offset, offset + bytes) of a tensor into dst, as they are in the file.  A tensor of an
 * unsupported type is MIX_EINPUT, a range that leaves the tensor MIX_EBUG. */
int mix_safetensors_read(const struct mix_safetensors *s, const struct mix_tensor *t,
                         uint64_t offset, size_t bytes, void *dst);

#endif
