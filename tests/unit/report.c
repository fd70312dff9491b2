/* report.c - the table and the JSON of a run, with what was predicted and without. */
#include "engine/report.h"

#include "tap.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct mix_report report(bool predicts, bool exchanged)
{
    struct mix_report r = {.ranks = 4, .seconds = 2, .end = "done", .predicts = predicts};

    for (int i = 0; i < MIX_SECTIONS; i++) {
        r.least[i] = i;
        r.mean[i] = i + 0.25;
        r.most[i] = i + 1;
        r.predicted[i] = predicts ? 100 + i : 0;
    }
    for (int p = 0; p < MIX_PHASES && exchanged; p++) {
        r.phase[p].seconds = p + 0.125;
        r.phase[p].predicted = predicts ? p + 0.5 : 0;
        for (int i = 0; i < MIX_SIDES; i++) {
            r.phase[p].bytes[i] = 1024 * (1 + p);
            r.phase[p].messages[i] = 1000 * (i + 1) + 0.5;
            r.phase[p].expected[i] = predicts ? 2048 * (1 + i) : 0;
        }
    }
    return r;
}

/* The line that begins so, without what comes after it; NULL if there is none. */
static char *line_of(const struct mix_str *text, const char *begin)
{
    const char *at = text->s;

    while (at && *at && strncmp(at, begin, strlen(begin)) != 0) {
        at = strchr(at, '\n');
        at += at != NULL;
    }
    return at && *at ? strndup(at, strcspn(at, "\n")) : NULL;
}

static void has(const struct mix_str *text, const char *begin, const char *want)
{
    char *line = line_of(text, begin);

    ok(line && strcmp(line, want) == 0, "%s", want);
    if (!line || strcmp(line, want) != 0)
        printf("# found: %s\n", line ? line : "none");
    free(line);
}

static int lines(const struct mix_str *text)
{
    int n = 0;

    for (const char *c = text->s; c && *c; c++)
        n += *c == '\n';
    return n;
}

static void as_text(void)
{
    struct mix_report r = report(true, true);
    struct mix_str text = {0};

    ok(mix_report_text(&text, &r) == 0 && lines(&text) == 20, "a table, of the exchange too");
    has(&text, "section",
        "section                  min       avg       max   share  predicted   (seconds over 4 "
        "ranks)");
    has(&text, "load", "load                    0.00      0.25      1.00    2.2%          -");
    has(&text, "attention", "attention               1.00      1.25      2.00   11.1%     101.00");
    has(&text, "head", "head                    7.00      7.25      8.00   64.4%     107.00");
    has(&text, "sampling", "sampling                8.00      8.25      9.00   73.3%          -");
    has(&text, "total", "total                  11.00     11.25     12.00  100.0%     111.00");
    has(&text, "dispatch",
        "dispatch            1.12      1.50   2.00 KiB   2.00 KiB     1 001   2.00 KiB   4.00 KiB  "
        "   2 001");
    has(&text, "exchange inside, ",
        "exchange inside, between and waiting: 15.75 s, predicted 315.00 s");
    mix_str_fini(&text);

    r = report(false, true);
    ok(mix_report_text(&text, &r) == 0 && lines(&text) == 20, "nothing is predicted");
    has(&text, "attention", "attention               1.00      1.25      2.00   11.1%          -");
    has(&text, "total", "total                  11.00     11.25     12.00  100.0%          -");
    has(&text, "combine",
        "combine             2.12         -   3.00 KiB          -     1 001   3.00 KiB          -  "
        "   2 001");
    has(&text, "exchange inside, ", "exchange inside, between and waiting: 15.75 s");
    mix_str_fini(&text);

    r = report(true, false);
    ok(mix_report_text(&text, &r) == 0 && lines(&text) == 15, "nobody has sent anything");
    mix_str_fini(&text);
}

static double number(const json_t *at, const char *a, const char *b, const char *c)
{
    at = json_object_get(at, a);
    at = json_object_get(at, b);
    at = c ? json_object_get(at, c) : at;
    return at ? json_number_value(at) : -1;
}

static void as_json(void)
{
    struct mix_report r = report(true, true);
    struct mix_str text = {0};
    json_t *said;

    ok(mix_report_json(&text, &r) == 0 && (said = json_loads(text.s, 0, NULL)), "a document");
    ok(number(said, "sections", "attention", "predicted") == 101 &&
           number(said, "sections", "exchange between", "predicted") == 105 &&
           number(said, "sections", "total", "predicted") == 111,
       "what was predicted, by section");
    ok(number(said, "sections", "load", "predicted") == -1 &&
           number(said, "sections", "idle", "predicted") == -1,
       "of those that the planner knows");
    ok(number(json_object_get(said, "exchange"), "dispatch", "between", "bytes") == 2048 &&
           number(json_object_get(said, "exchange"), "dispatch", "between", "expected") == 4096 &&
           number(json_object_get(said, "exchange"), "counts", "inside", "messages") == 1000.5,
       "what was sent");
    ok(number(said, "exchange", "combine", "seconds") == 2.125 &&
           number(said, "exchange", "combine", "predicted") == 2.5,
       "how long a phase took, and should");
    ok(number(said, "exchange", "seconds", NULL) == 15.75 &&
           number(said, "exchange", "predicted", NULL) == 315,
       "how long that took");
    json_decref(said);
    mix_str_fini(&text);

    r = report(false, false);
    ok(mix_report_json(&text, &r) == 0 && (said = json_loads(text.s, 0, NULL)), "without");
    ok(!strstr(text.s, "predicted") && !strstr(text.s, "expected"), "nothing is predicted");
    ok(number(json_object_get(said, "exchange"), "combine", "inside", "bytes") == 0, "nor sent");
    json_decref(said);
    mix_str_fini(&text);
}

int main(void)
{
    as_text();
    as_json();
    return tap_done();
}
