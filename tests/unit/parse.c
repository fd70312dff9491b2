/* parse.c - the command line: every option of the table, wrong words, and the listings. */
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/options.h"
#include "tap.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS = 16 };

static struct mix_options o;
static bool *given; /* [mix_options_count] */

/* Parse "run --model m ..." split at blanks; "''" is an empty word. */
static int parse(enum mix_command_id command, const char *line)
{
    static char text[400];
    char *argv[WORDS] = {(char[]){"mixserve"}}, *at = text;
    int argc = 1;

    snprintf(text, sizeof text, "%s", line);
    for (char *word; argc < WORDS && (word = strsep(&at, " "));)
        argv[argc++] = strcmp(word, "''") ? word : word + 2;
    return mix_options_parse(&o, given, command, argc, argv);
}

static int find(const char *name)
{
    for (int i = 0; i < mix_options_count; i++)
        if (!strcmp(mix_options_table[i].name, name))
            return i;
    return -1;
}

#define R "run --model m --input i --output o "

/* ---- values */

static const struct {
    const char *line;
    size_t at;
    double want;
} numbers[] = {
    {R, offsetof(struct mix_options, max_tokens), -1},
    {R "--max-tokens 0", offsetof(struct mix_options, max_tokens), 0},
    {R "--max-tokens=7", offsetof(struct mix_options, max_tokens), 7},
    {R "--max-tokens -1", offsetof(struct mix_options, max_tokens), -1},
    {R "--max-tokens 1048576", offsetof(struct mix_options, max_tokens), 1048576},
    {R "--max-tokens 5 --max-tokens 6", offsetof(struct mix_options, max_tokens), 6},
    {R "--seed -9000000000000000000", offsetof(struct mix_options, seed), -9e18},
    {R "-tp 4", offsetof(struct mix_options, tp), 4},
    {R "-tp=4", offsetof(struct mix_options, tp), 4},
    {R "--tensor-parallel-size 4", offsetof(struct mix_options, tp), 4},
    {R "-etp 2 -edp 3", offsetof(struct mix_options, etp), 2},
    {R "-etp 2 -edp 3", offsetof(struct mix_options, edp), 3},
    {R "--kv-memory 1.5Gi", offsetof(struct mix_options, kv_memory), 1610612736},
    {R "--kv-memory 4K", offsetof(struct mix_options, kv_memory), 4000},
    {R "--kv-memory 1000000000000000", offsetof(struct mix_options, kv_memory), 1e15},
};

static const struct {
    const char *line;
    size_t at;
    double want;
} reals[] = {
    {R, offsetof(struct mix_options, temperature), 1},
    {R "--temperature 0", offsetof(struct mix_options, temperature), 0},
    {R "--temperature=.7", offsetof(struct mix_options, temperature), .7},
    {R "--top-p 1e-9", offsetof(struct mix_options, top_p), 1e-9},
    {R "--max-time 90", offsetof(struct mix_options, max_time), 90},
    {R "--max-time 1:30", offsetof(struct mix_options, max_time), 90},
    {R "--max-time 23:59:59.5", offsetof(struct mix_options, max_time), 86399.5},
    {R "--max-time 100:00:00", offsetof(struct mix_options, max_time), 360000},
    {R, offsetof(struct mix_options, stall_timeout), 120},
};

static void values(void)
{
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        int rc = parse(MIX_CMD_RUN, numbers[i].line);
        int64_t is = *(int64_t *)((char *)&o + numbers[i].at);
        ok(rc == MIX_OK && (double)is == numbers[i].want, "%s: %.0f", numbers[i].line + strlen(R),
           numbers[i].want);
    }
    for (size_t i = 0; i < sizeof reals / sizeof reals[0]; i++) {
        int rc = parse(MIX_CMD_RUN, reals[i].line);
        double is = *(double *)((char *)&o + reals[i].at);
        ok(rc == MIX_OK && is == reals[i].want, "%s: %.9g", reals[i].line + strlen(R),
           reals[i].want);
    }
    ok(!parse(MIX_CMD_RUN, R "--dtype float32 --ignore-eos -q") && !strcmp(o.dtype, "float32") &&
           o.ignore_eos && o.quiet && !o.verbose && !strcmp(o.model, "m") && !strcmp(o.output, "o"),
       "choices, flags and paths");
    ok(given[find("dtype")] && given[find("quiet")] && !given[find("seed")] &&
           !given[find("verbose")],
       "given tells the command line from defaults");
    ok(!parse(MIX_CMD_CONVERT, "convert a -v b") && o.words == 2 && !strcmp(o.word[0], "a") &&
           !strcmp(o.word[1], "b") && o.verbose,
       "words may stand anywhere");
    ok(!parse(MIX_CMD_MERGE, "merge -") && o.words == 1 && !strcmp(o.word[0], "-"),
       "a hyphen alone is a word");
    ok(!parse(MIX_CMD_RUN, "run --help") && o.help, "help needs nothing else");
    ok(!parse(MIX_CMD_RUN, "run -h --seed 1"), "nor does -h");
}

/* ---- refusals: the line names what was wrong and what would be right */

