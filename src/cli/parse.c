/* parse.c - what the table of options means: parsing, ranges, listings. */
#include "base/err.h"
#include "cli/options.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HELP_NAMES = 37 }; /* columns for the names in the help: the longest of them */

static void *member(struct mix_options *o, const struct mix_option *opt)
{
    return (char *)o + opt->at;
}

static bool whole(const char *text, int64_t *n)
{
    char *end;
    long long v = strtoll(text, &end, 10);

    *n = v;
    return end != text && *end == '\0' && v != INT64_MAX && v != INT64_MIN;
}

/* Seconds, M:SS or H:MM:SS. */
static bool clock_time(const char *text, double *seconds)
{
    double total = 0;
    const char *at = text;

    for (int parts = 0; parts < 3; parts++) {
        char *end;
        double v = strtod(at, &end);
        if (end == at || !isfinite(v) || v < 0 || (parts > 0 && v >= 60))
            return false;
        total = total * 60 + v;
        if (*end == '\0') {
            *seconds = total;
            return true;
        }
        if (*end != ':')
            return false;
        at = end + 1;
    }
    return false;
}

static bool chosen(const char *choices, const char *text)
{
    size_t n = strlen(text);

    for (const char *at = choices; at; at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL)
        if (strncmp(at, text, n) == 0 && (at[n] == '|' || at[n] == '\0'))
            return n > 0;
    return false;
}

/* "--top-p 2: a number from 1e-09 to 1 is needed". */
static int refuse(const struct mix_option *opt, const char *text, const char *what)
{
    return MIX_FAIL(MIX_EUSAGE, "--%s %s: %s from %.15g to %.15g is needed", opt->name, text, what,
                    opt->least, opt->most);
}

static int set(struct mix_options *o, const struct mix_option *opt, const char *text)
{
    int64_t n = 0;
    size_t bytes = 0;
    double x = 0;
    char *end;

    switch (opt->type) {
    case MIX_OPT_FLAG:
        *(bool *)member(o, opt) = true;
        return MIX_OK;
    case MIX_OPT_INT:
        if (!whole(text, &n) || (double)n < opt->least || (double)n > opt->most)
            return refuse(opt, text, "a whole number");
        *(int64_t *)member(o, opt) = n;
        return MIX_OK;
    case MIX_OPT_SIZE:
        if (!mix_parse_size(text, &bytes) || (double)bytes < opt->least ||
            (double)bytes > opt->most)
            return refuse(opt, text, "a number of bytes, as 512Mi or 4G,");
        *(int64_t *)member(o, opt) = (int64_t)bytes;
        return MIX_OK;
    case MIX_OPT_FLOAT:
        x = strtod(text, &end);
        if (end == text || *end || !(x >= opt->least && x <= opt->most))
            return refuse(opt, text, "a number");
        *(double *)member(o, opt) = x;
        return MIX_OK;
    case MIX_OPT_TIME:
        if (!clock_time(text, &x) || x < opt->least || x > opt->most)
            return refuse(opt, text, "a time, in seconds or as H:MM:SS,");
        *(double *)member(o, opt) = x;
        return MIX_OK;
    case MIX_OPT_CHOICE:
        if (!chosen(opt->choices, text))
            return MIX_FAIL(MIX_EUSAGE, "--%s %s: it is one of %s", opt->name, text, opt->choices);
        *(const char **)member(o, opt) = text;
        return MIX_OK;
    case MIX_OPT_TEXT:
        if (!*text)
            return MIX_FAIL(MIX_EUSAGE, "--%s: a path is needed", opt->name);
        *(const char **)member(o, opt) = text;
        return MIX_OK;
    }
    return MIX_OK;
}

/* The option that a word names, or NULL; *value is what stands behind "=" or NULL. */
static const struct mix_option *named(const char *word, enum mix_command_id command,
                                      const char **value)
{
    bool is_long = word[1] == '-';
    const char *name = word + 1 + is_long, *equal = strchr(name, '=');
    size_t n = equal ? (size_t)(equal - name) : strlen(name);

    *value = equal ? equal + 1 : NULL;
    for (int i = 0; i < mix_options_count; i++) {
        const struct mix_option *opt = &mix_options_table[i];
        const char *own = is_long ? opt->name : opt->brief;
        if (own && (opt->commands & (int)command) && strlen(own) == n && !strncmp(own, name, n))
            return opt;
    }
    return NULL;
}

/* "--model --input f": what follows --model is the next option, not a folder of that name. */
static bool names_option(const char *word, enum mix_command_id command)
{
    const char *value;

    return word[0] == '-' && word[1] == '-' && named(word, command, &value);
}

