/* bench_exchange_tell.c - settings, what is expected, and the tables; see bench_exchange.h. */
#include "cli/bench_exchange.h"

#include "base/err.h"
#include "base/str.h"
#include "cli/cli.h"
#include "plan/cost.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- settings */

static bool parse_sizes(struct mix_bench_settings *s, const char *text)
{
    char one[32];
    size_t bytes;

    s->sizes = 0;
    for (const char *at = text; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        size_t n = strcspn(at, ",");

        if (n >= sizeof one || s->sizes == MIX_BENCH_SIZES)
            return false;
        memcpy(one, at, n);
        one[n] = '\0';
        if (!mix_parse_size(one, &bytes) || bytes < 1 || bytes > (size_t)1 << 30)
            return false;
        s->size[s->sizes++] = (double)bytes;
    }
    return true;
}

/* "250mbit": bits a second, in powers of 1000, to bytes. */
static bool parse_rate(const char *text, double *bytes)
{
    static const struct {
        const char *name;
        double bits;
    } unit[] = {{"bit", 1}, {"kbit", 1e3}, {"mbit", 1e6}, {"gbit", 1e9}};
    char *end;
    double x = strtod(text, &end);

    *bytes = 0;
    if (strcmp(text, "off") == 0)
        return true;
    for (size_t i = 0; i < sizeof unit / sizeof *unit && end != text; i++)
        if (strcmp(end, unit[i].name) == 0)
            *bytes = x * unit[i].bits / 8;
    return *bytes >= 1 && *bytes < 1e15;
}

int mix_bench_settings(struct mix_bench_settings *s, const struct mix_options *o)
{
    *s = (struct mix_bench_settings){.chunks = (int32_t)o->bench_chunks,
                                     .repeats = (int32_t)o->repeats,
                                     .inner = (int32_t)o->inner,
                                     .seed = (int32_t)o->seed,
                                     .real = strcmp(o->compute, "real") == 0};
    if (!parse_sizes(s, o->sizes))
        return MIX_FAIL(MIX_EUSAGE,
                        "--sizes %s: numbers of bytes from 1 to 1Gi are needed, at most %d, as in "
                        "64Ki,1Mi",
                        o->sizes, MIX_BENCH_SIZES);
    if (!parse_rate(o->intra_rate, &s->inside_rate))
        return MIX_FAIL(MIX_EUSAGE,
                        "--intra-rate %s: bits a second are needed, as in 250mbit or 8gbit, or off",
                        o->intra_rate);
    return MIX_OK;
}

/* ---- what is expected */

double mix_bench_exposed(const struct mix_bench_size *size, const struct mix_bench_row *r)
{
    return r->both.median - size->experts.median;
}

double mix_bench_hidden(const struct mix_bench_size *size, const struct mix_bench_row *r)
{
    double tc = size->experts.median, tx = r->alone.median, shorter = fmin(tc, tx);

    return shorter > 0 ? (tc + tx - r->both.median) / shorter : 0;
}

double mix_bench_rate(const struct mix_link *link)
{
    return link->bytes[link->points - 1] / link->seconds[link->points - 1];
}

struct mix_machine mix_bench_paced(const struct mix_machine *m, const struct mix_bench_settings *s)
{
    struct mix_machine paced = *m;
    struct mix_link *inside = &paced.link[MIX_LINK_INSIDE];

    if (!(s->inside_rate > 0))
        return paced;
    inside->ports = 1;
    for (int i = 0; i < inside->points; i++)
        inside->seconds[i] = fmax(inside->seconds[i], inside->bytes[i] / s->inside_rate);
    return paced;
}

/* The planner's model of an exchange between experts in slices over a domain. */
static struct mix_cost_model model_of(const struct mix_bench_row *r, const struct mix_arch *arch,
                                      const struct mix_bench_here *here)
{
    int ranks = mix_comm_size(here->comm), places = here->domain_size;

    return (struct mix_cost_model){.arch = arch,
                                   .machine = here->machine,
                                   .type = MIX_MACHINE_BF16,
                                   .layout = {.tp = 1,
                                              .dp = ranks,
                                              .etp = places,
                                              .ep = ranks / places,
                                              .edp = 1,
                                              .exchange = r->exchange},
                                   .domain = places,
                                   .node = here->node,
                                   .type_bytes = 2,
                                   .wire_bytes = 2,
                                   .partial_bytes = 4,
                                   .dispatch_bytes = 2,
                                   .chunks = r->chunks};
}

