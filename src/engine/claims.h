/* claims.h - which rows of a job are sealed, and who gets the next ones.
 *
 * Rows 0 .. rows-1 in ranges that do not overlap: sealed shards, open shards (some
 * rows are sealed as pieces already) and claims handed out by this attempt.  What is
 * in none of them is free.  Claims come in a fixed order: open shards first, in row
 * order, whole, because their pieces wait for them; then free rows from the front,
 * free / (4 replicas) at a time, at least 1 and at most 1,024, never across a range
 * that is taken.  Large at first saves files and messages; small towards the end lets
 * all replicas end together.
 *
 * Pure: no files, no ranks, no time.  One thread; not collective. */
#ifndef MIX_ENGINE_CLAIMS_H
#define MIX_ENGINE_CLAIMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Rows of a shard.  A leader holds up to three at a time, 300 bytes a short row: with 4,096 rows 5
 * MiB of a rank's 73, with 1,024 half of that, and a file for 1,024 rows is large enough. */
enum { MIX_CLAIM_MOST = 1024 };

struct mix_claim {
    int64_t first, count; /* count 0: nothing is left */
    int32_t pieces;       /* number of sealed pieces of it that exist already */
};

enum mix_range_state { MIX_RANGE_SEALED, MIX_RANGE_OPEN, MIX_RANGE_CLAIMED };

struct mix_range {
    int64_t first, count;
    enum mix_range_state state;
    int32_t pieces; /* of an open or claimed one */
};

struct mix_claims;

int mix_claims_create(struct mix_claims **claims, int64_t rows);
void mix_claims_destroy(struct mix_claims *claims); /* NULL is allowed */

/* May a range be added?  Not if it is empty, reaches outside the rows or overlaps one that is
 * there: of two attempts that did the same rows the first one told of wins. */
bool mix_claims_fits(const struct mix_claims *claims, int64_t first, int64_t count);

/* A sealed shard, or an open one with so many pieces.  Before the first claim; MIX_EBUG if it does
 * not fit. */
int mix_claims_sealed(struct mix_claims *claims, int64_t first, int64_t count);
int mix_claims_open(struct mix_claims *claims, int64_t first, int64_t count, int32_t pieces);

/* The next claim for one of so many replicas; count 0 when nothing is left. */
int mix_claims_next(struct mix_claims *claims, int replicas, struct mix_claim *claim);

/* Rows that are neither sealed nor handed out, those of open shards among them. */
int64_t mix_claims_left(const struct mix_claims *claims);

/* All ranges by first row; borrowed until the next change. */
const struct mix_range *mix_claims_ranges(const struct mix_claims *claims, size_t *count);

/* Do the ranges, of whatever state, make up [0, rows)?  If not, *first is the first row outside. */
bool mix_claims_whole(const struct mix_claims *claims, int64_t *first);

#endif
