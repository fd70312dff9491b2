/* cost.h - how long a step takes under a layout, by part.
 *
 * The model of docs/planner.md.  A product takes launch + max(operations / rate(rows),
 * bytes of the weights touched / bandwidth); a movement takes latency + its messages;
 * the machine (topo/machine.h) has the rates, and divides a node that its ranks share.
 * All replicas do the same step at the same time.
 *
 *   tokens   T of a replica's step, O = T / tp owned by a rank, c = etp x ep ranks of a copy of
 *            the experts, N = O c tokens that meet there
 *   touched  E' = E (1 - (1 - k/E)^N): a token goes to k of E experts, all alike
 *   busiest  of ep parts with L of E experts each: mean + sqrt(2 ln ep) sigma, the usual bound
 *            of the largest of ep normal numbers; copies of N tokens have
 *            mean N k L/E,  sigma^2 = N k L/E (1 - L/E) (E - k)/(E - 1)   (hypergeometric)
 *   chance   that one of L of E experts is among a token's k: 1 - C(E - L, k) / C(E, k)
 *   stages   mixserve and fused compute the own domain's rows first, then each chunk of the
 * others'; the wire X of all P chunks of others hides the work G of moving inside the domain, of
 * copying and of experts, or the other way.  The last chunk is computed when all has come, and its
 * sums are under way when all is computed: max(X + G g, G + X / 2P), g being a chunk's part of all
 * rows; what of X is not hidden is "between".  Weights are read once a stage
 *
 *   whole    the parts add up to less than a step that was run on the machine at hand: what lies
 * between operations, caches that others have used, ranks that take turns on a core.  If it was
 * (model/rehearse.h), all parts are stretched alike
 *
 * Members of struct mix_cost are seconds of one rank in one step and add up to the
 * step; they are those that a run measures (model/model.h), so that predicted and
 * measured stand side by side.  Pure; not collective. */
#ifndef MIX_PLAN_COST_H
#define MIX_PLAN_COST_H

#include "arch/arch.h"
#include "plan/layouts.h"
#include "topo/machine.h"

struct mix_cost_model { /* what runs where */
    const struct mix_arch *arch;
    const struct mix_machine *machine;
    enum mix_machine_type type; /* of operands */
    struct mix_layout layout;
    int domain;                       /* ranks of a domain */
    int node;                         /* ranks of a node */
    double type_bytes, kv_bytes;      /* of a number: operands as they travel, keys and values */
    double dispatch_bytes;            /* of tokens, as mixserve and fused send them to experts */
    double wire_bytes;                /* of results of experts that travel whole or summed, */
    double partial_bytes;             /* and of slices and sums of attention: 4 */
    double dense_bytes, expert_bytes; /* of a number of packed matrices */
    double dense_speed, expert_speed; /* products run so many times the machine's rate: 1 */
    double dense_rows, expert_rows;   /* for so many times the rows that there are: 1 */
    int32_t chunks, chunk_bytes;      /* of mixserve and fused, as in a plan */
};

/* A plan on a machine with so many ranks a node, where kernels pack a number into so many bytes. */
struct mix_cost_model mix_cost_of_plan(const struct mix_arch *arch,
                                       const struct mix_machine *machine,
                                       const struct mix_plan *plan, int node, double packed);

struct mix_cost_step {     /* means of one replica */
    double prompt;         /* tokens of prompts */
    double chunk;          /* of these in one sequence */
    double prompt_context; /* keys that such a token meets */
    double decode;         /* sequences that take their next token */
    double context;        /* keys that one of them meets */
    double samples;        /* rows that the head takes */
};

enum mix_cost_part {
    MIX_COST_ATTENTION, /* products, and queries against keys */
    MIX_COST_ROUTER,
    MIX_COST_EXPERTS, /* of a mean rank; dense blocks and shared experts too */
    MIX_COST_INSIDE,  /* moving inside domains, packing and summing */
    MIX_COST_BETWEEN, /* moving between domains */
    MIX_COST_WAITING, /* for the busiest rank of a copy of the experts */
    MIX_COST_HEAD,    /* embedding, head, sampling */
    MIX_COST_PARTS
};

