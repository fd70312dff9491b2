/* file.c - whole files, exact reads, atomic writes, with a file system that refuses. */
#include "io/file.h"

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "scratch.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- a file system that can be told to refuse: these stand before libc's */

static struct {
    int error;         /* errno to fail with; 0: works */
    size_t most;       /* bytes a call may move; 0: as asked */
    int interruptions; /* EINTR so often, then go on */
} pwrite_does, pread_does;
static int fsync_error, rename_error;
static char calls[64]; /* in order: w, s (a file), d (a folder), r */

static void called(char what)
{
    size_t n = strlen(calls);

    if (n < sizeof calls - 1)
        calls[n] = what;
}

ssize_t pwrite(int fd, const void *src, size_t n, off_t at)
{
    called('w');
    if (pwrite_does.interruptions > 0) {
        pwrite_does.interruptions--;
        errno = EINTR;
        return -1;
    }
    if (pwrite_does.error) {
        errno = pwrite_does.error;
        return -1;
    }
    if (pwrite_does.most && n > pwrite_does.most)
        n = pwrite_does.most;
    return syscall(SYS_pwrite64, fd, src, n, at);
}

ssize_t pread(int fd, void *dst, size_t n, off_t at)
{
    if (pread_does.interruptions > 0) {
        pread_does.interruptions--;
        errno = EINTR;
        return -1;
    }
    if (pread_does.error) {
        errno = pread_does.error;
        return -1;
    }
    if (pread_does.most && n > pread_does.most)
        n = pread_does.most;
    return syscall(SYS_pread64, fd, dst, n, at);
}

int fsync(int fd)
{
    struct stat st;

    called(fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) ? 'd' : 's');
    if (fsync_error) {
        errno = fsync_error;
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}

