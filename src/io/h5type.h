/* h5type.h - an HDF5 datatype taken apart once, so that values can be walked.
 *
 * Pass-through columns keep the type that the user's file gave them, whatever
 * it is.  Copying, hashing and printing such values needs to know where the
 * pointers, the padding and the numbers are: this tree says so.  Values are in
 * the form in which H5Dread gives them for the very type of the dataset: numbers
 * in the file's own byte order, variable-length ones as pointers.
 *
 * References are refused: they point into the file they come from.
 *
 * Host only, one thread; not collective. */
#ifndef MIX_IO_H5TYPE_H
#define MIX_IO_H5TYPE_H

#include "io/h5arena.h"

#include <hdf5.h>
#include <stdbool.h>
#include <stddef.h>

struct mix_hasher;
struct mix_str;

enum mix_h5kind {
    MIX_H5_INT,
    MIX_H5_FLOAT,
    MIX_H5_BOOL, /* h5py's: an enum of FALSE and TRUE */
    MIX_H5_ENUM,
    MIX_H5_TEXT,     /* a string of fixed length */
    MIX_H5_VAR_TEXT, /* a char * */
    MIX_H5_VAR,      /* an hvl_t of base */
    MIX_H5_ARRAY,    /* count of base */
    MIX_H5_COMPOUND, /* members */
    MIX_H5_RAW,      /* opaque, bit field, time: bytes */
};

struct mix_h5member;

struct mix_h5type {
    enum mix_h5kind kind;
    hid_t id;    /* owned */
    size_t size; /* bytes of one value in memory */
    bool flat;   /* all bytes are content: no pointers, no padding */
    bool points; /* holds pointers */
    struct mix_h5type *base;
    size_t count; /* of base, or of members */
    struct mix_h5member *member;
};

struct mix_h5member {
    char *name;
    size_t offset;
    struct mix_h5type *type;
};

/* Take a type apart; the tree has a copy of id.  On a type that cannot be passed through, MIX_OK
 * with *type NULL and *why what is wrong with it (a constant). */
int mix_h5type_create(struct mix_h5type **type, hid_t id, const char **why);
void mix_h5type_destroy(struct mix_h5type *type); /* NULL is allowed */

/* What a person calls it: "variable-length string", "int64", "float32", "bool", "compound". */
const char *mix_h5type_name(hid_t id);

/* After value was copied bit by bit: give it its own copies of what it points to. */
int mix_h5type_own(const struct mix_h5type *type, void *value, struct mix_h5arena *arena);

/* Feed the content of a value; equal content gives equal bytes, wherever it lies. */
void mix_h5type_hash(const struct mix_h5type *type, const void *value, struct mix_hasher *h);

/* The bytes of a string value (MIX_H5_TEXT, MIX_H5_VAR_TEXT), without its padding. */
const char *mix_h5type_text(const struct mix_h5type *type, const void *value, size_t *len);

/* Append a value as JSON; see mix_columns_json in io/columns.h for the form. */
int mix_h5type_json(const struct mix_h5type *type, const void *value, struct mix_str *out);
/* Append s[0..n) as a JSON string; what is not UTF-8 becomes U+FFFD. */
int mix_h5type_json_text(const char *s, size_t n, struct mix_str *out);

#endif
