/* check_mpi.h - turn an MPI return code into ours, once, with MPI's own words. */
#ifndef MIX_COMM_CHECK_MPI_H
#define MIX_COMM_CHECK_MPI_H

#include "base/err.h"

#include <mpi.h>

#define TRY_MPI(call) \
    do { \
        int mpi_rc_ = (call); \
        if (mpi_rc_ != MPI_SUCCESS) { \
            char mpi_text_[MPI_MAX_ERROR_STRING] = ""; \
            int mpi_len_ = 0; \
            MPI_Error_string(mpi_rc_, mpi_text_, &mpi_len_); \
            rc = MIX_FAIL(MIX_ECOMM, "%s: %s", #call, mpi_text_); \
            goto out; \
        } \
    } while (0)

#endif
