/* steps.c - see steps.h. */
#include "engine/steps.h"

void mix_steps_begin(struct mix_steps *s, const struct mix_step *step)
{
    s->now = (struct mix_steps_sum){.samples = step->samples};
    for (int i = 0; i < step->seqs; i++) {
        int from = step->first[i], n = step->first[i + 1] - from;
        double keys = n * (step->position[from] + (n + 1) / 2.0);

        if (n == 1) { /* or the last token of a prompt, which takes as long */
            s->now.decode++;
            s->now.decode_keys += keys;
        } else {
            s->now.prompt += n;
            s->now.prompts++;
            s->now.prompt_keys += keys;
        }
    }
}

static void add(struct mix_steps_sum *to, const struct mix_steps_sum *x)
{
    to->steps += x->steps;
    to->prompt += x->prompt;
    to->prompts += x->prompts;
    to->prompt_keys += x->prompt_keys;
    to->decode += x->decode;
    to->decode_keys += x->decode_keys;
    to->samples += x->samples;
}

void mix_steps_end(struct mix_steps *s, int64_t tokens)
{
    int size = 0;

    if (tokens <= 0)
        return;
    while (size < MIX_STEP_SIZES - 1 && tokens >> (size + 1))
        size++;
    s->now.steps = 1;
    add(&s->size[size], &s->now);
    s->now = (struct mix_steps_sum){0};
}

static double ratio(double x, double of)
{
    return of > 0 ? x / of : 0;
}

static struct mix_cost_step mean(const struct mix_steps_sum *x)
{
    return (struct mix_cost_step){
        .prompt = x->prompt / x->steps,
        .chunk = ratio(x->prompt, x->prompts),
        .prompt_context = ratio(x->prompt_keys, x->prompt),
        .decode = x->decode / x->steps,
        .context = ratio(x->decode_keys, x->decode),
        .samples = x->samples / x->steps,
    };
}

/* n times x more. */
static void add_cost(struct mix_cost *to, double n, const struct mix_cost *x)
{
    for (int p = 0; p < MIX_COST_PARTS; p++)
        to->part[p] += n * x->part[p];
    for (int b = 0; b < MIX_BOUNDS; b++)
        to->bound[b] += n * x->bound[b];
    for (int p = 0; p < MIX_PHASES; p++) {
        for (int k = 0; k < MIX_LINK_KINDS; k++)
            to->sent[p][k] += n * x->sent[p][k];
        to->phase[p] += n * x->phase[p];
    }
    to->products += n * x->products;
    to->core += n * x->core;
    to->total += n * x->total;
}

void mix_steps_cost(const struct mix_steps_sum sum[MIX_STEP_SIZES], int replicas,
                    const struct mix_cost_model *m, struct mix_cost *all)
{
    *all = (struct mix_cost){0};
    for (int i = 0; i < MIX_STEP_SIZES; i++) {
        struct mix_cost_step step;
        struct mix_cost one;
        double n = sum[i].steps / replicas;

        if (!(n > 0))
            continue;
        step = mean(&sum[i]);
        mix_cost_step(m, &step, &one);
        add_cost(all, n, &one);
    }
}
