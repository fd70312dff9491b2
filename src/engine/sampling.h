/* sampling.h - how tokens are drawn, and when to stop.
 *
 * One for the job; a row may override each member by a column (HDF5) or a body
 * member (JSONL) of the same name.  A value that is NaN or -1 means the job's: that
 * is what a column holds for rows that have nothing of their own.
 *
 * Pure; any thread; not collective. */
#ifndef MIX_ENGINE_SAMPLING_H
#define MIX_ENGINE_SAMPLING_H

#include <stdbool.h>
#include <stdint.h>

struct mix_sampling {
    double temperature; /* 0: the most likely token, always */
    double top_p;       /* (0, 1]; 1: off */
    int64_t top_k;      /* 0: off */
    int64_t seed;
    int64_t max_tokens; /* at most this many; -1: up to max_model_len */
};

enum mix_sampling_param {
    MIX_SAMPLING_TEMPERATURE,
    MIX_SAMPLING_TOP_P,
    MIX_SAMPLING_TOP_K,
    MIX_SAMPLING_SEED,
    MIX_SAMPLING_MAX_TOKENS,
    MIX_SAMPLING_PARAMS,
};

/* Their names, of columns and body members, in the order of the enum. */
extern const char *const mix_sampling_name[MIX_SAMPLING_PARAMS];

enum { MIX_SAMPLING_WHY = 160 };

/* Override one member.  exact is the value once more where it came as an integer, because a double
 * is exact up to 2^53 only and a seed may be larger; else INT64_MIN.  False if the value is none
 * that it can have; then s is as it was and why says what is wrong and what would be right. */
bool mix_sampling_set(struct mix_sampling *s, enum mix_sampling_param param, double value,
                      int64_t exact, char why[MIX_SAMPLING_WHY]);

#endif