int mix_options_parse(struct mix_options *o, bool *given, enum mix_command_id command, int argc,
                      char **argv)
{
    int rc = MIX_OK;

    *o = (struct mix_options){0};
    for (int i = 0; i < mix_options_count; i++) {
        given[i] = false;
        if (mix_options_table[i].start)
            TRY(set(o, &mix_options_table[i], mix_options_table[i].start));
    }
    for (int i = 2; i < argc; i++) {
        const char *word = argv[i], *value;
        const struct mix_option *opt;
        if (word[0] != '-' || !word[1]) {
            if (o->words == 2)
                return MIX_FAIL(MIX_EUSAGE, "%s: one word too many; see mixserve %s --help", word,
                                argv[1]);
            o->word[o->words++] = word;
            continue;
        }
        opt = named(word, command, &value);
        if (!opt)
            return MIX_FAIL(MIX_EUSAGE,
                            "%s: mixserve %s has no such option; see mixserve %s --help", word,
                            argv[1], argv[1]);
        if (opt->type == MIX_OPT_FLAG && value)
            return MIX_FAIL(MIX_EUSAGE, "--%s takes no value", opt->name);
        if (opt->type != MIX_OPT_FLAG && !value) {
            if (i + 1 == argc || names_option(argv[i + 1], command))
                return MIX_FAIL(MIX_EUSAGE, "--%s %s is needed: the value is missing", opt->name,
                                opt->value);
            value = argv[++i];
        }
        TRY(set(o, opt, value));
        given[opt - mix_options_table] = true;
    }
    if (o->help)
        return MIX_OK;
    for (int i = 0; i < mix_options_count; i++) {
        const struct mix_option *opt = &mix_options_table[i];
        if (opt->required && (opt->commands & (int)command) && !given[i])
            return MIX_FAIL(MIX_EUSAGE, "--%s %s is missing; see mixserve %s --help", opt->name,
                            opt->value, argv[1]);
    }
out:
    return rc;
}

/* The shortest text that reads back as x. */
static int add_number(struct mix_str *text, double x)
{
    char buf[32];

    for (int digits = 1; digits <= 17; digits++) {
        snprintf(buf, sizeof buf, "%.*g", digits, x);
        if (strtod(buf, NULL) == x)
            break;
    }
    return mix_str_addf(text, "%s", buf);
}

static int print_value(struct mix_str *text, const struct mix_options *o,
                       const struct mix_option *opt)
{
    const void *p = (const char *)o + opt->at;

    switch (opt->type) {
    case MIX_OPT_FLAG:
        return mix_str_addf(text, "%s", *(const bool *)p ? "true" : "false");
    case MIX_OPT_INT:
    case MIX_OPT_SIZE:
        return mix_str_addf(text, "%lld", (long long)*(const int64_t *)p);
    case MIX_OPT_FLOAT:
    case MIX_OPT_TIME:
        return add_number(text, *(const double *)p);
    default:
        return mix_str_addf(text, "%s", *(const char *const *)p ? *(const char *const *)p : "");
    }
}

int mix_options_list(struct mix_str *text, const struct mix_options *o, const bool *given,
                     enum mix_command_id command)
{
    int rc = MIX_OK;

    for (int i = 0; i < mix_options_count; i++) {
        const struct mix_option *opt = &mix_options_table[i];
        bool flag = opt->type == MIX_OPT_FLAG;
        if (!(opt->commands & (int)command) || (flag && !given[i]))
            continue;
        TRY(mix_str_addf(text, "%s--%s", text->len ? ", " : "", opt->name));
        if (!flag) {
            TRY(mix_str_addf(text, " "));
            TRY(print_value(text, o, opt));
        }
        TRY(mix_str_addf(text, "%s", given[i] ? "" : " (default)"));
    }
out:
    return rc;
}

int mix_options_numeric_json(struct mix_str *text, const struct mix_options *o)
{
    int rc = MIX_OK;
    const char *word;

    mix_str_clear(text);
    TRY(mix_str_addf(text, "{"));
    for (int i = 0; i < mix_options_count; i++) {
        const struct mix_option *opt = &mix_options_table[i];
        if (!opt->numeric)
            continue;
        TRY(mix_str_addf(text, "%s\"", text->len > 1 ? ", " : ""));
        for (const char *c = opt->name; *c; c++) /* as the column of that name: max_tokens */
            TRY(mix_str_add(text, *c == '-' ? "_" : c, 1));
        word = opt->type == MIX_OPT_CHOICE ? "\"" : "";
        TRY(mix_str_addf(text, "\": %s", word));
        TRY(print_value(text, o, opt));
        TRY(mix_str_addf(text, "%s", word));
    }
    TRY(mix_str_addf(text, "}"));
out:
    return rc;
}

static int help_line(struct mix_str *text, const struct mix_option *opt)
{
    int rc;
    struct mix_str left = {0};
    bool tells = opt->start && strcmp(opt->start, "0") != 0 && strcmp(opt->start, "-1") != 0;

    TRY(mix_str_addf(&left, "%s%s%s--%s%s%s", opt->brief ? "-" : "", opt->brief ? opt->brief : "",
                     opt->brief ? ", " : "", opt->name, opt->value ? " " : "",
                     opt->value ? opt->value : ""));
    TRY(mix_str_addf(text, "  %-*s  %s", HELP_NAMES, left.s, opt->text));
    if (tells)
        TRY(mix_str_addf(text, " [%s%s]", opt->start, opt->type == MIX_OPT_TIME ? " s" : ""));
    TRY(mix_str_addf(text, "\n"));
out:
    mix_str_fini(&left);
    return rc;
}

int mix_options_help(struct mix_str *text, enum mix_command_id command)
{
    int rc = MIX_OK;
    const char *group = NULL;

    for (int i = 0; i < mix_options_count; i++) {
        const struct mix_option *opt = &mix_options_table[i];
        if (!(opt->commands & (int)command))
            continue;
        if (opt->group != group)
            TRY(mix_str_addf(text, "%s:\n", group = opt->group));
        TRY(help_line(text, opt));
    }
out:
    return rc;
}
