/* options.h - every option of every command, in one table.
 *
 * From the table come parsing, ranges, help, the man page, and the list of
 * resolved values that a run prints and stores with its results.  Long options
 * with hyphens, `--name value` or `--name=value`; the short forms that vLLM's
 * users type (-tp, -dp, -etp, -edp) and -h, -v, -q.
 *
 * Not collective: every rank parses the same words. */
#ifndef MIX_CLI_OPTIONS_H
#define MIX_CLI_OPTIONS_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mix_command_id { /* bits: which commands know an option */
                      MIX_CMD_RUN = 1,
                      MIX_CMD_CHECK = 2,
                      MIX_CMD_CONVERT = 4,
                      MIX_CMD_MERGE = 8,
                      MIX_CMD_STATUS = 16,
                      MIX_CMD_PROBE = 32,
                      MIX_CMD_PLAN = 64,
                      MIX_CMD_BENCH = 128,
                      MIX_CMD_ALL = 255,
};

/* The values, resolved.  Counts and sizes are 0 where the program decides. */
struct mix_options {
    const char *model, *input, *output;
    const char *machine, *gpu, *sbatch, *save;
    int64_t nodes, ranks_per_node;
    int64_t tp, dp, etp, ep, edp, domain_size;
    const char *exchange; /* auto, tp, ep, hybrid, mixserve, fused */
    int64_t chunks;
    const char *async;      /* on, off */
    const char *objective;  /* throughput, ttft, itl */
    const char *dtype;      /* auto, bfloat16, float32 */
    const char *wire_dtype; /* auto, fp8 */
    int64_t threads;
    const char *load_format; /* auto, dummy */
    int64_t num_layers;      /* 0: all */
    double temperature, top_p;
    int64_t top_k, seed;
    int64_t max_tokens; /* -1: up to max_model_len */
    bool ignore_eos;
    int64_t max_num_seqs, max_num_batched_tokens, max_model_len;
    int64_t kv_memory;              /* bytes */
    int64_t max_errors;             /* -1: any number */
    double max_time, stall_timeout; /* seconds */
    const char *sizes, *intra_rate; /* 64Ki,1Mi; 250mbit or off */
    const char *compute;            /* virtual, real */
    int64_t bench_chunks, repeats, inner;
    bool no_merge, json, verbose, quiet, help;
    const char *word[2]; /* positional: convert IN OUT, merge and status OUT.h5 */
    int words;
};

enum mix_option_type {
    MIX_OPT_FLAG,
    MIX_OPT_INT,
    MIX_OPT_SIZE, /* bytes, with K M G Ki Mi Gi */
    MIX_OPT_FLOAT,
    MIX_OPT_TIME,   /* seconds, or H:MM:SS */
    MIX_OPT_CHOICE, /* one of the words in choices */
    MIX_OPT_TEXT,   /* a path */
};

struct mix_option {
    const char *name;  /* without the hyphens */
    const char *brief; /* "tp": -tp; NULL: none */
    enum mix_option_type type;
    size_t at;           /* offset in struct mix_options */
    const char *start;   /* the default, as one would type it; NULL: must be given, or off */
    double least, most;  /* of numbers */
    const char *choices; /* "auto|bfloat16|float32" */
    const char *value;   /* what the help calls it: "N", "DIR" */
    const char *text;    /* one line of help */
    int commands;        /* enum mix_command_id bits */
    bool required;       /* in the commands that know it */
    bool numeric;        /* changes results: part of a job's identity */
    const char *group;   /* heading in the help */
};

extern const struct mix_option mix_options_table[];
extern const int mix_options_count;

/* Parse argv[2..argc) for a command.  given[i] is set if option i was on the command line; it has
 * mix_options_count places.  MIX_EUSAGE names the option, the value and the range. */
int mix_options_parse(struct mix_options *o, bool *given, enum mix_command_id command, int argc,
                      char **argv);

/* "--temperature 0 (command line), --top-p 1 (default), ...": one line each, those of a command. */
int mix_options_list(struct mix_str *text, const struct mix_options *o, const bool *given,
                     enum mix_command_id command);

/* The options that change results, as a JSON object: {"temperature": 0, "max_tokens": -1, ...}. */
int mix_options_numeric_json(struct mix_str *text, const struct mix_options *o);

/* The options of one command as help lines, grouped, each with its default and unit. */
int mix_options_help(struct mix_str *text, enum mix_command_id command);

#endif
