/* extras.h - members of JSON lines as columns that pass through.
 *
 * HDF5 columns have one type, members of lines have one each.  So all rows are
 * looked at first, then a member's column is
 *
 *   int64     all values are integers, and each row has one
 *   float64   all are numbers; NaN where a row has none, or null
 *   bool      all are true or false, and each row has one
 *   text      otherwise: texts as they are, the rest as JSON; "" where a row has none
 *
 * Integers beyond 2^53 are text rather than float64.  One thread; not collective. */
#ifndef MIX_ENGINE_EXTRAS_H
#define MIX_ENGINE_EXTRAS_H

#include <stdint.h>

struct mix_columns;

enum { MIX_EXTRAS_MOST = 1000 }; /* different members: more are data used as names */

struct mix_extras;

int mix_extras_create(struct mix_extras **extras);
void mix_extras_destroy(struct mix_extras *extras); /* NULL is allowed */

/* Look at the next row.  object: a JSON object's text, as mix_jsonl_row's extra; NULL: none.  *why
 * is NULL, or says why the row's members cannot be columns (borrowed); that is no failure. */
int mix_extras_look(struct mix_extras *extras, const char *object, const char **why);

/* A new set of columns without rows, for what was looked at. */
int mix_extras_columns(const struct mix_extras *extras, struct mix_columns **columns);

/* Append a row that was looked at to such a set. */
int mix_extras_append(const struct mix_extras *extras, const char *object,
                      struct mix_columns *columns);

#endif
