/* window.c - see window.h: an MPI shared-memory window. */
#include "comm/window.h"

#include "base/mem.h"
#include "base/str.h"
#include "comm/check_mpi.h"
#include "comm/group_private.h"

#include <stdlib.h>
#include <sys/statvfs.h>

struct mix_window {
    struct mix_group *group;
    MPI_Win win;
    void **piece; /* [size] */
};

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

int mix_window_open(struct mix_window **out, struct mix_group *g, size_t bytes)
{
    int rc = MIX_OK;
    struct mix_window *w = NULL;
    size_t size = (size_t)mix_group_size(g), each = (bytes + 63) / 64 * 64;
    void *mine = NULL;

    TRY(mix_calloc(&w, 1, sizeof *w, "a window"));
    w->group = g;
    w->win = MPI_WIN_NULL;
    TRY(mix_calloc(&w->piece, size, sizeof *w->piece, "a window"));
    for (int i = 0; i < (int)size; i++)
        MIX_CHECK(g->inside[i], "rank %d is not on this host", g->world[i]);
    TRY(check_room(each * size));
    TRY_MPI(MPI_Win_allocate_shared((MPI_Aint)each, 1, MPI_INFO_NULL, g->mpi, &mine, &w->win));
    for (int i = 0; i < (int)size; i++) {
        MPI_Aint have;
        int unit;
        TRY_MPI(MPI_Win_shared_query(w->win, i, &have, &unit, &w->piece[i]));
    }
    TRY_MPI(MPI_Win_lock_all(MPI_MODE_NOCHECK, w->win));
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
    free(w->piece);
    free(w);
}

void *mix_window_at(const struct mix_window *w, int member)
{
    return w->piece[member];
}

int mix_window_sync(struct mix_window *w)
{
    int rc = MIX_OK;

    TRY_MPI(MPI_Win_sync(w->win));
    TRY(mix_group_barrier(w->group));
    TRY_MPI(MPI_Win_sync(w->win));
out:
    return rc;
}
