/* lock.c - see lock.h.
 *
 * Open file description locks, because a POSIX lock is lost when any part of the
 * process closes the file; POSIX locks where the kernel has no others.  The file is
 * written in place under a kernel lock (a rename would leave the lock on the old
 * file), and by rename without one. */
#include "io/lock.h"

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Content is padded to a fixed size, so that one write replaces all of it. */
enum { CONTENT = 1024 };

struct mix_lock {
    char *path;
    int fd; /* locked by the kernel; -1: held by heartbeat */
    struct mix_lock_holder me;
};

/* ---- the content */

static int encode(char content[CONTENT], const struct mix_lock_holder *h)
{
    json_t *root =
        json_pack("{s:s, s:I, s:s, s:I, s:I}", "host", h->host, "pid", (json_int_t)h->pid, "job",
                  h->job, "started", (json_int_t)h->started, "beat", (json_int_t)h->beat);
    size_t n = root ? json_dumpb(root, content, CONTENT, JSON_COMPACT) : 0;

    json_decref(root);
    if (n == 0 || n >= CONTENT)
        return MIX_FAIL(MIX_EUSAGE, "cannot write host %s and job %s into a lock file", h->host,
                        h->job);
    memset(content + n, ' ', CONTENT - n);
    content[CONTENT - 1] = '\n';
    return MIX_OK;
}

/* False if it says nothing, for instance because its writer is only starting. */
static bool decode(struct mix_lock_holder *h, int fd)
{
    char content[CONTENT];
    const char *host, *job;
    json_int_t pid, started, beat;
    ssize_t n = pread(fd, content, CONTENT, 0);
    json_t *root = n > 0 ? json_loadb(content, (size_t)n, 0, NULL) : NULL;
    bool good = root && json_unpack(root, "{s:s, s:I, s:s, s:I, s:I}", "host", &host, "pid", &pid,
                                    "job", &job, "started", &started, "beat", &beat) == 0;

    *h = (struct mix_lock_holder){.host = "?", .job = "?"};
    if (good) {
        snprintf(h->host, sizeof h->host, "%s", host);
        snprintf(h->job, sizeof h->job, "%s", job);
        h->pid = pid;
        h->started = started;
        h->beat = beat;
    }
    json_decref(root);
    return good;
}

static bool is_me(const struct mix_lock_holder *h, const struct mix_lock_holder *me)
{
    return strcmp(h->host, me->host) == 0 && h->pid == me->pid && h->started == me->started;
}

/* Without a kernel lock: is the job that wrote this still there? */
static bool shows_life(const struct mix_lock_holder *h)
{
    char here[128] = "";

    gethostname(here, sizeof here - 1);
    if (strcmp(h->host, here) != 0)
        return (int64_t)time(NULL) - h->beat <= MIX_LOCK_DEAD_S;
    /* Our own pid in an old file: a container counts its processes from 1 each time. */
    return h->pid > 0 && h->pid != getpid() && (kill((pid_t)h->pid, 0) == 0 || errno == EPERM);
}

static int refuse(const char *path, const struct mix_lock_holder *h, bool kernel)
{
    return MIX_FAIL(MIX_EUSAGE,
                    "%s: this job runs already: host %s, pid %lld, job %s, last heartbeat %lld s "
                    "ago; wait for it or stop it%s",
                    path, h->host, (long long)h->pid, h->job[0] ? h->job : "-",
                    (long long)(time(NULL) - h->beat),
                    kernel ? "" : ", or delete this file if you know that it is gone");
}

/* ---- the kernel's lock */

enum answer { GOT, HELD, NO_LOCKS, REFUSED };

static bool unsupported(int error)
{
    return error == ENOLCK || error == ENOSYS || error == ENOTSUP || error == EINVAL;
}

static enum answer lock_file(int fd, bool only_ask)
{
    struct flock range = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int rc = fcntl(fd, only_ask ? F_OFD_GETLK : F_OFD_SETLK, &range);

    if (rc != 0 && errno == EINVAL)
        rc = fcntl(fd, only_ask ? F_GETLK : F_SETLK, &range);
    if (rc == 0)
        return only_ask && range.l_type != F_UNLCK ? HELD : GOT;
    if (errno == EAGAIN || errno == EACCES)
        return HELD;
    return unsupported(errno) ? NO_LOCKS : REFUSED;
}

/* Is fd still the file of that name?  Its holder may have removed it while we opened it. */
static bool same_file(int fd, const char *path)
{
    struct stat a, b;

    return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

/* ---- without it */

static int write_by_rename(const struct mix_lock *l)
{
    char content[CONTENT];
    struct mix_str temp = {0};
    int fd = -1, rc;

    TRY(encode(content, &l->me));
    /* A name of our own: two may be here at once. */
    TRY(mix_str_addf(&temp, "%s-%s-%lld.tmp", l->path, l->me.host, (long long)l->me.pid));
    fd = open(temp.s, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) {
        rc = mix_file_error(errno, true, "create", temp.s);
        goto out;
    }
    TRY(mix_file_pwrite(fd, temp.s, content, CONTENT, 0));
    if (rename(temp.s, l->path) != 0)
        rc = mix_file_error(errno, true, "rename to", l->path);
out:
    if (fd >= 0)
        close(fd);
    if (rc && temp.s)
        unlink(temp.s);
    mix_str_fini(&temp);
    return rc;
}

/* What the file says now; false if it is gone or says nothing. */
static bool read_path(const char *path, struct mix_lock_holder *h)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool good = fd >= 0 && decode(h, fd);

    if (fd >= 0)
        close(fd);
    else
        *h = (struct mix_lock_holder){.host = "?", .job = "?"};
    return good;
}

