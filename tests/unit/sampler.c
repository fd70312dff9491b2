/* sampler.c - greedy, top-k, top-p, and that draws follow the softmax. */
#include "engine/sampler.h"

#include "base/mem.h"
#include "tap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { VOCAB = 50, DRAWS = 200000 };

static void *scratch;
static float logits[VOCAB];

/* Probabilities by the header's words, in the slowest way. */
static void expect(double p[VOCAB], double temperature, int top_k, double top_p)
{
    int order[VOCAB];
    double sum = 0, total = 0;
    int keep = top_k ? top_k : VOCAB;

    for (int i = 0; i < VOCAB; i++)
        order[i] = i;
    for (int i = 0; i < VOCAB; i++)
        for (int j = i + 1; j < VOCAB; j++)
            if (logits[order[j]] > logits[order[i]] ||
                (logits[order[j]] == logits[order[i]] && order[j] < order[i])) {
                int t = order[i];
                order[i] = order[j];
                order[j] = t;
            }
    for (int i = 0; i < VOCAB; i++)
        p[i] = 0;
    for (int i = 0; i < keep; i++)
        total += exp(logits[order[i]] / temperature);
    for (int i = 0; i < keep; i++) {
        p[order[i]] = exp(logits[order[i]] / temperature) / total;
        if ((sum += p[order[i]]) >= top_p)
            break;
    }
    for (int i = 0; i < VOCAB; i++)
        p[i] /= sum;
}

static void frequencies(const char *what, double temperature, int top_k, double top_p)
{
    int count[VOCAB] = {0};
    double p[VOCAB], chi2 = 0;
    int cells = 0, outside = 0;

    expect(p, temperature, top_k, top_p);
    for (int i = 0; i < DRAWS; i++) {
        struct mix_draw d = {temperature, top_p, top_k, 42, i / 1000, 0, i % 1000};
        int32_t id = mix_sample(logits, VOCAB, &d, scratch);
        count[id]++;
    }
    for (int i = 0; i < VOCAB; i++) {
        double want = p[i] * DRAWS;
        if (want == 0)
            outside += count[i];
        else if (want >= 5) {
            chi2 += (count[i] - want) * (count[i] - want) / want;
            cells++;
        }
    }
    /* 5 standard deviations of chi-squared with cells - 1 degrees of freedom; the seed is fixed. */
    ok(outside == 0 && chi2 < cells - 1 + 5 * sqrt(2.0 * cells) && cells > 1,
       "%s: draws follow the probabilities (chi2 %.1f, %d cells)", what, chi2, cells);
}

static void greedy(void)
{
    struct mix_draw d = {0, 1, 0, 0, 0, 0, 0};
    float x[VOCAB] = {0};

    x[7] = x[9] = 3;
    ok(mix_sample(x, VOCAB, &d, scratch) == 7, "the largest, ties to the lowest id");
    d.temperature = 1;
    d.top_k = 1;
    ok(mix_sample(x, VOCAB, &d, scratch) == 7, "top_k 1 is greedy, ties to the lowest id");
    d.top_k = 0;
    d.top_p = 1e-9;
    ok(mix_sample(x, VOCAB, &d, scratch) == 7, "a tiny top_p keeps one");
    d.top_p = 1;
    x[3] = NAN;
    ok(mix_sample(x, VOCAB, &d, scratch) == -1, "NaN is not drawn from");
    d.temperature = 0;
    ok(mix_sample(x, VOCAB, &d, scratch) == -1, "nor looked past by greedy");
    x[3] = INFINITY;
    ok(mix_sample(x, VOCAB, &d, scratch) == -1, "nor infinity");
}

/* The pruning of hopeless tokens must not change a draw: compare with the plain argmax. */
static void large(void)
{
    enum { BIG = 20000 };
    float *x = malloc(BIG * sizeof *x);
    void *room = malloc(mix_sampler_scratch(BIG));
    int same = 0, total = 200, top_p_same = 0;

    for (int i = 0; i < BIG; i++)
        x[i] = (float)(15 * sin(i * 12.9898) * cos(i * 4.1414));
    for (int i = 0; i < total; i++) {
        struct mix_draw d = {0.7, 1, 0, 5, i, 0, 3}, all = d, near_one = d;
        all.top_k = BIG; /* keeps everything, through the other path */
        near_one.top_p = 1 - 1e-16;
        int32_t id = mix_sample(x, BIG, &d, room);
        same += id == mix_sample(x, BIG, &all, room);
        top_p_same += id == mix_sample(x, BIG, &near_one, room);
    }
    ok(same == total, "top_k = vocabulary draws the same tokens as no top_k");
    ok(top_p_same == total, "top_p just below 1 does too");
    free(x);
    free(room);
}

static void keys(void)
{
    struct mix_draw d = {1, 1, 0, 1, 2, 0, 3};
    int differ[4] = {0};

    for (int i = 0; i < 200; i++) {
        struct mix_draw a = d, other[4];
        int32_t id;
        a.position = i;
        for (int k = 0; k < 4; k++)
            other[k] = a;
        other[0].seed++;
        other[1].row += (int64_t)1 << 32;
        other[2].position += 1000;
        other[3].sample++;
        id = mix_sample(logits, VOCAB, &a, scratch);
        for (int k = 0; k < 4; k++)
            differ[k] += id != mix_sample(logits, VOCAB, &other[k], scratch);
    }
    ok(differ[0] > 50 && differ[1] > 50 && differ[2] > 50 && differ[3] > 50,
       "seed, row (all 64 bits), position and sample each change draws");
}

int main(void)
{
    scratch = malloc(mix_sampler_scratch(VOCAB));
    for (int i = 0; i < VOCAB; i++)
        logits[i] = (float)(3 * sin(i * 1.7));
    logits[11] = logits[12]; /* a tie */
    greedy();
    frequencies("temperature 1", 1, 0, 1);
    frequencies("temperature 0.5", 0.5, 0, 1);
    frequencies("top_k 10", 1, 10, 1);
    frequencies("top_p 0.6", 1, 0, 0.6);
    frequencies("temperature 2, top_k 20, top_p 0.8", 2, 20, 0.8);
    large();
    keys();
    free(scratch);
    return tap_done();
}
