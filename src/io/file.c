/* file.c - see file.h. */
#include "io/file.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char temp_suffix[] = ".tmp";

/* Linux moves at most 0x7ffff000 bytes a call; a round number below it. */
static const size_t most_per_call = (size_t)1 << 30;

/* ---- telling */

int mix_file_error(int error, bool write, const char *verb, const char *path)
{
    bool full = error == ENOSPC || error == EDQUOT;
    bool given = error == ENOENT || error == ENOTDIR || error == EACCES || error == EPERM ||
                 error == EISDIR || error == ELOOP || error == ENAMETOOLONG;

    if (write && full)
        return MIX_FAIL(MIX_ESTORAGE,
                        "%s %s: disk full (%s); free some space or raise the quota, then start the "
                        "same command again",
                        verb, path, strerror(error));
    return MIX_FAIL(given && !write ? MIX_EINPUT : MIX_ESTORAGE, "%s %s: %s", verb, path,
                    strerror(error));
}

/* ---- asking */

bool mix_file_exists(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0;
}

static int regular(const char *path, const struct stat *st)
{
    if (S_ISREG(st->st_mode))
        return MIX_OK;
    return MIX_FAIL(MIX_EINPUT, "%s: %s, expected a regular file", path,
                    S_ISDIR(st->st_mode) ? "a folder" : "a special file");
}

int mix_file_size(const char *path, uint64_t *bytes)
{
    struct stat st;
    int rc = stat(path, &st) == 0 ? regular(path, &st) : mix_file_error(errno, false, "open", path);

    if (rc == MIX_OK)
        *bytes = (uint64_t)st.st_size;
    return rc;
}

bool mix_file_is_temp(const char *name)
{
    size_t n = strlen(name), suffix = sizeof temp_suffix - 1;

    return n >= suffix && strcmp(name + n - suffix, temp_suffix) == 0;
}

/* ---- reading */

