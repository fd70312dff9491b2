/* wire.c - what an exchange counts as sent between nodes, and what the kernel has sent for it.
 *
 *   wire KIND STEPS
 *
 * Run by nodes.sh on nodes with a rail for each rank: random routings through the exchange over all
 * ranks.  Every rank prints its number, its host, the bytes that it counts as sent to other
 * domains, the bytes that left by its own rail meanwhile; and of mixserve and fused how often a
 * piece was computed before the next one had come, how often it could have been, and how many
 * events came out of their order. */
#include "base/err.h"
#include "idle.h"
#include "rig.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNKS = 4 };

/* Bytes that a network device has sent. */
static int sent_by(const char *device, uint64_t *sent)
{
    FILE *f = fopen("/proc/self/net/dev", "r");
    char line[512], name[32];
    int found = 0;

    while (f && found != 2 && fgets(line, sizeof line, f))
        if ((found = sscanf(line, " %31[^:]: %*u %*u %*u %*u %*u %*u %*u %*u %" SCNu64, name,
                            sent)) == 2)
            found = strcmp(name, device) == 0 ? 2 : 0;
    if (f)
        fclose(f);
    return found == 2 ? MIX_OK : MIX_FAIL(MIX_EINPUT, "no network device %s", device);
}

/* Events of the steps so far: a piece has come, a stage is computed, its sums are on their way. */
struct order {
    int mine, domains;
    int last[3]; /* number of the last event of each kind; 0: a step begins */
    int overlapped, chances, wrong;
};

static void watch(void *ctx, enum mix_exchange_event event, int number, int domain)
{
    struct order *o = ctx;
    int round = number ? 1 + (number - 1) / CHUNKS : 0;

    /* Nearest first: domain d sends to d + 1, then to d + 2. */
    o->wrong += domain != (o->mine - round + o->domains) % o->domains;

    /* The own piece is 0; its sums are no stage that returns. */
    o->wrong += number > (event == MIX_EVENT_RETURNED ? 1 : 0) && number != o->last[event] + 1;
    o->last[event] = number;
    if (event == MIX_EVENT_LANDED && number > 1) {
        o->chances++;
        o->overlapped += o->last[MIX_EVENT_COMPUTED] == number - 1;
    }
    o->wrong += event != MIX_EVENT_LANDED && number > o->last[event - 1];
}

static int steps(struct idle *x, int n)
{
    int rc = MIX_OK;

    for (int s = 0; s < n; s++)
        TRY(idle_step(x, s));
out:
    return rc;
}

static int compare(struct mix_comm *comm, struct mix_dev *dev, const char *kind, int n)
{
    int rc, me = mix_comm_rank(comm), world = mix_comm_size(comm), domain = 0;
    const char *device = getenv("OMPI_MCA_btl_tcp_if_include");
    uint64_t before, after, counted = 0;
    struct mix_group *all = NULL;
    struct idle x = {0};
    struct order order = {0};

    MIX_CHECK(device, "%d ranks, each on its own rail", world);
    for (int m = 0; m < world; m++)
        domain += mix_comm_host_shared(comm, m);
    struct mix_plan want = {.exchange = mix_exchange_kind_parse(kind),
                            .domain_size = domain,
                            .chunks = CHUNKS,
                            .chunk_bytes = 4096,
                            .depth = 1};

    order = (struct order){.mine = me / domain, .domains = world / domain};
    TRY(mix_group_open_world(&all, comm));
    TRY(idle_open(&x, comm, dev, &want, watch, &order));
    TRY(steps(&x, 1)); /* connects */
    for (int p = 0; p < MIX_PHASES; p++)
        counted -= mix_exchange_traffic(x.exchange).bytes[p][MIX_BETWEEN];
    TRY(mix_group_barrier(all));
    usleep(100000); /* until the queues are empty */
    TRY(sent_by(device, &before));
    TRY(mix_group_barrier(all));
    TRY(steps(&x, n));
    TRY(mix_group_barrier(all));
    usleep(100000);
    TRY(sent_by(device, &after));
    for (int p = 0; p < MIX_PHASES; p++)
        counted += mix_exchange_traffic(x.exchange).bytes[p][MIX_BETWEEN];
    printf("%d %s %" PRIu64 " %" PRIu64 " %d %d %d\n", me, mix_comm_host(comm, me), counted,
           after - before, order.overlapped, order.chances, order.wrong);
    TRY(mix_group_barrier(all));
out:
    idle_close(&x);
    mix_group_close(all);
    return rc;
}

int main(int argc, char **argv)
{
    struct mix_comm *comm = NULL;
    struct mix_dev *dev = NULL;
    int rc;

    MIX_CHECK(argc == 3, "wire KIND STEPS");
    TRY(rig_comm(&comm));
    TRY(mix_dev_open(&dev, "cpu", 0, 1));
    TRY(compare(comm, dev, argv[1], atoi(argv[2])));
    mix_dev_close(dev);
    rig_comm_close(comm);
out:
    return rc;
}
