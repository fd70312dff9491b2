/* comm.c - start MPI, find out who is there, and what every wait needs to know. */
#include "comm/group_private.h"

#include "base/log.h"
#include "base/mem.h"
#include "comm/check_mpi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int number(const char *name)
{
    const char *text = getenv(name);

    return text ? atoi(text) : 0;
}

/* What the launcher says of the processes that it started. */
struct launched {
    const char *how;
    int size, rank; /* size 0: it says nothing */
};

/* The nearest launcher counts: mpirun inside a Slurm job, a step inside an allocation. */
static struct launched launched(void)
{
    const char *tasks = getenv("SLURM_STEP_NUM_TASKS") ? "SLURM_STEP_NUM_TASKS" : "SLURM_NTASKS";

    if (getenv("OMPI_COMM_WORLD_SIZE"))
        return (struct launched){"mpirun", number("OMPI_COMM_WORLD_SIZE"),
                                 number("OMPI_COMM_WORLD_RANK")};
    if (getenv("SLURM_STEP_ID"))
        return (struct launched){"srun", number(tasks), number("SLURM_PROCID")};
    return (struct launched){"the mpiexec of another MPI", number("PMI_SIZE"), number("PMI_RANK")};
}

/* Several processes that each believe to be alone would all write the same results. */
static int alone(int size)
{
    struct launched l = launched();

    if (size > 1 || l.size <= 1)
        return MIX_OK;
    if (l.rank > 0) /* all of them find this, one says it */
        return MIX_EUSAGE;
    return MIX_FAIL(MIX_EUSAGE,
                    "%s started %d processes, but MPI sees only this one: start them with "
                    "`srun --mpi=pmix` or with the mpirun of the MPI that mixserve was built with "
                    "(Open MPI)",
                    l.how, l.size);
}

static int start_mpi(void)
{
    int rc = MIX_OK, started = 0, provided = 0;

    TRY_MPI(MPI_Initialized(&started));
    if (!started)
        TRY_MPI(MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided));
    TRY_MPI(MPI_Query_thread(&provided));
    if (provided < MPI_THREAD_FUNNELED)
        rc = MIX_FAIL(MIX_ECOMM, "this MPI has no MPI_THREAD_FUNNELED");
out:
    return rc;
}

int mix_comm_open(struct mix_comm **out, double stall_s)
{
    struct mix_comm *c = NULL;
    char mine[sizeof c->host[0]] = "";
    int rc;

    TRY(mix_calloc(&c, 1, sizeof *c, "the ranks"));
    c->mpi = MPI_COMM_NULL;
    c->stall_s = stall_s;
    TRY(start_mpi());
    TRY_MPI(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN));
    TRY_MPI(MPI_Comm_rank(MPI_COMM_WORLD, &c->rank));
    TRY_MPI(MPI_Comm_size(MPI_COMM_WORLD, &c->size));
    TRY(alone(c->size));
    TRY(mix_calloc(&c->host, (size_t)c->size, sizeof c->host[0], "the names of the hosts"));
    if (gethostname(mine, sizeof mine - 1))
        strcpy(mine, "unknown");
    TRY_MPI(
        MPI_Allgather(mine, sizeof mine, MPI_CHAR, c->host, sizeof mine, MPI_CHAR, MPI_COMM_WORLD));
    TRY(mix_calloc(&c->whom, (size_t)c->size, 1, "the ranks"));
    TRY_MPI(MPI_Comm_dup(MPI_COMM_WORLD, &c->mpi));
    TRY_MPI(MPI_Comm_dup(MPI_COMM_WORLD, &c->letters));
    mix_log_identity(c->rank, c->size, mine);
    *out = c;
    c = NULL;
out:
    mix_comm_close(c);
    return rc;
}

void mix_comm_close(struct mix_comm *c)
{
    int over = 0;

    if (!c)
        return;
    if (c->mpi != MPI_COMM_NULL && MPI_Finalized(&over) == MPI_SUCCESS && !over)
        MPI_Comm_free(&c->mpi);
    free(c->whom);
    free(c->host);
    free(c);
}

int mix_comm_rank(const struct mix_comm *c)
{
    return c->rank;
}

int mix_comm_size(const struct mix_comm *c)
{
    return c->size;
}

const char *mix_comm_host(const struct mix_comm *c, int rank)
{
    return c->host[rank];
}

bool mix_comm_host_shared(const struct mix_comm *c, int rank)
{
    return strcmp(c->host[rank], c->host[c->rank]) == 0;
}

void mix_comm_domain_set(struct mix_comm *c, int ranks)
{
    c->domain = ranks;
}

void mix_comm_phase(struct mix_comm *c, long step, const char *phase)
{
    c->step = step;
    c->phase = phase;
}

char *mix_comm_doing(const struct mix_comm *c, char text[120])
{
    int n = 0;

    text[0] = '\0';
    if (c->waits_in)
        n = snprintf(text, 80, " in %s of %s", c->waits_in, c->waits_of);
    if (c->phase && n >= 0 && n < 80)
        snprintf(text + n, (size_t)(120 - n), " (step %ld, %s)", c->step, c->phase);
    return text;
}

void mix_comm_tick_set(struct mix_comm *c, int (*tick)(void *ctx), void *ctx)
{
    c->tick = tick;
    c->tick_ctx = ctx;
}

void mix_comm_hurry(struct mix_comm *c, const volatile int *flag, double grace_s)
{
    c->hurry = flag;
    c->hurry_grace_s = grace_s;
    c->hurry_since = 0;
}
