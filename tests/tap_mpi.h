/* tap_mpi.h - ok() for tests that run on several ranks: true only if true everywhere. */
#ifndef MIX_TESTS_TAP_MPI_H
#define MIX_TESTS_TAP_MPI_H
#include "tap.h"
#include <mpi.h>
#include <stdlib.h>
#include <string.h>
static inline bool all_ranks(bool mine)
{
    int in = mine, out = 0;
    MPI_Allreduce(&in, &out, 1, MPI_INT, MPI_LAND, MPI_COMM_WORLD);
    return out;
}
/* Are these bytes those of rank 0? */
static inline bool same_everywhere(const void *bytes, size_t n)
{
    void *first = malloc(n);
    bool good = first != NULL;
    if (good) {
        memcpy(first, bytes, n);
        MPI_Bcast(first, (int)n, MPI_BYTE, 0, MPI_COMM_WORLD);
        good = memcmp(first, bytes, n) == 0;
    }
    free(first);
    return good;
}
#define ok_all(cond, ...) ok(all_ranks(cond), __VA_ARGS__)
#endif