/* Messages that each rank sends: those of mixserve and fused in pieces that are not empty; with
 * more than one chunk a round's number of rows is one of its own. */
static void count_messages(double messages[MIX_SIDES], const struct mix_bench_row *r, double tokens,
                           double domains, double places)
{
    double others = domains - 1, near = places - 1, each = MIX_BENCH_K / domains;
    double pieces;

    if (r->exchange == MIX_EXCHANGE_FUSED)
        each = mix_cost_chance(MIX_BENCH_EXPERTS, MIX_BENCH_K, MIX_BENCH_EXPERTS / domains);
    pieces = fmax(1, fmin(r->chunks, tokens * each));
    switch (r->exchange) {
    case MIX_EXCHANGE_TP:
        messages[MIX_INSIDE] = 2 * near;
        messages[MIX_BETWEEN] = 2 * others * places;
        break;
    case MIX_EXCHANGE_EP:
        messages[MIX_INSIDE] = 3 * near;
        messages[MIX_BETWEEN] = 3 * others * places;
        break;
    case MIX_EXCHANGE_HYBRID:
        messages[MIX_INSIDE] = 3 * near;
        messages[MIX_BETWEEN] = 3 * others;
        break;
    default:
        messages[MIX_INSIDE] = 2 * near * (1 + others * pieces);
        messages[MIX_BETWEEN] = others * ((r->chunks > 1) + 2 * pieces);
    }
}

/* What the planner says that each rank sends, and that a step takes whose experts cost nothing. */
static void predict(struct mix_bench_row *r, const struct mix_bench_here *here, double tokens,
                    double busy)
{
    struct mix_arch arch = {
        .hidden = MIX_BENCH_HIDDEN, .experts = MIX_BENCH_EXPERTS, .top_k = MIX_BENCH_K};
    struct mix_cost_model m = model_of(r, &arch, here);
    struct mix_cost_stages stages = mix_cost_stages(&m, tokens);
    struct mix_cost_links mean, busiest;
    double copied[MIX_PHASES];

    mix_cost_exchange(&m, tokens, 1, &mean);
    for (int p = 0; p < MIX_PHASES; p++) {
        r->formula.bytes[MIX_INSIDE] += mean.sent[p][MIX_LINK_INSIDE];
        r->formula.bytes[MIX_BETWEEN] += mean.sent[p][MIX_LINK_BETWEEN];
    }
    count_messages(r->formula.messages, r, tokens, m.layout.ep, m.domain);
    mix_cost_exchange(&m, tokens, busy, &busiest);
    mix_cost_copied(&m, tokens, busy, copied);
    r->predicted = mix_cost_overlapped(&stages, busiest.between,
                                       busiest.inside + mix_cost_copying(&m, &stages, copied));
}

void mix_bench_expect(struct mix_bench_size *size, const struct mix_bench_here *here,
                      const struct mix_bench_settings *s, double busy)
{
    struct mix_machine paced = mix_bench_paced(here->machine, s);
    struct mix_bench_here on_paced = *here;
    double between = mix_bench_rate(&here->machine->link[MIX_LINK_BETWEEN]);

    on_paced.machine = &paced;
    for (int v = 0; v < MIX_BENCH_EXCHANGES; v++) {
        struct mix_bench_row *r = &size->row[v];

        r->limit = fmax(size->experts.median, r->counted.bytes[MIX_BETWEEN] / between);
        if (s->inside_rate > 0)
            r->limit = fmax(r->limit, r->counted.bytes[MIX_INSIDE] / s->inside_rate);
        r->formula = (struct mix_bench_travel){0};
        predict(r, &on_paced, size->tokens, busy);
    }
}

/* ---- text */