static const struct {
    enum mix_command_id command;
    const char *line, *says;
} wrong[] = {
    {MIX_CMD_RUN, "run", "--model DIR is missing"},
    {MIX_CMD_RUN, "run --model m --input i", "--output FILE is missing"},
    {MIX_CMD_CHECK, "check --model m", "--input FILE is missing"},
    {MIX_CMD_RUN, R "--max-tokens", "--max-tokens N is needed: the value is missing"},
    {MIX_CMD_RUN, "run --model --input i --output o", "--model DIR is needed"},
    {MIX_CMD_RUN, R "--model ''", "--model: a path is needed"},
    {MIX_CMD_RUN, R "--max-tokens=", "--max-tokens : a whole number from -1 to 1048576"},
    {MIX_CMD_RUN, R "--max-tokens -2", "--max-tokens -2: a whole number from -1 to 1048576"},
    {MIX_CMD_RUN, R "--max-tokens 1048577", "--max-tokens 1048577: a whole number from -1 to"},
    {MIX_CMD_RUN, R "--max-tokens 1.5", "--max-tokens 1.5: a whole number"},
    {MIX_CMD_RUN, R "--max-tokens 5x", "--max-tokens 5x: a whole number"},
    {MIX_CMD_RUN, R "--max-tokens 0x10", "--max-tokens 0x10: a whole number"},
    {MIX_CMD_RUN, R "--max-tokens ''", "--max-tokens : a whole number"},
    {MIX_CMD_RUN, R "--seed 99999999999999999999", "--seed 99999999999999999999: a whole number"},
    {MIX_CMD_RUN, R "--seed 9223372036854775807", "from -9e+18 to 9e+18"},
    {MIX_CMD_RUN, R "--temperature -0.1", "--temperature -0.1: a number from 0 to 100"},
    {MIX_CMD_RUN, R "--temperature nan", "--temperature nan: a number from 0 to 100"},
    {MIX_CMD_RUN, R "--temperature inf", "--temperature inf: a number from 0 to 100"},
    {MIX_CMD_RUN, R "--temperature warm", "--temperature warm: a number from 0 to 100"},
    {MIX_CMD_RUN, R "--top-p 0", "--top-p 0: a number from 1e-09 to 1"},
    {MIX_CMD_RUN, R "--top-p 1.01", "--top-p 1.01: a number from 1e-09 to 1"},
    {MIX_CMD_RUN, R "--top-k 1073741825", "from 0 to 1073741824"},
    {MIX_CMD_RUN, R "--kv-memory 4X", "--kv-memory 4X: a number of bytes"},
    {MIX_CMD_RUN, R "--kv-memory -1", "--kv-memory -1: a number of bytes"},
    {MIX_CMD_RUN, R "--kv-memory 1000001G", "from 0 to 1e+15"},
    {MIX_CMD_RUN, R "--max-time -1", "--max-time -1: a time"},
    {MIX_CMD_RUN, R "--max-time 1:60", "--max-time 1:60: a time"},
    {MIX_CMD_RUN, R "--max-time 1:2:3:4", "--max-time 1:2:3:4: a time"},
    {MIX_CMD_RUN, R "--max-time :30", "--max-time :30: a time"},
    {MIX_CMD_RUN, R "--max-time 1:", "--max-time 1:: a time"},
    {MIX_CMD_RUN, R "--stall-timeout 0.5", "from 1 to 1000000"},
    {MIX_CMD_RUN, R "--dtype float16", "--dtype float16: it is one of auto|bfloat16|float32"},
    {MIX_CMD_RUN, R "--dtype float", "--dtype float: it is one of"},
    {MIX_CMD_RUN, R "--dtype float32|auto", "it is one of"},
    {MIX_CMD_RUN, R "--dtype ''", "it is one of"},
    {MIX_CMD_RUN, R "--json=yes", "--json takes no value"},
    {MIX_CMD_RUN, R "--nonsense 5", "--nonsense: mixserve run has no such option"},
    {MIX_CMD_RUN, R "--", "--: mixserve run has no such option"},
    {MIX_CMD_RUN, R "--max-tok 5", "--max-tok: mixserve run has no such option"},
    {MIX_CMD_RUN, R "--max-tokensx 5", "--max-tokensx: mixserve run has no such option"},
    {MIX_CMD_RUN, R "--t 5", "--t: mixserve run has no such option"},
    {MIX_CMD_RUN, R "--tp 4", "--tp: mixserve run has no such option"},
    {MIX_CMD_RUN, R "-seed 4", "-seed: mixserve run has no such option"},
    {MIX_CMD_RUN, R "-vq", "-vq: mixserve run has no such option"},
    {MIX_CMD_RUN, R "-5", "-5: mixserve run has no such option"},
    {MIX_CMD_CHECK, "check --model m --input i --threads 4", "mixserve check has no such option"},
    {MIX_CMD_STATUS, "status o --model m", "mixserve status has no such option"},
    {MIX_CMD_CONVERT, "convert a b --json", "mixserve convert has no such option"},
    {MIX_CMD_CONVERT, "convert a b c", "c: one word too many"},
};