enum mix_cost_bound { /* what the time goes to */
                      MIX_BOUND_OPERATIONS,
                      MIX_BOUND_MEMORY,
                      MIX_BOUND_LAUNCH, /* and latencies of links */
                      MIX_BOUND_INSIDE,
                      MIX_BOUND_BETWEEN,
                      MIX_BOUND_WAITING,
                      MIX_BOUNDS
};

struct mix_cost {
    double part[MIX_COST_PARTS];
    double products, core;    /* of attention: its matrices; queries against keys */
    double bound[MIX_BOUNDS]; /* the same time once more, by what limits it */
    double total;
    double sent[MIX_PHASES][MIX_LINK_KINDS]; /* bytes that a rank's exchange sends to others */
    double phase[MIX_PHASES];                /* seconds of it: parts inside, between, waiting */
};

void mix_cost_step(const struct mix_cost_model *m, const struct mix_cost_step *s,
                   struct mix_cost *c);

/* Of this, a layer's experts and their exchange alone, in a step of so many tokens: seconds. */
double mix_cost_experts(const struct mix_cost_model *m, double tokens);

const char *mix_cost_part_name(enum mix_cost_part part);         /* "attention", ... */
const char *mix_cost_bound_name(enum mix_cost_bound bound);      /* "memory bandwidth", ... */
enum mix_cost_bound mix_cost_bound_of(const struct mix_cost *c); /* the largest */

/* ---- the formulas alone */

double mix_cost_touched(double experts, double k, double tokens); /* E (1 - (1 - k/E)^N) */

/* Copies of tokens in the busiest of ep parts, the largest of which has `most` of the experts. */
double mix_cost_busiest(double experts, double k, double tokens, double ep, double most);

/* At least one of `some` of the experts is among a token's k. */
double mix_cost_chance(double experts, double k, double some);

/* ---- movements, for cost.c and its tests: seconds in a layer with experts */

struct mix_cost_links {
    double inside, between;                     /* on the links */
    double latency;                             /* of these, what an empty message takes too */
    double seconds[MIX_PHASES][MIX_LINK_KINDS]; /* inside and between once more */
    double sent[MIX_PHASES][MIX_LINK_KINDS];    /* bytes of a rank to all others */
};

/* Tokens to their experts and back; the busiest rank gets busy times the mean. */
void mix_cost_exchange(const struct mix_cost_model *m, double owned, double busy,
                       struct mix_cost_links *l);

/* The same of mixserve and fused alone: between has all of the wire, hidden or not. */
void mix_cost_relayed(const struct mix_cost_model *m, double owned, double busy,
                      struct mix_cost_links *l);

/* What a layer's tokens go to experts in: one stage, or the own domain's rows, then `pieces` chunks
 * of others that overlap. */
struct mix_cost_stages {
    int pieces;        /* 0: all at once, nothing overlaps */
    double own, piece; /* parts of all rows: of the first stage, of each other one */
};
struct mix_cost_stages mix_cost_stages(const struct mix_cost_model *m, double owned);
double mix_cost_stage_bytes(const struct mix_cost_model *m, double owned); /* what chunks cut */
/* Wire and work, one hidden by the other. */
double mix_cost_overlapped(const struct mix_cost_stages *s, double wire, double work);

/* Bytes that kernels read and write for an exchange beside experts, by phase.  The busiest rank
 * computes busy times the mean's rows; what else it copies is taken to be the mean's. */
void mix_cost_copied(const struct mix_cost_model *m, double owned, double busy,
                     double bytes[MIX_PHASES]);
/* Seconds that they take, in these stages. */
double mix_cost_copying(const struct mix_cost_model *m, const struct mix_cost_stages *s,
                        const double bytes[MIX_PHASES]);

/* Over tp: rows of `bytes` of mine to everybody, and everybody's fp32 part of mine back. */
void mix_cost_tp(const struct mix_cost_model *m, double owned, double gathered, double returned,
                 struct mix_cost_links *l);

#endif
