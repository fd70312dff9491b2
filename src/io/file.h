/* file.h - whole small files, exact reads, and writes that a crash cannot tear.
 *
 * A file of a job is either absent or complete.  It is written under the name
 * PATH.tmp in the same folder, synced, renamed, and the folder is synced: after
 * MIX_OK it survives a power cut; before that the old content, or none, is there.
 * The temporary name is always the same, so that a killed writer's leftover is
 * overwritten by the next one; hence one writer a path at a time.  Whoever lists a
 * folder passes over names that mix_file_is_temp knows.
 *
 * Codes: what the user gave us to read and is missing, no regular file, too large or
 * too short is MIX_EINPUT; whatever the file system refuses otherwise is MIX_ESTORAGE.
 * Every line names the path and the cause; a full disk says what to do.
 *
 * Any thread (each call by itself); not collective. */
#ifndef MIX_IO_FILE_H
#define MIX_IO_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mix_str;

/* ---- asking */

bool mix_file_exists(const char *path); /* of any kind; false also where we may not look */
int mix_file_size(const char *path, uint64_t *bytes); /* a regular file's */
bool mix_file_is_temp(const char *name);              /* does it end in ".tmp"? */

/* ---- reading */

/* Open a regular file for mix_file_pread; the caller closes *fd.  bytes: its size, may be NULL. */
int mix_file_open(const char *path, int *fd, uint64_t *bytes);

/* Exactly bytes at offset of fd into dst; a file that ends before is MIX_EINPUT.  path is only
 * for the message. */
int mix_file_pread(int fd, const char *path, void *dst, size_t bytes, uint64_t offset);

/* The whole file, appended to *content; more than limit bytes is MIX_EINPUT, found before
 * anything is allocated. */
int mix_file_read(struct mix_str *content, const char *path, uint64_t limit);

/* ---- writing */

/* Bytes at offset of fd, in one write(2) unless the system cuts it. */
int mix_file_pwrite(int fd, const char *path, const void *src, size_t bytes, uint64_t offset);

/* Replace path by these bytes, atomically and durably. */
int mix_file_write(const char *path, const void *src, size_t bytes);

/* The same for a file that someone else wrote and closed: sync temp, rename it to final (which may
 * exist), sync the folder.  Both must lie in one folder. */
int mix_file_commit(const char *temp, const char *final);

int mix_file_remove(const char *path);      /* one that is not there is fine */
int mix_file_sync_folder(const char *path); /* make the names in the folder of path durable */

/* ---- folders */

struct mix_file_list {
    char **name; /* [count], without the folder, in strcmp's order */
    size_t count;
};

int mix_file_mkdir(const char *path); /* one that is there already is fine; its parent must be */

/* Names of everything in the folder but "." and "..".  A missing folder is MIX_EINPUT. */
int mix_file_list(struct mix_file_list *list, const char *path);
void mix_file_list_fini(struct mix_file_list *list); /* {0} is allowed */

/* Remove a folder and the files in it; a folder inside it is refused (MIX_ESTORAGE): ours have
 * one level.  A missing folder is fine, so that a removal that was cut off can be repeated. */
int mix_file_remove_folder(const char *path);

/* ---- telling */

/* Log "verb path: cause" from an errno value and return its code; write: were we writing? */
int mix_file_error(int error, bool write, const char *verb, const char *path);

#endif
