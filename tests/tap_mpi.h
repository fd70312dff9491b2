/* tap_mpi.h - ok() for tests that run on several ranks: true only if true everywhere. */
#ifndef MIX_TESTS_TAP_MPI_H
#define MIX_TESTS_TAP_MPI_H
#include "tap.h"
#include <mpi.h>
static inline bool all_ranks(bool mine)
{
    int in = mine, out = 0;
    MPI_Allreduce(&in, &out, 1, MPI_INT, MPI_LAND, MPI_COMM_WORLD);
    return out;
}
#define ok_all(cond, ...) ok(all_ranks(cond), __VA_ARGS__)
#endif
