/* explain.h - a plan in ten lines for the log, and all that was weighed, for `plan`.
 *
 * Times of a ranking are those of its objective: of the job, of a mean prompt, or of a
 * token.  Why a layout lost is said by the parts that take longer in it than in the
 * first.  Pure; functions append. */
#ifndef MIX_PLAN_EXPLAIN_H
#define MIX_PLAN_EXPLAIN_H

#include "plan/search.h"

/* Append the lines.  why: those of the search, or NULL. */
int mix_plan_explain(const struct mix_plan_input *in, const struct mix_plan *plan, const char *why,
                     struct mix_str *out);

/* What is told besides the ranking. */
struct mix_plan_case {
    const char *model, *machine; /* as the user called them */
    bool assumed;                /* nothing is known of the job: no input was given */
    const struct mix_lengths *lengths;
    double start; /* mix_now() when the command began */
};

/* The best `most` layouts as tables: times, what bounds them, why they lost, bytes by part. */
int mix_plan_explain_ranking(const struct mix_plan_input *in, const struct mix_plan_ranking *r,
                             const struct mix_plan_case *what, int most, struct mix_str *out);

/* The same, and all numbers behind it, as one JSON object with a newline. */
int mix_plan_ranking_json(const struct mix_plan_input *in, const struct mix_plan_ranking *r,
                          const struct mix_plan_case *what, int most, struct mix_str *out);

/* A candidate's cost and how often it is paid, for the objective. */
const struct mix_cost *mix_plan_cost_of(const struct mix_plan_input *in,
                                        const struct mix_plan_candidate *c, double *times);

/* "exchange between +1.2 h, experts +3.1 min": the parts that a candidate pays most for, compared
 * with the best; at most two. */
void mix_plan_lost_by(const struct mix_plan_input *in, const struct mix_plan_candidate *best,
                      const struct mix_plan_candidate *c, char text[96]);

/* Append "rows to another domain: in up to 4 chunks of at least 64.00 KiB", if an exchange cuts
 * them. */
int mix_plan_say_chunks(int exchange, int chunks, int chunk_bytes, struct mix_str *out);

/* Seconds in the unit that suits them: "3.42 ms", "12.0 s", "4.10 h". */
const char *mix_plan_seconds(double s, char text[32]);

#endif