int rename(const char *from, const char *to)
{
    called('r');
    if (rename_error) {
        errno = rename_error;
        return -1;
    }
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

static bool says(const char *a, const char *b)
{
    bool good = strstr(mix_err_last(), a) && strstr(mix_err_last(), b);

    if (!good)
        printf("# said: %s\n", mix_err_last());
    return good;
}

static bool holds(const char *name, const char *want)
{
    struct mix_str s = {0};
    bool good = mix_file_read(&s, scratch(name), 1 << 20) == MIX_OK && s.len == strlen(want) &&
                memcmp(s.s, want, s.len) == 0;

    mix_str_fini(&s);
    return good;
}

static void reading(void)
{
    struct mix_str s = {0};
    uint64_t bytes = 7;
    char buf[16];
    int fd = -1;

    scratch_write("ten", "0123456789", 10);
    scratch_write("empty", "", 0);
    mix_str_add(&s, "ab", 2);
    ok(mix_file_read(&s, scratch("ten"), 10) == MIX_OK && strcmp(s.s, "ab0123456789") == 0,
       "a file is appended to the text");
    ok(mix_file_read(&s, scratch("empty"), 0) == MIX_OK && s.len == 12,
       "an empty file adds nothing");
    ok(mix_file_read(&s, scratch("ten"), 9) == MIX_EINPUT && s.len == 12 &&
           says("10 bytes, expected at most 9", "/ten"),
       "one byte above the limit is bad input");
    ok(mix_file_read(&s, scratch("none"), 10) == MIX_EINPUT && says("No such file", "/none"),
       "a missing file is bad input");
    ok(mix_file_read(&s, scratch("."), 10) == MIX_EINPUT && says("a folder", "regular file"),
       "so is a folder");
    ok(mkfifo(scratch("pipe"), 0600) == 0 && mix_file_read(&s, scratch("pipe"), 10) == MIX_EINPUT &&
           says("special", "/pipe"),
       "a pipe is refused, not waited for");
    mix_str_fini(&s);

    ok(mix_file_exists(scratch("ten")) && !mix_file_exists(scratch("none")), "exists");
    ok(mix_file_size(scratch("ten"), &bytes) == MIX_OK && bytes == 10, "size");
    ok(mix_file_size(scratch("none"), &bytes) == MIX_EINPUT && bytes == 10, "no size of no file");
    ok(mix_file_size(scratch("."), &bytes) == MIX_EINPUT, "nor of a folder");

    ok(mix_file_open(scratch("ten"), &fd, &bytes) == MIX_OK && bytes == 10, "open");
    pread_does.most = 3;
    pread_does.interruptions = 2;
    memset(buf, 0, sizeof buf);
    ok(mix_file_pread(fd, "ten", buf, 8, 2) == MIX_OK && memcmp(buf, "23456789", 8) == 0,
       "a read that comes in parts and with signals is put together");
    ok(mix_file_pread(fd, "ten", buf, 8, 3) == MIX_EINPUT &&
           says("ends after 10 bytes", "expected 8 bytes at offset 3"),
       "a short file says where it ends");
    ok(mix_file_pread(fd, "ten", buf, 0, 100) == MIX_OK, "nothing can be read anywhere");
    ok(mix_file_pread(fd, "ten", buf, 1, UINT64_MAX) == MIX_EBUG, "no file is so long");
    ok(mix_file_pread(fd, "ten", buf, 1, INT64_MAX) == MIX_EBUG, "nor this long");
    pread_does.error = EIO;
    ok(mix_file_pread(fd, "ten", buf, 1, 0) == MIX_ESTORAGE && says("ten", strerror(EIO)),
       "a disk that fails is storage, not input");
    memset(&pread_does, 0, sizeof pread_does);
    close(fd);
}

static void writing(void)
{
    static const struct {
        const char *what;
        int write, sync, move;
        const char *say;
    } faults[] = {
        {"a full disk", ENOSPC, 0, 0, "disk full"},
        {"a quota", EDQUOT, 0, 0, "disk full"},
        {"a disk that turns out full at the sync", 0, ENOSPC, 0, "free some space"},
        {"a broken disk", EIO, 0, 0, "Input/output error"},
        {"a rename that fails", 0, 0, EROFS, "Read-only"},
    };
    char big[5000];

    memset(calls, 0, sizeof calls);
    ok(mix_file_write(scratch("f"), "one", 3) == MIX_OK && holds("f", "one"), "a new file");
    ok(strcmp(calls, "wsrd") == 0, "written, synced, renamed, its folder synced (%s)", calls);
    ok(mix_file_write(scratch("f"), "three", 5) == MIX_OK && holds("f", "three"), "it is replaced");
    ok(!mix_file_exists(scratch("f.tmp")), "nothing is left beside it");
    scratch_write("f.tmp", "longer leftover of a killed writer", 34);
    ok(mix_file_write(scratch("f"), "four", 4) == MIX_OK && holds("f", "four"),
       "a killed writer's leftover is overwritten, its length too");
    ok(mix_file_write(scratch("f0"), NULL, 0) == MIX_OK && holds("f0", ""), "an empty file");
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    pwrite_does.most = 999;
    pwrite_does.interruptions = 3;
    ok(mix_file_write(scratch("big"), big, sizeof big - 1) == MIX_OK && holds("big", big),
       "a write that the system cuts is put together");
    memset(&pwrite_does, 0, sizeof pwrite_does);

    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        pwrite_does.error = faults[i].write;
        fsync_error = faults[i].sync;
        rename_error = faults[i].move;
        int rc = mix_file_write(scratch("f"), "lost", 4);
        memset(&pwrite_does, 0, sizeof pwrite_does);
        fsync_error = rename_error = 0;
        ok(rc == MIX_ESTORAGE && says(faults[i].say, scratch("f")), "%s is named", faults[i].what);
        ok(holds("f", "four") && !mix_file_exists(scratch("f.tmp")),
           "%s leaves the old file and no rest", faults[i].what);
    }
    ok(mix_file_write(scratch("no/f"), "x", 1) == MIX_ESTORAGE && says("create", "No such file"),
       "no folder to write in");
    fsync_error = EINVAL; /* a file system that cannot sync folders cannot say so of files */
    ok(mix_file_sync_folder(scratch("f")) == MIX_OK, "a folder that cannot be synced is fine");
    ok(mix_file_write(scratch("f"), "lost", 4) == MIX_ESTORAGE, "a file that cannot is not");
    fsync_error = 0;
    ok(mix_file_sync_folder("/f") == MIX_OK && mix_file_sync_folder("f") == MIX_OK &&
           mix_file_sync_folder("/") == MIX_OK,
       "the folder of a name at the root, and of a bare name");
    ok(mix_file_sync_folder(scratch("absent/f")) == MIX_ESTORAGE, "a folder that is not there");
}

