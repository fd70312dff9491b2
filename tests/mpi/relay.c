/* relay.c - what mixserve and fused hand to MPI, in which order, and what they do meanwhile.
 *
 * The program's MPI_Isend, MPI_Irecv and MPI_Testsome are those of this file. They write down what
 * leaves and to whom, whether MPI is looked after while experts run, and hold back a piece that has
 * come until the one before it is computed: whoever computes only when all has come waits for ever.
 * No clock is looked at, but that of the stall timeout, which ends such a wait. */
#include "base/err.h"
#include "base/log.h"
#include "idle.h"
#include "rig.h"
#include "tap_mpi.h"

#include <string.h>

enum { MOST = 512, STEPS = 6 };
enum { COUNT, DATA, BACK, KINDS }; /* of messages, in the order of their tags: relay_wire.c */

static struct mix_comm *comm;
static struct mix_dev *dev;
static struct idle idle;

/* ---- what is seen of MPI */

struct message {
    MPI_Request request;
    int member, tag;
    bool done;
};

static struct {
    bool on, shorten; /* take four bytes from what is sent */
    int domain, domains, chunks;
    int place, places;                     /* in the domain */
    struct message sent[MOST], come[MOST]; /* of a step */
    int sends, receives, under_way;
    int computed; /* stages */
    /* of all steps */
    int most_under_way, held, wrong, off_rail, while_running;
} seen;

static void begin_step(void)
{
    seen.sends = seen.receives = seen.under_way = seen.computed = 0;
    seen.on = true;
}

/* What a step sends first is a count, or rows if there is one chunk. */
static int kind_of(const struct message *m)
{
    return m->tag - seen.sent[0].tag + (seen.chunks > 1 ? COUNT : DATA);
}

/* Does a message go to a rank that has my place in its domain? */
static bool stays_on_rail(MPI_Comm mpi, int dest)
{
    MPI_Group some, all;
    int rank;

    MPI_Comm_group(mpi, &some);
    MPI_Comm_group(MPI_COMM_WORLD, &all);
    MPI_Group_translate_ranks(some, 1, &dest, all, &rank);
    MPI_Group_free(&some);
    MPI_Group_free(&all);
    return rank % seen.places == seen.place;
}

static void note(struct message *list, int *n, MPI_Request request, int member, int tag)
{
    if (*n < MOST)
        list[(*n)++] = (struct message){.request = request, .member = member, .tag = tag};
    else
        seen.wrong++;
}

int MPI_Isend(const void *buf, int count, MPI_Datatype type, int dest, int tag, MPI_Comm mpi,
              MPI_Request *request)
{
    int less = seen.shorten && count > 4 ? 4 : 0;
    int e = PMPI_Isend(buf, count - less, type, dest, tag, mpi, request);

    if (seen.on) {
        note(seen.sent, &seen.sends, *request, dest, tag);
        seen.off_rail += !stays_on_rail(mpi, dest);
        seen.under_way++;
        if (seen.under_way > seen.most_under_way)
            seen.most_under_way = seen.under_way;
    }
    return e;
}

int MPI_Irecv(void *buf, int count, MPI_Datatype type, int source, int tag, MPI_Comm mpi,
              MPI_Request *request)
{
    int e = PMPI_Irecv(buf, count, type, source, tag, mpi, request);

    if (seen.on)
        note(seen.come, &seen.receives, *request, source, tag);
    return e;
}

static struct message *find(struct message *list, int n, MPI_Request request)
{
    for (int i = 0; i < n; i++)
        if (!list[i].done && list[i].request == request)
            return &list[i];
    return NULL;
}

/* The piece whose rows a receive takes. */
static int piece_of(const struct message *m)
{
    int round = (seen.domain - m->member + seen.domains) % seen.domains, c = 0;

    for (const struct message *o = seen.come; o < m; o++)
        c += kind_of(o) == DATA && o->member == m->member;
    return 1 + (round - 1) * seen.chunks + c;
}

/* Must it wait until what comes before is computed? */
static bool is_held(MPI_Request request)
{
    const struct message *m = find(seen.come, seen.receives, request);

    return m && seen.sends && kind_of(m) == DATA && piece_of(m) > seen.computed;
}

static void end(MPI_Request request)
{
    struct message *m = find(seen.come, seen.receives, request);

    if (!m && (m = find(seen.sent, seen.sends, request)))
        seen.under_way--;
    if (m)
        m->done = true;
}

