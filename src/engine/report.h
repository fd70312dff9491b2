/* report.h - what a run did and where its time went, over all ranks.
 *
 * A table of sections (minimum, average, maximum over the ranks, share of the
 * average total, what the planner predicts of a mean rank), as HPC programs end with;
 * where ranks exchange tokens, what one of them sent in each phase, and how long it took,
 * beside what the planner expects; and the same as JSON. */
#ifndef MIX_ENGINE_REPORT_H
#define MIX_ENGINE_REPORT_H

#include "base/str.h"
#include "comm/comm.h"
#include "engine/steps.h"
#include "exchange/exchange.h"

#include <stdint.h>

enum mix_section {
    MIX_SECTION_LOAD,
    MIX_SECTION_ATTENTION,
    MIX_SECTION_ROUTER,
    MIX_SECTION_EXPERTS,
    MIX_SECTION_INSIDE,  /* exchange between ranks of a host */
    MIX_SECTION_BETWEEN, /* exchange between hosts */
    MIX_SECTION_WAITING, /* for other ranks */
    MIX_SECTION_HEAD,
    MIX_SECTION_SAMPLING,
    MIX_SECTION_IDLE,  /* no rows to run: files are read, others finish */
    MIX_SECTION_WRITE, /* the I/O thread's time; beside the rest, not part of the total */
    MIX_SECTION_TOTAL,
    MIX_SECTIONS,
};

struct mix_report_phase {      /* of the experts' exchange, by a mean rank */
    double seconds, predicted; /* without experts */
    /* sent to ranks of its domain, and to others */
    double bytes[MIX_SIDES], messages[MIX_SIDES], expected[MIX_SIDES];
};

struct mix_report {
    double least[MIX_SECTIONS], mean[MIX_SECTIONS], most[MIX_SECTIONS]; /* seconds */
    bool predicts;                  /* else there is nothing in predicted and expected */
    double predicted[MIX_SECTIONS]; /* seconds; of those that the planner knows, and their total */
    struct mix_report_phase phase[MIX_PHASES];
    int ranks;
    int64_t rows, failed, tokens_in, tokens_out, restarts, wasted_tokens; /* of this run */
    double seconds;  /* of the run, model loaded */
    size_t peak_rss; /* bytes, the largest of the ranks */
    const char *end; /* "done", "stopped", ...; a constant */
};

/* Fill least, mean, most, ranks and peak_rss from everybody's seconds.  Collective on the group. */
int mix_report_gather(struct mix_report *r, struct mix_group *world,
                      const double seconds[MIX_SECTIONS]);

/* Fill phase from everybody's exchange.  Collective on the group. */
int mix_report_exchange(struct mix_report *r, struct mix_group *world,
                        const struct mix_exchange_traffic *traffic,
                        const struct mix_exchange_times *times);

/* Fill predicted and expected from what the replicas did: steps are a leader's, NULL those of other
 * ranks. model: rank 0's; NULL there: nothing is predicted.  Collective on the group. */
int mix_report_predict(struct mix_report *r, struct mix_group *world, const struct mix_steps *steps,
                       int replicas, const struct mix_cost_model *model);

int mix_report_text(struct mix_str *text, const struct mix_report *r);
int mix_report_json(struct mix_str *text, const struct mix_report *r);

#endif
