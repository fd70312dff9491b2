/* parse.c - what the table of options means: parsing, ranges, listings. */
#include "base/err.h"
#include "cli/options.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static int range(const struct mix_option *opt, const char *text)
{
    return MIX_FAIL(MIX_EUSAGE, "--%s %s: a number from %g to %g is needed", opt->name, text,
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
            return range(opt, text);
        *(int64_t *)member(o, opt) = n;
        return MIX_OK;
    case MIX_OPT_SIZE:
        if (!mix_parse_size(text, &bytes) || (double)bytes > opt->most)
            return MIX_FAIL(MIX_EUSAGE, "--%s %s: a size like 4G or 512Mi is needed", opt->name,
                            text);
        *(int64_t *)member(o, opt) = (int64_t)bytes;
        return MIX_OK;
    case MIX_OPT_FLOAT:
        x = strtod(text, &end);
        if (end == text || *end || !(x >= opt->least && x <= opt->most))
            return range(opt, text);
        *(double *)member(o, opt) = x;
        return MIX_OK;
    case MIX_OPT_TIME:
        if (!clock_time(text, &x) || x < opt->least || x > opt->most)
            return MIX_FAIL(MIX_EUSAGE, "--%s %s: seconds or H:MM:SS are needed, at least %g",
                            opt->name, text, opt->least);
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
            if (i + 1 == argc)
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
        return mix_str_addf(text, "%.17g", *(const double *)p);
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
        if (!(opt->commands & (int)command) || opt->type == MIX_OPT_FLAG)
            continue;
        TRY(mix_str_addf(text, "%s--%s ", text->len ? ", " : "", opt->name));
        TRY(print_value(text, o, opt));
        TRY(mix_str_addf(text, "%s", given[i] ? "" : " (default)"));
    }
out:
    return rc;
}

int mix_options_numeric_json(struct mix_str *text, const struct mix_options *o)
{
    int rc = MIX_OK;

    mix_str_clear(text);
    TRY(mix_str_addf(text, "{"));
    for (int i = 0; i < mix_options_count; i++) {
        const struct mix_option *opt = &mix_options_table[i];
        if (!opt->numeric)
            continue;
        TRY(mix_str_addf(text, "%s\"%s\": ", text->len > 1 ? ", " : "", opt->name));
        TRY(print_value(text, o, opt));
    }
    TRY(mix_str_addf(text, "}"));
out:
    return rc;
}

static int help_line(struct mix_str *text, const struct mix_option *opt)
{
    char left[80];
    int n = snprintf(left, sizeof left, "  %s%s%s--%s%s%s", opt->brief ? "-" : "",
                     opt->brief ? opt->brief : "", opt->brief ? ", " : "", opt->name,
                     opt->value ? " " : "", opt->value ? opt->value : "");
    bool tells = opt->start && strcmp(opt->start, "0") != 0 && strcmp(opt->start, "-1") != 0;

    return mix_str_addf(text, "%-40s%s%s%s%s%s\n", n > 38 ? strcat(left, "  ") : left, opt->text,
                        tells ? " [" : "", tells ? opt->start : "",
                        tells && opt->type == MIX_OPT_TIME ? " s" : "", tells ? "]" : "");
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