static const char *modelled(const struct mix_bench_settings *s)
{
    return s->real              ? s->inside_rate > 0 ? "inside" : "-"
           : s->inside_rate > 0 ? "experts, inside"
                                : "experts";
}

static double spread(const struct mix_bench_quartiles *q)
{
    return q->median > 0 ? (q->high - q->low) / q->median * 100 : 0;
}

static void print_head(const struct mix_bench_here *here, const struct mix_bench_settings *s)
{
    int ranks = mix_comm_size(here->comm), domains = ranks / here->domain_size;
    const struct mix_link *link = here->machine->link;

    printf("%d domain%s of %d rank%s; %d of %d experts, hidden %d, bf16; seed %d, %d repeats; "
           "machine %s\n",
           domains, domains > 1 ? "s" : "", here->domain_size, here->domain_size > 1 ? "s" : "",
           MIX_BENCH_K, MIX_BENCH_EXPERTS, MIX_BENCH_HIDDEN, s->seed, s->repeats,
           here->machine->name);
    if (domains > 1)
        printf("between domains: %.1f Mbit/s a rank, latency %.0f us\n",
               mix_bench_rate(&link[MIX_LINK_BETWEEN]) * 8e-6,
               link[MIX_LINK_BETWEEN].latency * 1e6);
    else
        printf("there is one domain: nothing travels between domains\n");
    if (s->inside_rate > 0)
        printf("inside a domain: modelled, by a clock, %.1f Mbit/s into a rank\n",
               s->inside_rate * 8e-6);
    else
        printf("inside a domain: the memory that its ranks share\n");
    printf("copying: %.1f GB/s read and written by a rank\n",
           here->machine->rate[MIX_MACHINE_BF16][MIX_WORK_MEMORY].bandwidth * 1e-9);
    if (s->real)
        printf("experts: real products, inner %d\n", s->inner);
    else
        printf("experts: modelled, by a clock, such that Tc is the Tx of fused in %d chunks\n",
               s->chunks);
    printf("Tx: without experts, Tc: experts alone, To: both; medians, +- is half of what lies "
           "between the quartiles\n"
           "exposed: To - Tc, hidden: (Tc + Tx - To) / min(Tc, Tx), limit of To: Tc, or what its "
           "bytes take\n");
}

static void name_of(const struct mix_bench_row *r, char name[32])
{
    if (strcmp(r->name, "fused") == 0)
        snprintf(name, 32, "%s, %d chunk%s", r->name, r->chunks, r->chunks > 1 ? "s" : "");
    else
        snprintf(name, 32, "%s", r->name);
}

static void print_times(const struct mix_bench_size *z, const struct mix_bench_settings *s)
{
    char name[32];

    printf("%-17s %10s %5s %10s %5s %10s %10s %6s %10s %10s  %s\n", "ms", "Tx", "+-", "To", "+-",
           "Tc", "exposed", "hidden", "limit", "predicted", "modelled");
    for (int v = 0; v < MIX_BENCH_EXCHANGES; v++) {
        const struct mix_bench_row *r = &z->row[v];

        name_of(r, name);
        printf("%-17s %10.3f %3.0f %% %10.3f %3.0f %% %10.3f %10.3f %6.2f %10.3f %10.3f  %s\n",
               name, r->alone.median * 1e3, spread(&r->alone) / 2, r->both.median * 1e3,
               spread(&r->both) / 2, z->experts.median * 1e3, mix_bench_exposed(z, r) * 1e3,
               mix_bench_hidden(z, r), r->limit * 1e3, r->predicted * 1e3, modelled(s));
    }
}

static void print_travel(const struct mix_bench_size *z)
{
    char name[32];

    printf("%-17s %12s %12s %9s %8s %12s %12s %9s %8s\n", "KiB of a rank", "between", "expected",
           "messages", "expected", "inside", "expected", "messages", "expected");
    for (int v = 0; v < MIX_BENCH_EXCHANGES; v++) {
        const struct mix_bench_row *r = &z->row[v];

        name_of(r, name);
        printf("%-17s", name);
        for (int side = MIX_SIDES - 1; side >= 0; side--)
            printf(" %12.1f %12.1f %9.0f %8.0f", r->counted.bytes[side] / 1024,
                   r->formula.bytes[side] / 1024, r->counted.messages[side],
                   r->formula.messages[side]);
        printf("\n");
    }
}

