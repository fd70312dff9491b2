/* json_file.h - a JSON file of a model folder, with error lines that name the member.
 *
 * One thread; not collective. */
#ifndef MIX_TEXT_JSON_FILE_H
#define MIX_TEXT_JSON_FILE_H

#include "base/str.h"

#include <jansson.h>
#include <stdbool.h>

struct mix_json_file {
    struct mix_str path; /* of the file */
    json_t *root;        /* an object; NULL: there is no such file */
};

/* Read dir/name into *f, which is all zero.  MIX_EINPUT if it is not to be read or no JSON object,
 * or if it is missing and must be there. */
int mix_json_open(struct mix_json_file *f, const char *dir, const char *name, bool must);
void mix_json_close(struct mix_json_file *f); /* {0} is allowed */

/* MIX_EINPUT, with the file's name in front of the text. */
int mix_json_bad(const struct mix_json_file *f, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* object.name, which must be true or false; if it is absent or null, the value of absent.  where
 * is the name of the object. */
int mix_json_bool(const struct mix_json_file *f, const json_t *object, const char *where,
                  const char *name, bool absent, bool *value);

const char *mix_json_type(const json_t *object); /* its member "type", or NULL */

/* MIX_EINPUT: the object called where has a type that is none of the supported ones. */
int mix_json_unsupported(const struct mix_json_file *f, const char *where, const json_t *object,
                         const char *supported);

#endif