static void committing(void)
{
    scratch_write("made.tmp", "by another library", 18);
    memset(calls, 0, sizeof calls);
    ok(mix_file_commit(scratch("made.tmp"), scratch("made")) == MIX_OK &&
           holds("made", "by another library") && !mix_file_exists(scratch("made.tmp")),
       "a file is renamed");
    ok(strcmp(calls, "srd") == 0, "after its sync, before its folder's (%s)", calls);
    ok(mix_file_commit(scratch("made.tmp"), scratch("made")) == MIX_ESTORAGE &&
           holds("made", "by another library"),
       "one that is not there is not, and the old one stays");
    scratch_write("again.tmp", "x", 1);
    fsync_error = ENOSPC;
    ok(mix_file_commit(scratch("again.tmp"), scratch("again")) == MIX_ESTORAGE &&
           !mix_file_exists(scratch("again")),
       "what cannot be synced does not get its name");
    fsync_error = 0;
    ok(mix_file_is_temp("again.tmp") && mix_file_is_temp(".tmp") && !mix_file_is_temp("again") &&
           !mix_file_is_temp("tmp") && !mix_file_is_temp(""),
       "temporary names are known");
    ok(mix_file_remove(scratch("again.tmp")) == MIX_OK &&
           mix_file_remove(scratch("again.tmp")) == MIX_OK,
       "removing twice is fine");
}

static void folders(void)
{
    struct mix_file_list list = {0};
    char name[16];
    bool sorted = true;

    ok(mix_file_mkdir(scratch("d")) == MIX_OK && mix_file_mkdir(scratch("d/")) == MIX_OK,
       "a folder is made, or was there");
    ok(mix_file_mkdir(scratch("ten")) == MIX_ESTORAGE && says("/ten", "exists"),
       "not where a file is");
    ok(mix_file_mkdir(scratch("x/y")) == MIX_ESTORAGE, "not without its parent");
    ok(mix_file_list(&list, scratch("d")) == MIX_OK && list.count == 0, "an empty folder");
    mix_file_list_fini(&list);
    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof name, "d/%d", i * 7 % 40);
        scratch_write(name, "", 0);
    }
    ok(mix_file_list(&list, scratch("d")) == MIX_OK && list.count == 40, "all names are listed");
    for (size_t i = 1; i < list.count; i++)
        sorted &= strcmp(list.name[i - 1], list.name[i]) < 0;
    ok(sorted, "in order");
    mix_file_list_fini(&list);
    mix_file_list_fini(&list);
    ok(mix_file_list(&list, scratch("none")) == MIX_EINPUT && list.count == 0,
       "a missing folder is bad input");
    ok(mix_file_mkdir(scratch("d/z")) == MIX_OK &&
           mix_file_remove_folder(scratch("d")) == MIX_ESTORAGE && says("d/z", "directory"),
       "a folder in it is not removed with it");
    ok(rmdir(scratch("d/z")) == 0 && mix_file_remove_folder(scratch("d")) == MIX_OK &&
           !mix_file_exists(scratch("d")),
       "files are");
    ok(mix_file_remove_folder(scratch("d")) == MIX_OK, "and again is fine");
}

int main(void)
{
    mix_log_level(MIX_LOG_SILENT);
    scratch_begin();
    reading();
    writing();
    committing();
    folders();
    scratch_end();
    return tap_done();
}