static void refusals(void)
{
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        int rc = parse(wrong[i].command, wrong[i].line);
        if (!ok(rc == MIX_EUSAGE && strstr(mix_err_last(), wrong[i].says), "%s: %s", wrong[i].line,
                wrong[i].says))
            printf("# code %d: %s\n", rc, mix_err_last());
    }
}

/* ---- the table itself: every bound of every number is what it says */

static bool takes(const struct mix_option *opt, double value)
{
    enum mix_command_id command = opt->commands & MIX_CMD_RUN     ? MIX_CMD_RUN
                                  : opt->commands & MIX_CMD_PLAN  ? MIX_CMD_PLAN
                                  : opt->commands & MIX_CMD_PROBE ? MIX_CMD_PROBE
                                                                  : MIX_CMD_BENCH;
    const char *start = command == MIX_CMD_RUN     ? R
                        : command == MIX_CMD_PLAN  ? "plan --model m --nodes 1 --ranks-per-node 1 "
                        : command == MIX_CMD_PROBE ? "probe "
                                                   : "bench plan --model m ";
    char line[200];

    snprintf(line, sizeof line, "%s--%s %.17g", start, opt->name, value);
    if (opt->type != MIX_OPT_FLOAT && fabs(value) < 1e15)
        snprintf(line, sizeof line, "%s--%s %.0f", start, opt->name, value);
    else if (opt->type != MIX_OPT_FLOAT)
        snprintf(line, sizeof line, "%s--%s %lld", start, opt->name, (long long)value);
    return parse(command, line) == MIX_OK;
}

static void bounds(void)
{
    for (int i = 0; i < mix_options_count; i++) {
        const struct mix_option *opt = &mix_options_table[i];
        double step = opt->type == MIX_OPT_FLOAT ? fabs(opt->most) * 1e-6 : 1;
        if (opt->type == MIX_OPT_FLAG || opt->type == MIX_OPT_TEXT || opt->type == MIX_OPT_CHOICE)
            continue;
        if (fabs(opt->most) >= 1e15)
            step = fabs(opt->most) * 1e-6;
        ok(takes(opt, opt->least) && takes(opt, opt->most), "--%s takes its bounds", opt->name);
        ok(!takes(opt, opt->least - step) && !takes(opt, opt->most + step),
           "--%s takes nothing beyond them", opt->name);
    }
    for (int i = 0; i < mix_options_count; i++)
        for (int j = 0; j < i; j++) {
            const struct mix_option *a = &mix_options_table[i], *b = &mix_options_table[j];
            if (!(a->commands & b->commands))
                continue; /* as --model, which probe need not have */
            if (!strcmp(a->name, b->name) || (a->brief && b->brief && !strcmp(a->brief, b->brief)))
                ok(false, "--%s and --%s are one option", a->name, b->name);
        }
}

/* ---- listings */

static void listings(void)
{
    struct mix_str text = {0};
    json_t *root = NULL;

    parse(MIX_CMD_RUN, R "--temperature 0.7 --seed -3 --ignore-eos --kv-memory 1G");
    ok(mix_options_list(&text, &o, given, MIX_CMD_RUN) == MIX_OK &&
           strstr(text.s, "--temperature 0.7, ") && strstr(text.s, "--top-p 1 (default), ") &&
           strstr(text.s, "--ignore-eos") && strstr(text.s, "--kv-memory 1000000000, ") &&
           strstr(text.s, "--model m, ") && !strstr(text.s, "--no-merge"),
       "the list has values, their origin, and the flags that are on");
    ok(mix_options_numeric_json(&text, &o) == MIX_OK && (root = json_loads(text.s, 0, NULL)),
       "the numeric options are a JSON object");
    ok(json_number_value(json_object_get(root, "temperature")) == 0.7 &&
           json_integer_value(json_object_get(root, "seed")) == -3 &&
           json_integer_value(json_object_get(root, "max_tokens")) == -1 &&
           json_is_true(json_object_get(root, "ignore_eos")) &&
           !strcmp(json_string_value(json_object_get(root, "load_format")), "auto"),
       "with the names that columns have");
    ok(!json_object_get(root, "threads") && !json_object_get(root, "kv_memory"),
       "without those that change no result");
    json_decref(root);
    for (int i = 0; i < mix_options_count; i++) {
        const struct mix_option *opt = &mix_options_table[i];
        if (opt->numeric && opt->type == MIX_OPT_TEXT)
            ok(false, "--%s is text, which the JSON object does not quote", opt->name);
    }
    mix_str_clear(&text);
    ok(mix_options_help(&text, MIX_CMD_CONVERT) == MIX_OK && strstr(text.s, "-h, --help") &&
           !strstr(text.s, "--model"),
       "the help of a command has its options only");
    mix_str_fini(&text);
}

int main(void)
{
    mix_log_level(MIX_LOG_SILENT);
    if (mix_calloc(&given, (size_t)mix_options_count, sizeof *given, "options"))
        return 1;
    values();
    refusals();
    bounds();
    listings();
    free(given);
    return tap_done();
}
