/* workload.c - see workload.h. */
#include "plan/workload.h"

#include <math.h>
#include <string.h>

static int bin_of(int64_t length)
{
    int bin = 0;

    while (length > 1 && bin < MIX_LENGTH_BINS - 1) {
        length /= 2;
        bin++;
    }
    return bin;
}

void mix_lengths_add(struct mix_lengths *l, int64_t prompt, int64_t answer)
{
    double p = (double)prompt, a = (double)answer;

    l->sampled++;
    l->prompt += p;
    l->answer += a;
    l->prompt2 += p * p;
    l->both += p * a;
    l->answer2 += a * a;
    if (prompt + answer > l->longest)
        l->longest = prompt + answer;
    l->prompt_bin[bin_of(prompt)]++;
    l->answer_bin[bin_of(answer)]++;
}

struct mix_lengths mix_lengths_of(int64_t rows, int64_t prompt, int64_t answer)
{
    struct mix_lengths l = {.rows = rows};

    mix_lengths_add(&l, prompt, answer);
    return l;
}

static const char *const objective_name[MIX_OBJECTIVES] = {
    [MIX_OBJECTIVE_THROUGHPUT] = "throughput",
    [MIX_OBJECTIVE_TTFT] = "ttft",
    [MIX_OBJECTIVE_ITL] = "itl",
};

const char *mix_objective_name(int objective)
{
    return objective >= 0 && objective < MIX_OBJECTIVES ? objective_name[objective] : "unknown";
}

int mix_objective_parse(const char *name)
{
    for (int i = 0; i < MIX_OBJECTIVES; i++)
        if (!strcmp(name, objective_name[i]))
            return i;
    return -1;
}

void mix_workload_take(const struct mix_lengths *l, const struct mix_workload_limits *limits,
                       struct mix_workload *w)
{
    double n = fmax((double)l->sampled, 1), p = fmax(l->prompt / n, 1), a = fmax(l->answer / n, 1);
    double budget = fmax(limits->tokens, 1), rows = (double)l->rows / (double)limits->replicas;
    double again = a - 1; /* tokens after the first, and all their keys */
    double keys = fmax(0, (l->both + l->answer2 / 2) / n - p - a / 2);
    double context = again > 0 ? keys / again : p, met = fmax(l->prompt2 / n / p / 2, 0.5);
    double resident, rate;

    *w = (struct mix_workload){0};
    rows = fmax(rows, 1);
    resident = fmax(context, p);
    w->prefill_steps = ceil(p / budget);
    w->seqs = fmin(fmin(limits->seqs, rows), fmax(1, (double)limits->kv_tokens / resident));
    rate = fmin(w->seqs / (again + w->prefill_steps), budget / (p + again));
    w->steps = rows / rate;
    w->mixed = (struct mix_cost_step){.prompt = rate * p,
                                      .chunk = fmin(p, rate * p),
                                      .prompt_context = met,
                                      .decode = rate * again,
                                      .context = context,
                                      .samples = rate * a};
    w->prefill = (struct mix_cost_step){.prompt = p / w->prefill_steps,
                                        .chunk = p / w->prefill_steps,
                                        .prompt_context = met,
                                        .context = context,
                                        .samples = 1};
    w->decode = (struct mix_cost_step){
        .decode = w->seqs, .context = context, .prompt_context = met, .samples = w->seqs};
}