int mix_file_open(const char *path, int *out, uint64_t *bytes)
{
    struct stat st;
    int rc = MIX_OK;
    /* Without O_NONBLOCK a pipe of that name would hold us until someone writes. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0 || fstat(fd, &st) != 0) {
        rc = mix_file_error(errno, false, "open", path);
        goto out;
    }
    TRY(regular(path, &st));
    if (bytes)
        *bytes = (uint64_t)st.st_size;
    *out = fd;
    fd = -1;
out:
    if (fd >= 0)
        close(fd);
    return rc;
}

int mix_file_pread(int fd, const char *path, void *dst, size_t bytes, uint64_t offset)
{
    size_t done = 0;

    if (bytes > INT64_MAX || offset > INT64_MAX - bytes)
        return MIX_FAIL(MIX_EBUG, "read %s: %zu bytes at %llu are beyond any file", path, bytes,
                        (unsigned long long)offset);
    while (done < bytes) {
        size_t ask = bytes - done < most_per_call ? bytes - done : most_per_call;
        ssize_t n = pread(fd, (char *)dst + done, ask, (off_t)(offset + done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return mix_file_error(errno, false, "read", path);
        if (n == 0)
            return MIX_FAIL(MIX_EINPUT,
                            "%s: ends after %llu bytes, expected %zu bytes at offset %llu: "
                            "truncated or still being copied",
                            path, (unsigned long long)(offset + done), bytes,
                            (unsigned long long)offset);
        done += (size_t)n;
    }
    return MIX_OK;
}

int mix_file_read(struct mix_str *content, const char *path, uint64_t limit)
{
    uint64_t bytes = 0;
    int fd = -1, rc;

    TRY(mix_file_open(path, &fd, &bytes));
    if (bytes > limit) {
        rc = MIX_FAIL(MIX_EINPUT, "%s: %llu bytes, expected at most %llu", path,
                      (unsigned long long)bytes, (unsigned long long)limit);
        goto out;
    }
    TRY(mix_grow(&content->s, &content->room, content->len + bytes + 1, 1, path));
    TRY(mix_file_pread(fd, path, content->s + content->len, bytes, 0));
    content->len += bytes;
out:
    if (content->s)
        content->s[content->len] = '\0';
    if (fd >= 0)
        close(fd);
    return rc;
}

/* ---- writing */

int mix_file_pwrite(int fd, const char *path, const void *src, size_t bytes, uint64_t offset)
{
    size_t done = 0;

    while (done < bytes) {
        size_t ask = bytes - done < most_per_call ? bytes - done : most_per_call;
        ssize_t n = pwrite(fd, (const char *)src + done, ask, (off_t)(offset + done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) /* 0 is no answer to more than 0 bytes */
            return mix_file_error(n < 0 ? errno : EIO, true, "write", path);
        done += (size_t)n;
    }
    return MIX_OK;
}

int mix_file_sync_folder(const char *path)
{
    struct mix_str folder = {0};
    size_t n = strlen(path);
    int fd = -1, rc;

    while (n > 1 && path[n - 1] == '/') /* "a/b/" is b in a */
        n--;
    while (n > 0 && path[n - 1] != '/')
        n--;
    if (n)
        TRY(mix_str_add(&folder, path, n));
    else
        TRY(mix_str_add(&folder, ".", 1));
    fd = open(folder.s, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    /* Some network file systems cannot sync a folder; there its names are the server's business. */
    if (fd < 0 || (fsync(fd) != 0 && errno != EINVAL && errno != ENOTSUP))
        rc = mix_file_error(errno, true, "sync", folder.s);
out:
    if (fd >= 0)
        close(fd);
    mix_str_fini(&folder);
    return rc;
}

/* Sync fd, close it whatever comes, and give temp its final name. */
static int publish(int fd, const char *temp, const char *final)
{
    int rc = MIX_OK;

    if (fsync(fd) != 0)
        rc = mix_file_error(errno, true, "sync", temp);
    if (close(fd) != 0 && rc == MIX_OK) /* where NFS reports what it could not write */
        rc = mix_file_error(errno, true, "close", temp);
    if (rc == MIX_OK && rename(temp, final) != 0)
        rc = mix_file_error(errno, true, "rename to", final);
    return rc ? rc : mix_file_sync_folder(final);
}

int mix_file_write(const char *path, const void *src, size_t bytes)
{
    struct mix_str temp = {0};
    int fd = -1, rc;

    TRY(mix_str_addf(&temp, "%s%s", path, temp_suffix));
    fd = open(temp.s, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) {
        rc = mix_file_error(errno, true, "create", temp.s);
        goto out;
    }
    TRY(mix_file_pwrite(fd, temp.s, src, bytes, 0));
    rc = publish(fd, temp.s, path);
    fd = -1;
out:
    if (fd >= 0)
        close(fd);
    if (rc && temp.s)
        unlink(temp.s); /* on a full disk its blocks are wanted back */
    mix_str_fini(&temp);
    return rc;
}

int mix_file_commit(const char *temp, const char *final)
{
    int fd = open(temp, O_RDONLY | O_CLOEXEC);

    return fd < 0 ? mix_file_error(errno, true, "open", temp) : publish(fd, temp, final);
}

int mix_file_remove(const char *path)
{
    if (unlink(path) != 0 && errno != ENOENT)
        return mix_file_error(errno, true, "remove", path);
    return MIX_OK;
}

/* ---- folders */

int mix_file_mkdir(const char *path)
{
    struct stat st;

    if (mkdir(path, 0777) == 0)
        return mix_file_sync_folder(path);
    if (errno == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return MIX_OK;
    return mix_file_error(errno, true, "create folder", path);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int mix_file_list(struct mix_file_list *out, const char *path)
{
    struct mix_file_list list = {0};
    const struct dirent *e;
    size_t room = 0;
    int rc = MIX_OK;
    DIR *dir = opendir(path);

    if (!dir) {
        rc = mix_file_error(errno, false, "list", path);
        goto out;
    }
    while (errno = 0, (e = readdir(dir)) != NULL) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        TRY(mix_grow(&list.name, &room, list.count + 1, sizeof *list.name, "names of a folder"));
        if (!(list.name[list.count] = mix_strdup(e->d_name))) {
            rc = MIX_EFIT;
            goto out;
        }
        list.count++;
    }
    if (errno) {
        rc = mix_file_error(errno, false, "list", path);
        goto out;
    }
    if (list.count)
        qsort(list.name, list.count, sizeof *list.name, by_name);
    *out = list;
    list = (struct mix_file_list){0};
out:
    if (dir)
        closedir(dir);
    mix_file_list_fini(&list);
    return rc;
}

void mix_file_list_fini(struct mix_file_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->name[i]);
    free(list->name);
    *list = (struct mix_file_list){0};
}

int mix_file_remove_folder(const char *path)
{
    struct mix_file_list list = {0};
    struct mix_str file = {0};
    int rc = MIX_OK;

    if (!mix_file_exists(path))
        goto out;
    TRY(mix_file_list(&list, path));
    for (size_t i = 0; i < list.count; i++) {
        mix_str_clear(&file);
        TRY(mix_str_addf(&file, "%s/%s", path, list.name[i]));
        TRY(mix_file_remove(file.s));
    }
    if (rmdir(path) != 0 && errno != ENOENT) {
        rc = mix_file_error(errno, true, "remove folder", path);
        goto out;
    }
    rc = mix_file_sync_folder(path);
out:
    mix_file_list_fini(&list);
    mix_str_fini(&file);
    return rc;
}
