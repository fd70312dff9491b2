/* note.c - see note.h. */
#include "engine/note.h"

#include "base/err.h"
#include "base/str.h"
#include "io/results.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

const char mix_note_name[] = "seal";

int mix_note_text(const struct mix_note *n, struct mix_str *out)
{
    return mix_str_addf(out,
                        "{\"first\": %lld, \"last\": %lld, \"failed\": %lld, \"attempt\": %d, "
                        "\"leader\": %d, \"input\": \"%016" PRIx64 "\", \"plan\": \"%016" PRIx64
                        "\"}",
                        (long long)n->first, (long long)(n->first + n->count - 1),
                        (long long)n->failed, n->attempt, n->leader, n->input, n->plan);
}

static bool parse(struct mix_note *n, const char *text)
{
    json_int_t first, last, failed;
    const char *input, *plan;
    json_t *root = json_loads(text, 0, NULL);
    bool good = root &&
                json_unpack(root, "{s:I, s:I, s:I, s:i, s:i, s:s, s:s}", "first", &first, "last",
                            &last, "failed", &failed, "attempt", &n->attempt, "leader", &n->leader,
                            "input", &input, "plan", &plan) == 0 &&
                first >= 0 && last >= first - 1 && last < INT64_MAX && failed >= 0 &&
                sscanf(input, "%16" SCNx64, &n->input) == 1 &&
                sscanf(plan, "%16" SCNx64, &n->plan) == 1;

    if (good) {
        n->first = first;
        n->count = last - first + 1;
        n->failed = failed;
    }
    json_decref(root);
    return good;
}

int mix_note_read(struct mix_note *out, struct mix_results_file *file, const char *path)
{
    int rc;
    struct mix_str text = {0};
    struct mix_note note = {0};
    bool found = false;

    TRY(mix_results_read_run(file, mix_note_name, &text, &found));
    if (!found || !parse(&note, text.s ? text.s : "")) {
        rc = MIX_FAIL(MIX_EINPUT,
                      "%s: not a piece or shard of a job: /run/%s is missing or malformed", path,
                      mix_note_name);
        goto out;
    }
    note.entries = mix_results_entries(file);
    *out = note;
out:
    mix_str_fini(&text);
    return rc;
}