void mix_bench_exchange_print(const struct mix_bench_here *here, const struct mix_bench_settings *s,
                              const struct mix_bench_size *size)
{
    char asked[32], bytes[32];

    print_head(here, s);
    for (int i = 0; i < s->sizes; i++) {
        const struct mix_bench_size *z = &size[i];

        printf("\n%s from a rank to a domain in k copies, %s asked: %d token%s a rank\n",
               mix_human_bytes(z->bytes, bytes), mix_human_bytes(z->asked, asked), z->tokens,
               z->tokens > 1 ? "s" : "");
        print_times(z, s);
        print_travel(z);
    }
}

/* ---- JSON */

static json_t *quartiles_json(const struct mix_bench_quartiles *q)
{
    return json_pack("{s:f, s:f, s:f}", "low", q->low, "median", q->median, "high", q->high);
}

static json_t *travel_json(const struct mix_bench_row *r, int side)
{
    return json_pack("{s:f, s:f, s:f, s:f}", "bytes", r->counted.bytes[side], "messages",
                     r->counted.messages[side], "expected_bytes", r->formula.bytes[side],
                     "expected_messages", r->formula.messages[side]);
}

static json_t *row_json(const struct mix_bench_size *z, const struct mix_bench_row *r,
                        const struct mix_bench_settings *s)
{
    return json_pack(
        "{s:f, s:f, s:i, s:s, s:s, s:i, s:s, s:s, s:o, s:o, s:o, s:f, s:f, s:f, s:f, s:o, s:o}",
        "asked_bytes", z->asked, "bytes", z->bytes, "tokens", z->tokens, "name", r->name,
        "exchange", mix_exchange_kind_name(r->exchange), "chunks", r->chunks, "experts",
        s->real ? "real" : "virtual", "inside", s->inside_rate > 0 ? "paced" : "memory", "alone",
        quartiles_json(&r->alone), "compute", quartiles_json(&z->experts), "both",
        quartiles_json(&r->both), "exposed", mix_bench_exposed(z, r), "hidden",
        mix_bench_hidden(z, r), "limit", r->limit, "predicted_alone", r->predicted,
        "between_domains", travel_json(r, MIX_BETWEEN), "inside_domain",
        travel_json(r, MIX_INSIDE));
}

static json_t *link_json(const struct mix_link *link)
{
    return json_pack("{s:f, s:f}", "latency", link->latency, "bytes_per_second",
                     mix_bench_rate(link));
}

int mix_bench_exchange_json(const struct mix_bench_here *here, const struct mix_bench_settings *s,
                            const struct mix_bench_size *size)
{
    const struct mix_link *link = here->machine->link;
    json_t *rows = json_array(), *all;

    for (int i = 0; i < s->sizes; i++)
        for (int v = 0; v < MIX_BENCH_EXCHANGES; v++)
            json_array_append_new(rows, row_json(&size[i], &size[i].row[v], s));
    all = json_pack(
        "{s:{s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:s, s:i, s:f}, s:{s:s, s:o, s:o, s:f}, "
        "s:o}",
        "settings", "ranks", mix_comm_size(here->comm), "domain_size", here->domain_size, "experts",
        MIX_BENCH_EXPERTS, "experts_per_token", MIX_BENCH_K, "hidden", MIX_BENCH_HIDDEN, "chunks",
        s->chunks, "repeats", s->repeats, "seed", s->seed, "compute", s->real ? "real" : "virtual",
        "inner", s->inner, "inside_bytes_per_second", s->inside_rate, "machine", "name",
        here->machine->name, "between", link_json(&link[MIX_LINK_BETWEEN]), "inside",
        link_json(&link[MIX_LINK_INSIDE]), "memory_bytes_per_second",
        here->machine->rate[MIX_MACHINE_BF16][MIX_WORK_MEMORY].bandwidth, "rows", rows);
    return mix_cli_print_json(all, "what was measured");
}