static int take_by_heartbeat(struct mix_lock *l)
{
    /* Longer than anybody takes from looking to renaming. */
    const struct timespec settle = {.tv_nsec = 300000000};
    struct mix_lock_holder h;
    int rc;

    if (read_path(l->path, &h) && shows_life(&h))
        return refuse(l->path, &h, false);
    TRY(write_by_rename(l));
    nanosleep(&settle, NULL);
    if (!read_path(l->path, &h) || !is_me(&h, &l->me))
        rc = refuse(l->path, &h, false);
    else
        mix_log(MIX_LOG_WARN,
                "%s: no file locks here; after a crash, a start on another host waits %d s",
                l->path, MIX_LOCK_DEAD_S);
out:
    return rc;
}

/* ---- in the order of its life */

int mix_lock_look(const char *path, struct mix_lock_holder *holder, bool *held)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC), rc = MIX_OK;
    bool says;

    if (fd < 0 && errno == ENOENT) {
        *holder = (struct mix_lock_holder){.host = "?", .job = "?"};
        *held = false;
        return MIX_OK;
    }
    if (fd < 0)
        return mix_file_error(errno, false, "open", path);
    says = decode(holder, fd);
    switch (lock_file(fd, true)) {
    case GOT:
        *held = false;
        break;
    case HELD:
        *held = true;
        break;
    case NO_LOCKS:
        *held = says && shows_life(holder);
        break;
    case REFUSED:
        rc = mix_file_error(errno, false, "lock", path);
        break;
    }
    close(fd);
    return rc;
}

/* One try to lock the file of that name; *again if its holder removed it just now. */
static int take_file(struct mix_lock *l, bool *again)
{
    struct mix_lock_holder h;
    char content[CONTENT];
    int rc = MIX_OK, fd = open(l->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);

    *again = false;
    if (fd < 0)
        return mix_file_error(errno, true, "open", l->path);
    switch (lock_file(fd, false)) {
    case HELD:
        decode(&h, fd);
        rc = refuse(l->path, &h, true);
        break;
    case NO_LOCKS:
        rc = take_by_heartbeat(l);
        break;
    case REFUSED:
        rc = mix_file_error(errno, true, "lock", l->path);
        break;
    case GOT:
        if (!same_file(fd, l->path)) {
            *again = true;
            break;
        }
        TRY(encode(content, &l->me));
        TRY(mix_file_pwrite(fd, l->path, content, CONTENT, 0));
        l->fd = fd;
        fd = -1;
    }
out:
    if (fd >= 0)
        close(fd);
    return rc;
}

int mix_lock_take(struct mix_lock **out, const char *path, const char *job_id)
{
    struct mix_lock *l = NULL;
    bool again;
    int rc;

    TRY(mix_calloc(&l, 1, sizeof *l, "a lock"));
    l->fd = -1;
    gethostname(l->me.host, sizeof l->me.host - 1);
    snprintf(l->me.job, sizeof l->me.job, "%s", job_id ? job_id : "");
    l->me.pid = getpid();
    l->me.started = l->me.beat = time(NULL);
    if (!(l->path = mix_strdup(path))) {
        rc = MIX_EFIT;
        goto out;
    }
    do
        TRY(take_file(l, &again));
    while (again);
    *out = l;
    l = NULL;
out:
    if (l)
        free(l->path);
    free(l);
    return rc;
}

/* Is the file of that name still ours?  *h: what it, or the file that we hold, says.  Under a
 * kernel lock it is not opened again: closing it would end a POSIX lock. */
static bool still_mine(const struct mix_lock *l, struct mix_lock_holder *h)
{
    if (l->fd < 0)
        return read_path(l->path, h) && is_me(h, &l->me);
    decode(h, l->fd);
    return same_file(l->fd, l->path);
}

int mix_lock_beat(struct mix_lock *l)
{
    struct mix_lock_holder h;
    char content[CONTENT];
    int rc;

    if (!still_mine(l, &h))
        return MIX_FAIL(MIX_EUSAGE,
                        "%s was removed or taken over (last: host %s, pid %lld, job %s); this job "
                        "stops, so that two do not write one output",
                        l->path, h.host, (long long)h.pid, h.job);
    l->me.beat = time(NULL);
    if (l->fd < 0)
        return write_by_rename(l);
    TRY(encode(content, &l->me));
    rc = mix_file_pwrite(l->fd, l->path, content, CONTENT, 0);
out:
    return rc;
}

void mix_lock_release(struct mix_lock *l)
{
    struct mix_lock_holder h;

    if (!l)
        return;
    if (still_mine(l, &h) && unlink(l->path) != 0)
        mix_log(MIX_LOG_DEBUG, "remove %s: %s", l->path, strerror(errno));
    if (l->fd >= 0)
        close(l->fd);
    free(l->path);
    free(l);
}
