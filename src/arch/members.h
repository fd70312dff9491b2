/* members.h - the members of a JSON object in a file, each with its type and range.
 *
 * A member that is missing, mistyped or out of range is MIX_EINPUT with one line:
 * file, member, expected, found.  null counts as missing.  Keys may name a second
 * spelling after a bar, "torch_dtype|dtype": the first that is there is taken.
 *
 * Any thread; not collective. */
#ifndef MIX_ARCH_MEMBERS_H
#define MIX_ARCH_MEMBERS_H

#include <jansson.h>
#include <stdbool.h>

struct mix_members {
    const char *path;     /* of the file, for messages */
    const char *parent;   /* "" or "rope_scaling.", likewise */
    const json_t *object; /* borrowed */
};

/* Read a file that holds one object; json_decref(*root).  A missing file is MIX_EINPUT; a file of
 * more than 16 MiB, too: a configuration has a few KiB. */
int mix_members_load(json_t **root, const char *path);

/* The value of a member, or NULL; borrowed. */
const json_t *mix_members_get(const struct mix_members *m, const char *key);

/* Required members; real takes integers, too. */
int mix_members_int(const struct mix_members *m, const char *key, int least, int most, int *v);
int mix_members_real(const struct mix_members *m, const char *key, double least, double most,
                     double *v);

/* Optional ones: *v is left alone if the member is missing. */
int mix_members_int_or(const struct mix_members *m, const char *key, int least, int most, int *v);
int mix_members_real_or(const struct mix_members *m, const char *key, double least, double most,
                        double *v);
int mix_members_bool_or(const struct mix_members *m, const char *key, bool *v);
/* *v is borrowed. */
int mix_members_text_or(const struct mix_members *m, const char *key, const char **v);
/* An integer or a list of at most room; *n is how many, left alone if the member is missing. */
int mix_members_ints_or(const struct mix_members *m, const char *key, int least, int most, int *v,
                        int room, int *n);

/* Log that the member is wrong and what was found, and return MIX_EINPUT. */
int mix_members_wrong(const struct mix_members *m, const char *key, const char *expected_fmt, ...)
    __attribute__((nonnull(3), format(printf, 3, 4)));

#endif
