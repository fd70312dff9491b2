/* sampling.c - what a row may ask for, and what it is told when it may not. */
#include "engine/sampling.h"

#include "tap.h"

#include <math.h>
#include <string.h>

static const struct mix_sampling job = {0.5, 0.9, 40, 7, 64};

static const struct {
    enum mix_sampling_param param;
    double value;
    bool good;
    struct mix_sampling want;
} cases[] = {
    {MIX_SAMPLING_TEMPERATURE, 0, true, {0, 0.9, 40, 7, 64}},
    {MIX_SAMPLING_TEMPERATURE, -0.0, true, {0, 0.9, 40, 7, 64}},
    {MIX_SAMPLING_TEMPERATURE, 1e308, true, {1e308, 0.9, 40, 7, 64}},
    {MIX_SAMPLING_TEMPERATURE, NAN, true, {0.5, 0.9, 40, 7, 64}},
    {MIX_SAMPLING_TEMPERATURE, -NAN, true, {0.5, 0.9, 40, 7, 64}},
    {MIX_SAMPLING_TEMPERATURE, -1, true, {0.5, 0.9, 40, 7, 64}},
    {MIX_SAMPLING_TEMPERATURE, -0.5, false, {0.5, 0.9, 40, 7, 64}},
    {MIX_SAMPLING_TEMPERATURE, INFINITY, false, {0.5, 0.9, 40, 7, 64}},
    {MIX_SAMPLING_TEMPERATURE, -INFINITY, false, {0.5, 0.9, 40, 7, 64}},
    {MIX_SAMPLING_TOP_P, 1, true, {0.5, 1, 40, 7, 64}},
    {MIX_SAMPLING_TOP_P, 1e-300, true, {0.5, 1e-300, 40, 7, 64}},
    {MIX_SAMPLING_TOP_P, 0, false, {0.5, 0.9, 40, 7, 64}},
    {MIX_SAMPLING_TOP_P, 1.0000001, false, {0.5, 0.9, 40, 7, 64}},
    {MIX_SAMPLING_TOP_P, INFINITY, false, {0.5, 0.9, 40, 7, 64}},
    {MIX_SAMPLING_TOP_K, 0, true, {0.5, 0.9, 0, 7, 64}},
    {MIX_SAMPLING_TOP_K, 9007199254740992, true, {0.5, 0.9, INT64_C(1) << 53, 7, 64}},
    {MIX_SAMPLING_TOP_K, 9007199254740994, false, {0.5, 0.9, 40, 7, 64}},
    {MIX_SAMPLING_TOP_K, 1.5, false, {0.5, 0.9, 40, 7, 64}},
    {MIX_SAMPLING_TOP_K, -2, false, {0.5, 0.9, 40, 7, 64}},
    {MIX_SAMPLING_SEED, -9007199254740992, true, {0.5, 0.9, 40, -(INT64_C(1) << 53), 64}},
    {MIX_SAMPLING_SEED, 1e300, false, {0.5, 0.9, 40, 7, 64}},
    {MIX_SAMPLING_SEED, 0.25, false, {0.5, 0.9, 40, 7, 64}},
    {MIX_SAMPLING_MAX_TOKENS, 0, true, {0.5, 0.9, 40, 7, 0}},
    {MIX_SAMPLING_MAX_TOKENS, -5, false, {0.5, 0.9, 40, 7, 64}},
    {MIX_SAMPLING_MAX_TOKENS, 3.5, false, {0.5, 0.9, 40, 7, 64}},
    {MIX_SAMPLING_MAX_TOKENS, INFINITY, false, {0.5, 0.9, 40, 7, 64}},
};

static bool same(const struct mix_sampling *a, const struct mix_sampling *b)
{
    return a->temperature == b->temperature && a->top_p == b->top_p && a->top_k == b->top_k &&
           a->seed == b->seed && a->max_tokens == b->max_tokens;
}

int main(void)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mix_sampling s = job;
        char why[MIX_SAMPLING_WHY] = "";
        const char *name = mix_sampling_name[cases[i].param];
        bool good = mix_sampling_set(&s, cases[i].param, cases[i].value, INT64_MIN, why);

        ok(good == cases[i].good && same(&s, &cases[i].want) &&
               (good ? why[0] == '\0'
                     : strncmp(why, name, strlen(name)) == 0 && strstr(why, "job's value")),
           "%s %g is %s%s", name, cases[i].value, good ? "taken" : "refused: ", why);
    }
    for (int i = 0; i < 3; i++) {
        static const int64_t seed[] = {INT64_MAX, (INT64_C(1) << 53) + 1, -(INT64_C(1) << 60) - 1};
        struct mix_sampling s = job;
        char why[MIX_SAMPLING_WHY] = "";

        ok(mix_sampling_set(&s, MIX_SAMPLING_SEED, (double)seed[i], seed[i], why) &&
               s.seed == seed[i],
           "seed %lld is taken as it is", (long long)seed[i]);
    }
    return tap_done();
}
