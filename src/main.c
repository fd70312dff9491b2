/* main.c - hand over to the command line; the one place where the process ends.
 *
 * Codes 0, 4 (too many bad rows) and 75 (stopped, can be resumed) are agreed: every
 * rank returns the same one, so MPI is finalized; only then does 75 get past mpirun
 * and srun.  Any other code aborts the job, because the other ranks wait for this
 * one.  The rank that knows why says so and aborts first; one that was only told the
 * code leaves it a moment, and the launcher ends both. */
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/cli.h"

#include <mpi.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Our place among the processes that a launcher started, known before MPI is; 0 without one. */
static int launched_as(void)
{
    static const char *const name[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK",
                                       "SLURM_PROCID"};

    for (size_t i = 0; i < sizeof name / sizeof name[0]; i++)
        if (getenv(name[i]))
            return atoi(getenv(name[i]));
    return 0;
}

static void last_words(int rank, int code)
{
    char host[64] = "unknown";

    gethostname(host, sizeof host - 1);
    fprintf(stderr, "mixserve: rank %d (node %s): code %d: %s\n", rank, host, code,
            mix_err_last()[0] ? mix_err_last() : mix_err_name(code));
}

/* The end of a process that has not started MPI. */
static int end_alone(int rank, int code)
{
    if (code == MIX_OK || mix_log_on(MIX_LOG_ERROR))
        return code;
    sleep(3); /* rank 0 says the same, and mpirun ends us 1 s later; else somebody must say it */
    last_words(rank, code);
    return code;
}

static int end_together(int code)
{
    int rank = 0, ranks = 1;

    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    if (ranks == 1 || code == MIX_OK || code == MIX_EROWS || code == MIX_ESTOPPED) {
        fflush(stdout); /* what is written after MPI_Finalize may not get past the launcher */
        MPI_Finalize();
        return code;
    }
    signal(SIGTERM,
           SIG_DFL); /* from now on it is the launcher's, who ends us: do not speak first */
    if (mix_err_last()[0] == '\0')
        sleep(2);
    last_words(rank, code);
    fflush(stdout);
    MPI_Abort(MPI_COMM_WORLD, code);
    return code;
}

int main(int argc, char **argv)
{
    int rank = launched_as(), up = 0, code;

    /* Who waits leaves the core to others: with more ranks than cores a barrier of Open MPI takes
     * 80 us this way and 60 ms without (8 ranks, 2 cores). */
    setenv("OMPI_MCA_mpi_yield_when_idle", "1", 0);
    mix_one_heap();
    if (rank > 0) /* a wrong command line is found by all ranks and reported by one */
        mix_log_level(MIX_LOG_SILENT);
    code = mix_cli(argc, argv);
    MPI_Initialized(&up);
    return up ? end_together(code) : end_alone(rank, code);
}
