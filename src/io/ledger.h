/* ledger.h - what a leader has sealed: a file of records that only grows.
 *
 * One file a leader and attempt.  A record is appended after the file that it
 * speaks of has its final name, so that what is in the ledger is on the disk; a
 * file without a record is looked for by the reader of the job folder.
 *
 *   record on disk    length (4 bytes), CRC-32C of length and payload (4 bytes), payload;
 *                     both numbers little endian
 *   payload           one JSON object:
 *                     {"kind":"piece","first":0,"last":511,"file":"piece-1-0-7.h5","bytes":123,
 *                      "attempt":1,"plan":"0123456789abcdef"}
 *
 * JSON, because a person can read it with strings(1), it has no byte order, and a
 * later version can add members; a record is written once in 30 s, so its size
 * does not matter.  64-bit hashes are text: JSON's integers are signed.
 *
 * A killed writer leaves a torn last record, a damaged disk a wrong one.  Reading
 * gives the records before the first that is not whole and right, never more.
 *
 * One writer a file; readers may read meanwhile.  Not collective. */
#ifndef MIX_IO_LEDGER_H
#define MIX_IO_LEDGER_H

#include <stddef.h>
#include <stdint.h>

enum mix_ledger_kind {
    MIX_LEDGER_PIECE, /* some finished rows of the shard first..last */
    MIX_LEDGER_SHARD, /* all rows first..last, in order */
    MIX_LEDGER_KINDS,
};

struct mix_ledger_record {
    enum mix_ledger_kind kind;
    int64_t first, last; /* rows of the shard, both included: 0 <= first <= last */
    char file[128];      /* name in the ledger's folder, without '/' */
    uint64_t bytes;      /* its size, below 2^63 */
    int32_t attempt;     /* 1, 2, ... */
    uint64_t plan;       /* id of the numeric plan that computed it */
};

/* ---- reading */

/* All whole records in order of writing; free() *records, which is NULL when there are none.
 * *cut (may be NULL): bytes after them, which are no record.  A torn or damaged tail is not a
 * failure; a record that is whole but not of this version is MIX_EINPUT, a disk that refuses
 * MIX_ESTORAGE. */
int mix_ledger_read(const char *path, struct mix_ledger_record **records, size_t *count,
                    size_t *cut);

/* ---- writing */

struct mix_ledger;

/* Create the file, or go on after its last whole record (the tail behind it is removed). */
int mix_ledger_open(struct mix_ledger **ledger, const char *path);
void mix_ledger_close(struct mix_ledger *ledger); /* NULL is allowed */

/* One write, one fdatasync: after MIX_OK the record survives a power cut.  After a failure
 * (MIX_ESTORAGE) the file is as before, as far as the disk lets us, and the call may be repeated.
 * A record that breaks the bounds above is MIX_EBUG. */
int mix_ledger_append(struct mix_ledger *ledger, const struct mix_ledger_record *record);

#endif
