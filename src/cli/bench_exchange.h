/* bench_exchange.h - whole steps of every exchange on the ranks at hand: time, overlap, bytes.
 *
 * A step is start and finish with what both need: counts, dispatch, experts, combine.  The layout
 * is the paper's: an expert is sliced over a domain (etp = its ranks), experts are dealt to the
 * domains (ep); 64 experts of hidden 2048, 8 to a token, bf16 there and back, drawn uniformly from
 * a seed.
 *
 * Three times of each: alone (Tx, experts cost nothing), experts alone (Tc), both (To).  From these
 *
 *   exposed  To - Tc
 *   hidden   (Tc + Tx - To) / min(Tc, Tx): 1 if the shorter one costs nothing
 *
 * A repetition takes all exchanges in turn, each opened for its turn and warmed up by a step, a
 * barrier before each step; it takes as long as its slowest rank.  Experts are real products, or
 * virtual: a time by the clock (exchange/pace.h), such that Tc is the Tx of fused in chunks.  The
 * link inside the domain is memory, or paced.
 *
 * Collective on all ranks; all have the same results. */
#ifndef MIX_CLI_BENCH_EXCHANGE_H
#define MIX_CLI_BENCH_EXCHANGE_H

#include "cli/options.h"
#include "comm/comm.h"
#include "dev/dev.h"
#include "exchange/exchange.h"
#include "topo/machine.h"

enum { MIX_BENCH_EXCHANGES = 8, MIX_BENCH_SIZES = 16 };

/* What is asked for. */
struct mix_bench_settings {
    int32_t sizes, chunks, repeats, inner, seed;
    bool real;                    /* experts */
    double inside_rate;           /* bytes a second; 0: as memory is */
    double size[MIX_BENCH_SIZES]; /* bytes from a rank to a domain, k copies a token */
};

/* From the options; MIX_EUSAGE names the one that is wrong.  Not collective. */
int mix_bench_settings(struct mix_bench_settings *s, const struct mix_options *o);

struct mix_bench_quartiles {
    double low, median, high; /* seconds */
};

struct mix_bench_travel { /* what a rank sends in a step, by side of the domain */
    double bytes[MIX_SIDES], messages[MIX_SIDES];
};

struct mix_bench_row {
    const char *name;                         /* "mixserve sync" */
    int exchange, chunks;                     /* enum mix_exchange_kind */
    struct mix_bench_quartiles alone, both;   /* Tx, To */
    struct mix_bench_travel counted, formula; /* by the rank with most; expected of each */
    double limit;                             /* no step with both is faster: seconds */
    double predicted;                         /* Tx by plan/cost.h */
};

struct mix_bench_size {
    double asked, bytes;                /* of size[]; as whole tokens give it, on average */
    int tokens;                         /* owned by a rank */
    double row_s;                       /* of virtual experts: seconds for a token and an expert */
    struct mix_bench_quartiles experts; /* Tc */
    struct mix_bench_row row[MIX_BENCH_EXCHANGES];
};

struct mix_bench_here {
    struct mix_comm *comm;
    struct mix_group *world;
    struct mix_dev *dev;
    const struct mix_machine *machine; /* its links, and how fast it copies */
    int node;                          /* ranks of a node */
    int domain_size;                   /* divides the ranks */
};

/* All exchanges at one size. */
int mix_bench_exchange(struct mix_bench_size *size, const struct mix_bench_here *here,
                       const struct mix_bench_settings *s, double asked);

double mix_bench_exposed(const struct mix_bench_size *size, const struct mix_bench_row *r);
double mix_bench_hidden(const struct mix_bench_size *size, const struct mix_bench_row *r);

/* Rank 0: a table, or a document, on stdout.  Not collective. */
void mix_bench_exchange_print(const struct mix_bench_here *here, const struct mix_bench_settings *s,
                              const struct mix_bench_size *size /* [s->sizes] */);
int mix_bench_exchange_json(const struct mix_bench_here *here, const struct mix_bench_settings *s,
                            const struct mix_bench_size *size);

/* ---- between the two files */

enum { MIX_BENCH_HIDDEN = 2048, MIX_BENCH_EXPERTS = 64, MIX_BENCH_K = 8 };

/* Set formula, limit and predicted of a size's rows, whose times and counts are known.  busy: rows
 * of the domain that gets most, over the mean.  Pure. */
void mix_bench_expect(struct mix_bench_size *size, const struct mix_bench_here *here,
                      const struct mix_bench_settings *s, double busy);

/* A machine's links as a step meets them: the one inside paced.  Pure. */
struct mix_machine mix_bench_paced(const struct mix_machine *m, const struct mix_bench_settings *s);
double mix_bench_rate(const struct mix_link *link); /* bytes a second of its largest messages */

#endif
