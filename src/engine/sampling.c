/* sampling.c - see sampling.h. */
#include "engine/sampling.h"

#include <math.h>
#include <stdio.h>

const char *const mix_sampling_name[MIX_SAMPLING_PARAMS] = {
    [MIX_SAMPLING_TEMPERATURE] = "temperature",
    [MIX_SAMPLING_TOP_P] = "top_p",
    [MIX_SAMPLING_TOP_K] = "top_k",
    [MIX_SAMPLING_SEED] = "seed",
    [MIX_SAMPLING_MAX_TOKENS] = "max_tokens",
};

static const double most_whole = 9007199254740992; /* 2^53: above it doubles skip numbers */

static const char *const range[MIX_SAMPLING_PARAMS] = {
    [MIX_SAMPLING_TEMPERATURE] = "a number of 0 or more (0: always the most likely token)",
    [MIX_SAMPLING_TOP_P] = "a number above 0 and up to 1 (1: off)",
    [MIX_SAMPLING_TOP_K] = "a whole number of 0 or more (0: off)",
    [MIX_SAMPLING_SEED] = "a whole number between -2^53 and 2^53 (in a column of integers: 2^63)",
    [MIX_SAMPLING_MAX_TOKENS] = "a whole number of 0 or more",
};

static bool whole(double v, double least)
{
    return v == floor(v) && v >= least && v <= most_whole;
}

bool mix_sampling_set(struct mix_sampling *s, enum mix_sampling_param param, double v,
                      int64_t exact, char why[MIX_SAMPLING_WHY])
{
    bool good = false;

    if (isnan(v) || v == -1)
        return true;
    switch (param) {
    case MIX_SAMPLING_TEMPERATURE:
        if ((good = v >= 0 && isfinite(v)))
            s->temperature = v;
        break;
    case MIX_SAMPLING_TOP_P:
        if ((good = v > 0 && v <= 1))
            s->top_p = v;
        break;
    case MIX_SAMPLING_TOP_K:
        if ((good = whole(v, 0)))
            s->top_k = (int64_t)v;
        break;
    case MIX_SAMPLING_SEED:
        if ((good = exact != INT64_MIN || whole(v, -most_whole)))
            s->seed = exact != INT64_MIN ? exact : (int64_t)v;
        break;
    case MIX_SAMPLING_MAX_TOKENS:
        if ((good = whole(v, 0)))
            s->max_tokens = (int64_t)v;
        break;
    case MIX_SAMPLING_PARAMS:
        break;
    }
    if (!good)
        snprintf(why, MIX_SAMPLING_WHY, "%s is %.17g: give %s, or -1 for the job's value",
                 mix_sampling_name[param], v, range[param]);
    return good;
}
