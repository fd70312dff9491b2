/* cmd_probe.c - mixserve probe: what every rank sees, and how fast it is together.
 *
 * All ranks measure; rank 0 alone prints and saves. */
#include "cli/cli.h"

#include "arch/arch.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/file.h"
#include "model/gauge.h"
#include "plan/mesh.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct probe {
    const struct mix_options *o;
    struct mix_comm *comm;
    struct mix_group *world;
    struct mix_dev *dev;
    struct mix_topo topo;
    struct mix_arch arch; /* with --model */
    struct mix_gauge gauge;
    int domain;           /* ranks of one */
    struct mix_plan mesh; /* its degrees alone: as pinned, else tp 1, etp 1, ep all ranks */
};

static int open_world(struct probe *p)
{
    int rc = MIX_OK;

    TRY(mix_comm_open(&p->comm, p->o->stall_timeout));
    TRY(mix_group_open_world(&p->world, p->comm));
    TRY(mix_topo_gather(&p->topo));
    TRY(mix_dev_open(&p->dev, "cpu", 0,
                     p->o->threads ? (int)p->o->threads
                                   : p->topo.rank[mix_comm_rank(p->comm)].threads));
out:
    return rc;
}

/* Rank 0.  A host's ranks, unless the user knows better: as the planner takes them. */
static int choose_domain(struct probe *p)
{
    const struct mix_topo *t = &p->topo;
    int m = p->o->domain_size ? (int)p->o->domain_size : t->rank[0].local_ranks;

    for (int i = 0; !p->o->domain_size && i < t->ranks; i++)
        if (t->rank[i].local_ranks != m || t->rank[i].host_index != i / m)
            return MIX_FAIL(MIX_EFIT,
                            "hosts have unequal numbers of ranks, or ranks in turns: rank %d is on "
                            "%s, which has %d, %s has %d; --domain-size N says what a domain is",
                            i, t->rank[i].host, (int)t->rank[i].local_ranks, t->rank[0].host, m);
    if (t->ranks % m)
        return MIX_FAIL(MIX_EUSAGE, "--domain-size %d does not divide %d ranks", m, t->ranks);
    p->domain = m;
    return MIX_OK;
}

/* The meshes whose groups are shown. */
static int make_mesh(struct probe *p)
{
    int rc = MIX_OK, world = p->topo.ranks;
    int tp = p->o->tp ? (int)p->o->tp : 1, etp = p->o->etp ? (int)p->o->etp : 1;
    int ep = p->o->ep ? (int)p->o->ep : world / etp;

    if (p->domain % tp || p->domain % etp || world % (etp * ep)) {
        rc = MIX_FAIL(MIX_EUSAGE,
                      "tp %d and etp %d must divide the %d ranks of a domain, etp x ep the %d of "
                      "the world (ep is %d)",
                      tp, etp, p->domain, world, ep);
        goto out;
    }
    p->mesh = (struct mix_plan){.numeric = {.tp = tp, .etp = etp},
                                .world = world,
                                .domain_size = p->domain,
                                .domains = world / p->domain,
                                .dp = world / tp,
                                .ep = ep,
                                .edp = world / (etp * ep)};
out:
    return rc;
}

/* What rank 0 reads and decides, or the code of what is wrong, to everybody: one rank says it. */
static int look(struct probe *p)
{
    int rc = MIX_OK;
    struct {
        int64_t rc, domain;
        struct mix_plan mesh;
        struct mix_arch arch;
        struct mix_machine machine;
    } letter = {0};

    if (mix_comm_rank(p->comm) == 0) {
        letter.rc = choose_domain(p);
        if (letter.rc == MIX_OK)
            letter.rc = make_mesh(p);
        letter.domain = p->domain;
        if (p->o->model && letter.rc == MIX_OK)
            letter.rc = mix_arch_load(&letter.arch, p->o->model);
        if (p->o->machine && letter.rc == MIX_OK)
            letter.rc = mix_machine_load(&letter.machine, p->o->machine);
    }
    letter.mesh = p->mesh;
    TRY(mix_group_bcast(p->world, &letter, sizeof letter, 0));
    p->domain = (int)letter.domain;
    p->mesh = letter.mesh;
    p->arch = letter.arch;
    p->gauge.machine = letter.machine;
    rc = (int)letter.rc;
out:
    return rc;
}

