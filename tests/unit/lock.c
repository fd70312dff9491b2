/* lock.c - one job at a time, with kernel locks and without, over kill -9. */
#include "io/lock.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "io/file.h"
#include "scratch.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- a file system without locks: this stands before libc's */

static int lock_error, ofd_error;
static const char *vanishes; /* remove this file just before the next lock is tried */

int fcntl(int fd, int cmd, ...)
{
    va_list ap;
    void *arg;

    va_start(ap, cmd);
    arg = va_arg(ap, void *);
    va_end(ap);
    if (cmd == F_OFD_SETLK && vanishes) {
        unlink(vanishes);
        vanishes = NULL;
    }
    if (cmd == F_OFD_SETLK || cmd == F_OFD_GETLK || cmd == F_SETLK || cmd == F_GETLK) {
        if (lock_error || (ofd_error && (cmd == F_OFD_SETLK || cmd == F_OFD_GETLK))) {
            errno = lock_error ? lock_error : ofd_error;
            return -1;
        }
    }
    return (int)syscall(SYS_fcntl, fd, cmd, arg);
}

static bool slow; /* from looking to renaming, each job its own time: all look before any renames */

int rename(const char *from, const char *to)
{
    const struct timespec wait = {.tv_nsec = 30000000 + getpid() % 8 * 10000000L};

    if (slow)
        nanosleep(&wait, NULL);
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

static bool says(const char *a)
{
    bool good = strstr(mix_err_last(), a) != NULL;

    if (!good)
        printf("# said: %s\n", mix_err_last());
    return good;
}

/* A process that takes the lock, beats once and holds it; *rc is what it got. */
static pid_t other_job(const char *path, const char *job, int *rc)
{
    int ready[2];
    char got = 0;
    pid_t pid;

    if (pipe(ready) != 0 || (pid = fork()) < 0) {
        *rc = -1;
        return -1;
    }
    if (pid == 0) {
        struct mix_lock *l = NULL;
        got = (char)mix_lock_take(&l, path, job);
        if (got == MIX_OK)
            got = (char)mix_lock_beat(l);
        if (write(ready[1], &got, 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(ready[1]);
    *rc = read(ready[0], &got, 1) == 1 ? got : -1;
    close(ready[0]);
    return pid;
}

static void kill_9(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

/* Two jobs, a kill, the same command again. */
static void two_jobs(const char *how)
{
    struct mix_lock *l = NULL, *second = NULL;
    struct mix_lock_holder h;
    const char *path = scratch("lock");
    char text[64], host[128] = "";
    bool held = true;
    double before;
    int rc;

    gethostname(host, sizeof host - 1);
    ok(mix_lock_look(path, &h, &held) == MIX_OK && !held && strcmp(h.host, "?") == 0,
       "%s: nobody has it", how);
    pid_t pid = other_job(path, "4711", &rc);
    ok(rc == MIX_OK, "%s: a job takes it and beats", how);
    ok(mix_lock_take(&l, path, "4712") == MIX_EUSAGE && !l, "%s: a second job does not", how);
    snprintf(text, sizeof text, "pid %ld", (long)pid);
    ok(says(text) && says("job 4711") && says(host) && says("lock"),
       "%s: it is told host, pid and job", how);
    ok(mix_lock_look(path, &h, &held) == MIX_OK && held && h.pid == pid &&
           strcmp(h.job, "4711") == 0 && strcmp(h.host, host) == 0 && h.started <= h.beat &&
           h.beat >= (int64_t)time(NULL) - 50,
       "%s: anyone can look", how);
    kill_9(pid);
    ok(mix_lock_look(path, &h, &held) == MIX_OK && !held && h.pid == pid,
       "%s: after kill -9 one sees who had it", how);
    before = mix_now();
    ok(mix_lock_take(&l, path, NULL) == MIX_OK && mix_now() - before < 5,
       "%s: and the same command takes it at once", how);
    ok(mix_lock_beat(l) == MIX_OK && mix_lock_beat(l) == MIX_OK, "%s: it beats", how);
    pid = other_job(path, "", &rc);
    ok(rc == MIX_EUSAGE, "%s: others are refused", how);
    kill_9(pid);
    mix_lock_release(l);
    mix_lock_release(NULL);
    ok(!mix_file_exists(path), "%s: released, the file is gone", how);
    ok(mix_lock_take(&second, path, "x") == MIX_OK, "%s: and can be taken", how);
    ok(unlink(path) == 0 && mix_lock_beat(second) == MIX_EUSAGE && says("removed"),
       "%s: a holder notices that its file was removed", how);
    pid = other_job(path, "5", &rc);
    ok(rc == MIX_OK && mix_lock_beat(second) == MIX_EUSAGE,
       "%s: or that another job made a new one", how);
    mix_lock_release(second);
    ok(mix_lock_look(path, &h, &held) == MIX_OK && held && h.pid == pid,
       "%s: and does not take that away when it ends", how);
    kill_9(pid);
    unlink(path);
}

static void one_process(void)
{
    struct mix_lock *a = NULL, *b = NULL;
    int fd;

    ok(mix_lock_take(&a, scratch("own"), "a") == MIX_OK &&
           mix_lock_take(&b, scratch("own"), "b") == MIX_EUSAGE,
       "a second take in one process is refused");
    fd = open(scratch("own"), O_RDONLY);
    close(fd);
    ok(mix_lock_take(&b, scratch("own"), "b") == MIX_EUSAGE,
       "also after someone opened and closed the file");
    mix_lock_release(a);
    vanishes = scratch("own");
    ok(mix_lock_take(&a, scratch("own"), "a") == MIX_OK && mix_file_exists(scratch("own")) &&
           mix_lock_take(&b, scratch("own"), "b") == MIX_EUSAGE,
       "a file that its holder removes between open and lock is opened again");
    mix_lock_release(a);
    ok(mix_lock_take(&a, scratch("none/own"), "a") == MIX_ESTORAGE && says("No such file"),
       "a lock in no folder");
    scratch_write("own", "rubbish", 7);
    ok(mix_lock_take(&a, scratch("own"), "a") == MIX_OK, "rubbish in the file locks nobody out");
    mix_lock_release(a);
    lock_error = EIO;
    ok(mix_lock_take(&a, scratch("own"), "a") == MIX_ESTORAGE && says("lock"),
       "a disk that fails is not a lock that is taken");
    lock_error = 0;
}

/* Without kernel locks: who wrote the file, and how long ago, against who gets in. */
static void heartbeats(void)
{
    char host[128] = "";
    struct mix_lock *l = NULL;
    struct mix_lock_holder h;
    bool held;

    gethostname(host, sizeof host - 1);
    pid_t dead = fork();
    if (dead == 0)
        _exit(0);
    waitpid(dead, NULL, 0);

    struct {
        const char *what, *host;
        long pid;
        int age;
        bool alive;
    } cases[] = {
        {"another host, just now", "elsewhere", 1, 0, true},
        {"another host, 50 s ago", "elsewhere", 1, 50, true},
        {"another host, 70 s ago", "elsewhere", 1, 70, false},
        {"another host whose clock is ahead", "elsewhere", 1, -30, true},
        {"this host, a live process that beat long ago", host, (long)getppid(), 1000, true},
        {"this host, a dead process that beat just now", host, (long)dead, 0, false},
        {"this host, our own pid in an earlier life", host, (long)getpid(), 5, false},
        {"this host, pid 0", host, 0, 0, false},
        {"this host, pid -1", host, -1, 0, false},
    };

    lock_error = ENOLCK;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[400];
        long long now = (long long)time(NULL);
        snprintf(text, sizeof text,
                 "{\"host\":\"%s\",\"pid\":%ld,\"job\":\"J\",\"started\":%lld,\"beat\":%lld}",
                 cases[i].host, cases[i].pid, now - 2000, now - cases[i].age);
        scratch_write("h", text, strlen(text));
        ok(mix_lock_look(scratch("h"), &h, &held) == MIX_OK && held == cases[i].alive,
           "%s: looks %s", cases[i].what, cases[i].alive ? "alive" : "dead");
        int rc = mix_lock_take(&l, scratch("h"), "K");
        ok(rc == (cases[i].alive ? MIX_EUSAGE : MIX_OK) &&
               (rc == MIX_OK || (says(cases[i].host) && says("job J") && says("delete this file"))),
           "%s: %s", cases[i].what, cases[i].alive ? "refused" : "taken over");
        if (rc == MIX_OK)
            mix_lock_release(l);
    }
    lock_error = 0;
}

/* Jobs that start at the same moment: at most one gets in, whatever the file system. */
static void at_once(const char *how)
{
    enum { JOBS = 8 };
    pid_t pid[JOBS];
    int got = 0, ready[2], go[2];
    char c;

    if (pipe(ready) != 0 || pipe(go) != 0)
        return;
    for (int i = 0; i < JOBS; i++)
        if ((pid[i] = fork()) == 0) {
            struct mix_lock *l = NULL;
            close(go[1]);
            if (read(go[0], &c, 1) < 0)
                _exit(1);
            c = (char)mix_lock_take(&l, scratch("race"), "r");
            if (write(ready[1], &c, 1) != 1)
                _exit(1);
            for (;;)
                pause();
        }
    close(go[0]);
    close(go[1]);
    for (int i = 0; i < JOBS; i++)
        if (read(ready[0], &c, 1) == 1)
            got += c == MIX_OK;
    for (int i = 0; i < JOBS; i++)
        kill_9(pid[i]);
    close(ready[0]);
    close(ready[1]);
    ok(got == 1, "%s: of %d jobs at once one gets in (%d)", how, (int)JOBS, got);
    unlink(scratch("race"));
}

int main(void)
{
    mix_log_level(MIX_LOG_SILENT);
    scratch_begin();
    two_jobs("kernel lock");
    at_once("kernel lock");
    one_process();
    ofd_error = EINVAL;
    two_jobs("POSIX lock");
    ofd_error = 0;
    lock_error = ENOSYS;
    two_jobs("no locks");
    slow = true;
    at_once("no locks");
    slow = false;
    lock_error = 0;
    heartbeats();
    scratch_end();
    return tap_done();
}
