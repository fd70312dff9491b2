/* window.c - see window.h: an MPI shared-memory window, or memory of my own. */
#include "comm/window.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "comm/check_mpi.h"
#include "comm/group_private.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/statvfs.h>

enum {
    LINE = 64,
    HEADER = LINE
}; /* bytes before a piece, for its flags: a cache line of its own */

/* What a member says to all; only it writes here. */
struct flags {
    _Atomic uint64_t turn; /* how often it has posted */
    _Atomic uint64_t counter[MIX_WINDOW_COUNTERS];
};
_Static_assert(sizeof(struct flags) <= HEADER, "flags fit into the line");

struct mix_window {
    struct mix_group *group;
    MPI_Win win;   /* MPI_WIN_NULL in a group of one */
    char *own;     /* its memory there */
    char **piece;  /* [size] with their headers */
    uint64_t turn; /* posts of mine so far */
};

/* Open MPI hands out memory behind a header of its own, which is not a multiple of 64 long.  All
 * ranks map it at a page, so they agree on where the next line begins. */
static char *next_line(char *p)
{
    return p + (LINE - (uintptr_t)p % LINE) % LINE;
}

static struct flags *flags_of(const struct mix_window *w, int member)
{
    return (struct flags *)(void *)w->piece[member];
}

static uint64_t turn_of(const struct mix_window *w, int member)
{
    return atomic_load_explicit(&flags_of(w, member)->turn, memory_order_acquire);
}

/* Open MPI takes the memory from /dev/shm, and a page that is not there when it is touched is a bus
 * error: so look first. */
static int check_room(size_t bytes)
{
    struct statvfs fs;
    char want[32], have[32];
    double room;

    if (statvfs("/dev/shm", &fs) != 0)
        return MIX_OK; /* then it takes it from elsewhere */
    room = (double)fs.f_bavail * (double)fs.f_frsize;
    if (room < (double)bytes)
        return MIX_FAIL(MIX_EFIT,
                        "/dev/shm has %s free, the ranks of this host need %s; make it "
                        "larger (mount -o remount,size=..., or --shm-size of a container)",
                        mix_human_bytes(room, have), mix_human_bytes((double)bytes, want));
    return MIX_OK;
}

/* Memory that all members see, each bytes of every one. */
static int share(struct mix_window *w, size_t each)
{
    struct mix_group *g = w->group;
    int rc = MIX_OK;
    void *mine = NULL;

    for (int i = 0; i < g->size; i++)
        MIX_CHECK(mix_comm_host_shared(g->comm, g->world[i]), "rank %d is not on this host",
                  g->world[i]);
    TRY(check_room(each * (size_t)g->size));
    TRY_MPI(MPI_Win_allocate_shared((MPI_Aint)each, 1, MPI_INFO_NULL, g->mpi, &mine, &w->win));
    for (int i = 0; i < g->size; i++) {
        MPI_Aint have;
        int unit;

        TRY_MPI(MPI_Win_shared_query(w->win, i, &have, &unit, (void *)&w->piece[i]));
        w->piece[i] = next_line(w->piece[i]);
    }
    TRY_MPI(MPI_Win_lock_all(MPI_MODE_NOCHECK, w->win));
out:
    return rc;
}

int mix_window_open(struct mix_window **out, struct mix_group *g, size_t bytes)
{
    int rc = MIX_OK;
    struct mix_window *w = NULL;
    size_t each = HEADER + (bytes + LINE - 1) / LINE * LINE + LINE;

    TRY(mix_calloc(&w, 1, sizeof *w, "a window"));
    w->group = g;
    w->win = MPI_WIN_NULL;
    TRY(mix_calloc(&w->piece, (size_t)g->size, sizeof *w->piece, "a window"));
    if (g->size > 1) {
        TRY(share(w, each));
    } else {
        TRY(mix_alloc_aligned(&w->own, each, "a window"));
        w->piece[0] = w->own;
    }
    atomic_init(&flags_of(w, g->rank)->turn, 0);
    for (int i = 0; i < MIX_WINDOW_COUNTERS; i++)
        atomic_init(&flags_of(w, g->rank)->counter[i], 0);
    TRY(mix_group_barrier(g)); /* nobody posts or looks before all flags are zero */
    *out = w;
    w = NULL;
out:
    mix_window_close(w);
    return rc;
}

void mix_window_close(struct mix_window *w)
{
    if (!w)
        return;
    if (w->win != MPI_WIN_NULL) {
        MPI_Win_unlock_all(w->win);
        MPI_Win_free(&w->win);
    }
    free(w->own);
    free(w->piece);
    free(w);
}

void *mix_window_at(const struct mix_window *w, int member)
{
    return w->piece[member] + HEADER;
}

/* Some member that has not posted as often as I, or -1. */
static int behind(const struct mix_window *w)
{
    for (int i = 0; i < w->group->size; i++)
        if (turn_of(w, i) < w->turn)
            return i;
    return -1;
}

static void late(struct mix_group *g, const void *ctx)
{
    const struct mix_window *w = ctx;

    for (int i = 0; i < g->size; i++)
        g->late[i] = turn_of(w, i) < w->turn;
}

void mix_window_post(struct mix_window *w)
{
    atomic_store_explicit(&flags_of(w, w->group->rank)->turn, ++w->turn, memory_order_release);
}

int mix_window_wait(struct mix_window *w, const char *what)
{
    int rc = MIX_OK, last = behind(w), now;
    double begin = mix_now(), since = begin;

    while ((now = behind(w)) >= 0) {
        if (now != last)
            since = mix_now();
        last = now;
        TRY(mix_wait_turn(w->group, what, since, late, w));
    }
out:
    w->group->stats.wait_s += mix_now() - begin;
    return rc;
}

int mix_window_sync(struct mix_window *w)
{
    mix_window_post(w);
    return mix_window_wait(w, "a shared window");
}

void mix_window_raise(struct mix_window *w, int counter, uint64_t to)
{
    atomic_store_explicit(&flags_of(w, w->group->rank)->counter[counter], to, memory_order_release);
}

uint64_t mix_window_counter(const struct mix_window *w, int member, int counter)
{
    return atomic_load_explicit(&flags_of(w, member)->counter[counter], memory_order_acquire);
}