static int measure(struct probe *p)
{
    struct mix_gauge_config c = {
        .comm = p->comm,
        .world = p->world,
        .dev = p->dev,
        .topo = &p->topo,
        .arch = p->o->model ? &p->arch : NULL,
        .domain_size = p->domain,
    };

    return mix_gauge_machine(&p->gauge, &c);
}

/* ---- text */

static void print_bytes(double bytes)
{
    char text[24];

    if (bytes < 1024)
        snprintf(text, sizeof text, "%g B", bytes);
    else if (bytes < 1048576)
        snprintf(text, sizeof text, "%g KiB", bytes / 1024);
    else
        snprintf(text, sizeof text, "%g MiB", bytes / 1048576);
    printf("  %11s", text);
}

/* Two classes of links may have been measured at different sizes: each has its own line of them. */
static void print_links(const struct probe *p)
{
    static const char *const name[] = {"inside", "between"};
    const struct mix_gauge *g = &p->gauge;

    printf("\nlinks, %s: us of an operation, and of each message in it\n",
           p->o->machine ? "as saved" : "all ranks sending");
    for (int k = 0; k < MIX_LINK_KINDS; k++) {
        const struct mix_link *l = &g->machine.link[k];
        bool other = !p->o->machine && !g->measured[k];

        if (other) {
            printf("%-8s  %s\n", name[k],
                   g->measured[!k] ? "none here: taken as the other"
                                   : "none here: taken as two copies in memory");
            continue;
        }
        printf("%-8s  %9s", name[k], "latency");
        for (int i = 0; i < l->points; i += 2)
            print_bytes(l->bytes[i]);
        printf("\n%-8s  %9.2f", "", l->latency * 1e6);
        for (int i = 0; i < l->points; i += 2)
            printf("  %11.2f", l->seconds[i] * 1e6);
        printf("\n");
    }
}

static void print_rates(const struct mix_machine *m)
{
    static const char *const type[] = {"float32", "bfloat16"};
    static const char *const work[] = {"dense", "experts", "attention", "memory"};

    printf("\nrates of a rank, %d on its node at work: GF/s by rows\n"
           "type      work       launch us    GB/s  rows: GF/s\n",
           m->ranks ? (int)m->ranks : 1);
    for (int t = 0; t < MIX_MACHINE_TYPES; t++)
        for (int w = 0; w < MIX_WORKS; w++) {
            const struct mix_rate *r = &m->rate[t][w];

            printf("%-8s  %-9s  %9.2f  %6.1f ", type[t], work[w], r->launch * 1e6,
                   r->bandwidth * 1e-9);
            for (int i = 0; i < r->points && w != MIX_WORK_MEMORY; i++)
                printf(" %g: %.4g%s", r->rows[i], r->speed[i] * 1e-9, i + 1 < r->points ? "," : "");
            if (r->each > 0)
                printf("; %.2f us a sequence", r->each * 1e6);
            printf("\n");
        }
}

static void print_whole(const struct mix_machine *m)
{
    static const char *const name[] = {
        [MIX_MACHINE_F32] = "float32", [MIX_MACHINE_BF16] = "bfloat16"};

    for (int t = 0; t < MIX_MACHINE_TYPES; t++)
        for (int i = 0; i < m->whole[t].points; i++)
            printf("whole steps, %s: %.2f times their parts at %.0f tokens of a replica\n", name[t],
                   m->whole[t].times[i], m->whole[t].tokens[i]);
}