int MPI_Testsome(int n, MPI_Request *request, int *count, int *which, MPI_Status *status)
{
    MPI_Request some[2 * MOST];
    int from[2 * MOST], left = 0, e;

    if (!seen.on || n > 2 * MOST)
        return PMPI_Testsome(n, request, count, which, status);
    for (int i = 0; i < n; i++)
        if (!is_held(request[i])) {
            some[left] = request[i];
            from[left++] = i;
        }
    seen.held += n - left;
    seen.while_running += idle.running;
    e = PMPI_Testsome(left, some, count, which, status);
    if (*count == MPI_UNDEFINED && n > left)
        *count = 0;
    for (int j = 0; *count != MPI_UNDEFINED && j < *count; j++) {
        int i = from[which[j]];

        end(request[i]);
        request[i] = some[which[j]];
        which[j] = i;
    }
    return e;
}

static void watch(void *ctx, enum mix_exchange_event event, int number, int domain)
{
    (void)ctx, (void)domain;
    if (event == MIX_EVENT_COMPUTED)
        seen.computed = number + 1;
}

/* ---- what must be seen */

/* Counts and rows go to the nearest domain first, d + 1, d + 2, ..., sums back to d - 1, d - 2,
 * ...: those who have sent first. No domain gets more than a message for each chunk. */
static int disorder(void)
{
    int wrong = 0, last[KINDS] = {0}, in_turn[KINDS] = {0};

    for (int i = 0; i < seen.sends; i++) {
        const struct message *m = &seen.sent[i];
        int kind = kind_of(m), most = kind == COUNT ? 1 : seen.chunks;
        int on = (m->member - seen.domain + seen.domains) % seen.domains;
        int round = kind == BACK ? seen.domains - on : on;

        if (kind < 0 || kind >= KINDS || !on || round < last[kind]) {
            wrong++;
            continue;
        }
        in_turn[kind] = round == last[kind] ? in_turn[kind] + 1 : 1;
        last[kind] = round;
        wrong += in_turn[kind] > most;
    }
    return wrong;
}

/* ---- steps */

static int steps(void)
{
    int rc = MIX_OK;

    for (int s = 0; s < STEPS; s++) {
        begin_step();
        TRY(idle_step(&idle, s));
        seen.wrong += disorder();
    }
out:
    seen.on = false;
    return rc;
}

static void pieces(int kind, int domain, int chunks, int depth)
{
    int rc = MIX_OK, world = mix_comm_size(comm), least;
    struct mix_plan want = {
        .exchange = kind, .domain_size = domain, .chunks = chunks, .depth = depth};

    mix_comm_domain_set(comm, domain);
    memset(&seen, 0, sizeof seen);
    seen.domain = mix_comm_rank(comm) / domain;
    seen.place = mix_comm_rank(comm) % domain;
    seen.places = domain;
    seen.domains = world / domain;
    seen.chunks = chunks;
    TRY(idle_open(&idle, comm, dev, &want, watch, NULL));
    TRY(steps());
out:
    ok_all(rc == MIX_OK && seen.held > 0,
           "%s, %d domains, %d chunks: each piece is computed before the next may come",
           mix_exchange_kind_name(kind), world / domain, chunks);
    ok_all(seen.wrong == 0, "the nearest domain's messages leave first");
    ok_all(seen.off_rail == 0, "and to ranks of my place");
    /* counts leave in one go, rows one by one as they are packed */
    least = chunks == 1 ? 1 : depth < seen.domains ? depth : seen.domains;
    ok_all(seen.most_under_way <= depth && seen.most_under_way >= least,
           "no more at once than may: %d of %d", seen.most_under_way, depth);
    ok_all(seen.while_running > 0, "and MPI is looked after while experts run");
    idle_close(&idle);
}

/* In one chunk a message's length says how many rows come. Every rank gets a wrong one. */
static void length(void)
{
    int rc, domains = mix_comm_size(comm);
    struct mix_plan want = {
        .exchange = MIX_EXCHANGE_FUSED, .domain_size = 1, .chunks = 1, .depth = 2};

    mix_comm_domain_set(comm, 1);
    memset(&seen, 0, sizeof seen);
    rc = idle_open(&idle, comm, dev, &want, NULL, NULL);
    seen.shorten = true;
    mix_log_level(MIX_LOG_SILENT);
    rc = rc ? rc : idle_step(&idle, 0);
    ok_all(rc == MIX_EBUG && strstr(mix_err_last(), "bytes come, rows have"),
           "%d domains: what is no number of rows is refused", domains);
}

int main(void)
{
    if (rig_comm(&comm) != MIX_OK || mix_dev_open(&dev, "cpu", 0, 1) != MIX_OK)
        return 1;
    if (mix_comm_rank(comm) > 0)
        tap_mute();
    for (int domain = 1; domain < mix_comm_size(comm); domain *= 2)
        for (int depth = 1; depth <= 3; depth++)
            for (int chunks = 1; chunks <= 3; chunks++) {
                pieces(MIX_EXCHANGE_MIXSERVE, domain, chunks, depth);
                pieces(MIX_EXCHANGE_FUSED, domain, chunks, depth);
            }
    length(); /* last: what has failed is not closed */
    rig_comm_close(comm);
    return tap_done();
}
