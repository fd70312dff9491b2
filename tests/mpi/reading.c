/* reading.c - the ranks of a host read a model's files together: every byte once, and all see it.
 */
#include "comm/window.h"

#include "base/err.h"
#include "io/safetensors.h"
#include "rig.h"
#include "tap_mpi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void window(struct mix_comm *comm)
{
    int ranks = mix_comm_size(comm), me = mix_comm_rank(comm), all[64];
    struct mix_group *g = NULL;
    struct mix_window *w = NULL;
    bool good = true;

    for (int i = 0; i < ranks; i++)
        all[i] = i;
    good &= mix_group_open(&g, comm, "host", all, ranks) == MIX_OK;
    ok_all(good && mix_window_open(&w, g, 1000) == MIX_OK, "a window of %d pieces", ranks);
    for (int round = 0; round < 100; round++) {
        int *mine = mix_window_at(w, me);
        good &= mix_window_sync(w) == MIX_OK; /* all have read the round before */
        for (int i = 0; i < 250; i++)
            mine[i] = round * 1000 + me * 300 + i;
        good &= mix_window_sync(w) == MIX_OK;
        for (int r = 0; r < ranks; r++)
            for (int i = 0; i < 250; i++)
                good &= ((int *)mix_window_at(w, r))[i] == round * 1000 + r * 300 + i;
    }
    ok_all(good, "what one wrote all have seen, 100 times");
    mix_window_close(w);
    mix_window_close(NULL);
    mix_group_close(g);
}

static void model(struct mix_comm *comm, const char *dir, int tp, int etp)
{
    struct rig_layout layout = {.world = mix_comm_size(comm),
                                .tp = tp,
                                .etp = etp,
                                .dtype = MIX_F32,
                                .max_num_seqs = 1,
                                .max_batched_tokens = 4,
                                .max_model_len = 16};
    struct mix_safetensors *files = NULL;
    struct rig r = {0};
    int64_t mine = 0, sum = 0, whole = -1;
    char path[600];

    snprintf(path, sizeof path, "%s/%s", getenv("srcdir"), dir);
    if (mix_safetensors_open(&files, path) == MIX_OK)
        whole = (int64_t)mix_safetensors_bytes(files);
    mix_safetensors_close(files);
    if (rig_open(&r, comm, path, &layout) == MIX_OK)
        mine = mix_model_bytes_read(r.model);
    MPI_Allreduce(&mine, &sum, 1, MPI_INT64_T, MPI_SUM, MPI_COMM_WORLD);
    ok_all(sum == whole, "%s, tp %d, etp %d: %lld of %lld bytes read by all together", dir, tp, etp,
           (long long)sum, (long long)whole);
    rig_close(&r);
}

int main(void)
{
    struct mix_comm *comm = NULL;
    int ranks;

    if (rig_comm(&comm))
        return 1;
    if (mix_comm_rank(comm))
        tap_mute();
    ranks = mix_comm_size(comm);
    window(comm);
    for (int tp = 1; tp <= ranks && tp <= 4; tp *= 2)
        for (int etp = 1; etp <= tp; etp *= tp > 1 ? tp : 2) {
            model(comm, "inputs/models/tiny-qwen3-moe", tp, etp);
            model(comm, "tests/golden/awkward", tp, etp);
        }
    rig_comm_close(comm);
    return tap_done();
}