static int print_text(const struct probe *p)
{
    int rc = MIX_OK;
    const struct mix_machine *m = &p->gauge.machine;
    struct mix_str table = {0};

    TRY(mix_topo_table(&p->topo, &table));
    fwrite(table.s, 1, table.len, stdout);
    mix_str_clear(&table);
    TRY(mix_mesh_say(&p->mesh, &table));
    fwrite(table.s, 1, table.len, stdout);
    printf("machine: %s (%s)\n", m->name, m->device);
    print_links(p);
    print_rates(m);
    print_whole(m);
    if (!p->o->machine)
        printf("\nmeasured in %.1f s (links), %.1f s (rates) and %.1f s (steps)\n",
               p->gauge.links_s, p->gauge.rates_s, p->gauge.steps_s);
out:
    mix_str_fini(&table);
    return rc;
}

/* ---- JSON */

static json_t *rank_json(const struct mix_topo_rank *r, int rank, int domain)
{
    return json_pack("{s:i, s:s, s:i, s:i, s:i, s:i, s:I, s:s, s:i, s:i}", "rank", rank, "host",
                     r->host, "local_rank", (int)r->local_rank, "local_ranks", (int)r->local_ranks,
                     "threads", (int)r->threads, "host_cores", (int)r->host_cores, "memory",
                     (json_int_t)r->memory, "isa", r->isa, "domain", rank / domain, "rail",
                     rank % domain);
}

static int print_json(const struct probe *p, const struct mix_str *machine)
{
    const struct mix_gauge *g = &p->gauge;
    json_t *ranks = json_array(), *all;

    for (int i = 0; i < p->topo.ranks; i++)
        json_array_append_new(ranks, rank_json(&p->topo.rank[i], i, p->domain));
    all = json_pack("{s:o, s:{s:i, s:i, s:i, s:i, s:i, s:i, s:i}, s:o}", "ranks", ranks, "groups",
                    "world", p->topo.ranks, "domain", p->domain, "rail", p->topo.ranks / p->domain,
                    "tp", p->mesh.numeric.tp, "etp", p->mesh.numeric.etp, "ep", p->mesh.ep, "edp",
                    p->mesh.edp, "machine", json_loadb(machine->s, machine->len, 0, NULL));
    if (all && !p->o->machine)
        json_object_set_new(all, "measured",
                            json_pack("{s:b, s:b, s:f, s:f, s:f}", "inside", (int)g->measured[0],
                                      "between", (int)g->measured[1], "links_seconds", g->links_s,
                                      "rates_seconds", g->rates_s, "steps_seconds", g->steps_s));
    return mix_cli_print_json(all, "what was probed");
}

/* Rank 0. */
static int tell(const struct probe *p)
{
    int rc = MIX_OK;
    struct mix_str machine = {0};

    TRY(mix_machine_to_json(&p->gauge.machine, &machine));
    if (p->o->save) {
        TRY(mix_file_write(p->o->save, machine.s, machine.len));
        mix_info("saved %s", p->o->save);
    }
    TRY(p->o->json ? print_json(p, &machine) : print_text(p));
out:
    mix_str_fini(&machine);
    return rc;
}

static int run(const struct mix_options *o, const bool *given, int argc, char **argv)
{
    int rc = MIX_OK, code = MIX_OK;
    struct probe p = {.o = o};

    (void)given, (void)argc, (void)argv;
    TRY(open_world(&p));
    TRY(look(&p));
    if (!o->machine)
        TRY(measure(&p));
    if (mix_comm_rank(p.comm) == 0)
        code = tell(&p);
    TRY(mix_group_bcast(p.world, &code, sizeof code, 0)); /* nobody leaves before it is known */
    TRY(code);
    mix_dev_close(p.dev);
    mix_group_close(p.world);
    mix_topo_fini(&p.topo);
    mix_comm_close(p.comm);
out:
    return rc;
}

const struct mix_command mix_cmd_probe = {
    .name = "probe",
    .id = MIX_CMD_PROBE,
    .text = "what every rank sees, links and rates measured",
    .more =
        "Hosts, groups, and in about 4 s what messages cost inside domains and between them, and\n"
        "how fast products, attention and memory are with all ranks at work.  Saved, a login node\n"
        "can plan with it.",
    .example = "mpirun -n 4 mixserve probe --domain-size 2 --save machine.json",
    .run = run,
};
