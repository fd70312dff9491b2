/* scatter.c - everybody has rank 0's plan, or its failure. */
#include "plan/scatter.h"

#include "base/err.h"
#include "tap.h"
#include "tap_mpi.h"

#include <string.h>

int main(void)
{
    struct mix_comm *c = NULL;
    struct mix_group *g = NULL;
    struct mix_plan want, got;
    int world[] = {0, 1, 2, 3}, me;

    if (mix_comm_open(&c, 60) != MIX_OK)
        return 1;
    me = mix_comm_rank(c);
    if (me)
        tap_mute();
    ok_all(mix_group_open(&g, c, "world", world, 4) == MIX_OK, "four ranks");
    memset(&want, 0x37, sizeof want);
    memset(&got, me ? 0 : 0x37, sizeof got);
    ok_all(mix_plan_scatter(g, &got, me ? MIX_EBUG : MIX_OK) == MIX_OK &&
               memcmp(&got, &want, sizeof got) == 0,
           "the plan arrives; only rank 0's code counts");
    memset(&got, 0x11, sizeof got);
    want = got;
    ok_all(mix_plan_scatter(g, &got, me ? MIX_OK : MIX_EFIT) == MIX_EFIT &&
               memcmp(&got, &want, sizeof got) == 0,
           "a failure arrives, and no plan");
    mix_group_close(g);
    mix_comm_close(c);
    MPI_Finalize();
    return tap_done();
}
