/* h5py.c - files that h5py wrote are read as they are, and h5py reads ours.
 *
 * h5py_write.py makes the input files and says what must be read, or which words
 * the refusal must have; h5py_read.py looks at the results and prompts that are
 * written here. */
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "io/columns.h"
#include "io/h5type.h"
#include "io/prompts.h"
#include "io/results.h"
#include "tap.h"
#include "unit/scratch.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const param[] = {"temperature", "max_tokens", "top_k", "ignore_eos"};

enum { PARAMS = 4 };

static bool python(const char *script, const char *arguments)
{
    char command[2000];
    const char *top = getenv("srcdir");

    snprintf(command, sizeof command, "/usr/bin/python3 '%s/tests/io/%s' %s", top ? top : ".",
             script, arguments);
    return system(command) == 0;
}

static char *slurp(const char *path)
{
    FILE *f = fopen(path, "rb");
    struct mix_str s = {0};
    char buf[4096];
    size_t n;

    mix_str_add(&s, "", 0);
    while (f && (n = fread(buf, 1, sizeof buf, f)) > 0)
        mix_str_add(&s, buf, n);
    if (f)
        fclose(f);
    return s.s;
}

/* ---- prompts as lines of JSON, in the form of Python's json ---- */

static void add_prompt(struct mix_str *out, const struct mix_prompt_block *b, int64_t i)
{
    if (b->kind != MIX_PROMPT_TOKENS) {
        mix_h5type_json_text(b->text[i], b->text_len[i], out);
        return;
    }
    mix_str_add(out, "[", 1);
    for (int64_t k = b->offset[i]; k < b->offset[i + 1]; k++)
        mix_str_addf(out, "%s%d", k > b->offset[i] ? ", " : "", (int)b->tokens[k]);
    mix_str_add(out, "]", 1);
}

static void add_row(struct mix_str *out, const struct mix_prompt_block *b, int64_t i)
{
    mix_str_addf(out, "{\"prompt\": ");
    add_prompt(out, b, i);
    if (b->custom_id) {
        mix_str_addf(out, ", \"custom_id\": ");
        mix_h5type_json_text(b->custom_id[i], strlen(b->custom_id[i]), out);
    }
    for (int p = 0; p < b->params; p++) {
        if (b->param[p] && isnan(b->param[p][i]))
            mix_str_addf(out, ", \"%s\": null", param[p]);
        else if (b->param[p])
            mix_str_addf(out, ", \"%s\": %.1f", param[p], b->param[p][i]);
    }
    for (int c = 0; c < mix_columns_count(b->columns); c++) {
        const char *name = mix_columns_name(b->columns, c);

        mix_str_addf(out, ", ");
        mix_h5type_json_text(name, strlen(name), out);
        mix_str_addf(out, ": ");
        mix_columns_json(b->columns, c, i, out);
    }
    mix_str_addf(out, "}\n");
}

static int dump(const char *path, int64_t block, struct mix_str *out)
{
    struct mix_prompts *p = NULL;
    int rc = mix_prompts_open(&p, path, param, PARAMS);

    for (int64_t at = 0; rc == MIX_OK && at < mix_prompts_rows(p); at += block) {
        struct mix_prompt_block *b = NULL;
        int64_t n = mix_prompts_rows(p) - at;

        rc = mix_prompts_read(p, at, n < block ? n : block, &b);
        for (int64_t i = 0; rc == MIX_OK && i < b->rows; i++)
            add_row(out, b, i);
        mix_prompt_block_destroy(b);
    }
    mix_prompts_close(p);
    return rc;
}

static void good_file(const char *name)
{
    static const int64_t blocks[] = {1, 2, 1000};
    char path[512], want_path[512];
    char *want;

    snprintf(path, sizeof path, "%s", scratch(name));
    snprintf(want_path, sizeof want_path, "%.*s.jsonl", (int)strlen(path) - 3, path);
    want = slurp(want_path);
    for (int i = 0; i < 3; i++) {
        struct mix_str got = {0};

        mix_str_add(&got, "", 0);
        if (!ok(dump(path, blocks[i], &got) == MIX_OK && strcmp(got.s, want) == 0,
                "%s in blocks of %d", name, (int)blocks[i]) &&
            strlen(want) < 5000)
            printf("# expected %s# found %s\n", want, got.s);
        mix_str_fini(&got);
    }
    free(want);
}

/* The words of a .txt file, which tabs separate, must all be in the line. */
static void bad_file(const char *name)
{
    struct mix_str got = {0};
    char *words = slurp(scratch(name)), *rest = words, *word;
    char path[512];
    int rc;

    snprintf(path, sizeof path, "%.*s.h5", (int)strlen(scratch(name)) - 4, scratch(name));
    mix_log_level(MIX_LOG_SILENT);
    rc = dump(path, 2, &got);
    mix_log_level(MIX_LOG_WARN);
    mix_str_fini(&got);
    ok(rc == MIX_EINPUT, "%.*s is refused", (int)strlen(name) - 4, name);
    while ((word = strsep(&rest, "\t")))
        if (!strstr(mix_err_last(), word))
            ok(false, "... with \"%s\": %s", word, mix_err_last());
    if (strchr(mix_err_last(), '\n'))
        ok(false, "... in one line");
    if (getenv("V"))
        printf("# %s\n", mix_err_last());
    free(words);
}

static void inputs(void)
{
    struct dirent **entry = NULL;
    int n = scandir(scratch_folder, &entry, NULL, alphasort);

    mix_log_level(MIX_LOG_ERROR); /* a group that is not passed through is a warning */
    for (int i = 0; i < n; i++) {
        const char *name = entry[i]->d_name, *dot = strrchr(name, '.');

        if (strncmp(name, "good-", 5) == 0 && strcmp(dot, ".h5") == 0)
            good_file(name);
        if (strncmp(name, "bad-", 4) == 0 && strcmp(dot, ".txt") == 0)
            bad_file(name);
        free(entry[i]);
    }
    free(entry);
}

/* ---- results and prompts for h5py ---- */

/* Two results a row, as h5py_read.py computes them from the row too. */
static int write_results(const char *in, const char *out)
{
    struct mix_prompts *p = NULL;
    struct mix_results *r = NULL;
    struct mix_results_schema schema;
    struct mix_prompt_block *b = NULL;
    int rc;

    TRY(mix_prompts_open(&p, in, param, PARAMS));
    schema.custom_id = mix_prompts_have_custom_id(p);
    schema.columns = mix_prompts_columns(p);
    TRY(mix_results_create(&r, out, &schema));
    TRY(mix_prompts_read(p, 0, mix_prompts_rows(p), &b));
    for (int64_t i = 0; i < 2 * b->rows; i++) {
        int64_t row = i / 2;
        int32_t tokens[3] = {(int32_t)row, -7, 151000};
        char text[100];
        struct mix_result e = {.row = row,
                               .sample = (int32_t)(i % 2),
                               .text = text,
                               .tokens = tokens,
                               .tokens_count = (int32_t)(i % 4),
                               .finish_reason = i % 2 ? "stop" : "length",
                               .error = i % 5 ? "" : "caf\xC3\xA9",
                               .prompt_tokens = (int32_t)row + 1,
                               .completion_tokens = (int32_t)(i % 4),
                               .custom_id = schema.custom_id ? b->custom_id[row] : NULL};

        e.text_len = (size_t)snprintf(text, sizeof text, "answer %lld \xE2\x82\xAC", (long long)i);
        if (i % 7 == 3)
            e.text_len = 0;
        TRY(mix_results_append(r, &e, 1, b->columns, &row));
    }
    TRY(mix_results_finish(
        r, (struct mix_results_run[]){{"plan", "{\"tp\": 2}"}, {"note", "\xC3\xA9"}}, 2));
out:
    mix_prompt_block_destroy(b);
    mix_results_destroy(r);
    mix_prompts_close(p);
    return rc;
}

/* Read a prompts file and write it again. */
static int copy_prompts(const char *in, const char *out)
{
    struct mix_prompts *p = NULL;
    struct mix_prompts_writer *w = NULL;
    struct mix_prompt_block *b = NULL;
    struct mix_prompts_schema s = {.param = param, .params = PARAMS};
    int rc;

    TRY(mix_prompts_open(&p, in, param, PARAMS));
    s.kind = mix_prompts_kind(p);
    s.custom_id = mix_prompts_have_custom_id(p);
    s.columns = mix_prompts_columns(p);
    TRY(mix_prompts_create(&w, out, &s));
    TRY(mix_prompts_read(p, 0, mix_prompts_rows(p), &b));
    TRY(mix_prompts_append(w, b));
    TRY(mix_prompts_finish(w));
out:
    mix_prompt_block_destroy(b);
    mix_prompts_destroy(w);
    mix_prompts_close(p);
    return rc;
}

static void outputs(void)
{
    char *names = slurp(scratch("results-from")), *rest = names, *name;

    while ((name = strsep(&rest, " \n"))) {
        char in[512], out[512], arguments[1200];
        int64_t entries;

        if (!*name)
            continue;
        snprintf(in, sizeof in, "%s/good-%s.h5", scratch_folder, name);
        snprintf(out, sizeof out, "%s/results-%s.h5", scratch_folder, name);
        snprintf(arguments, sizeof arguments, "results '%s' '%s'", in, out);
        ok(write_results(in, out) == MIX_OK && mix_results_verify(out, &entries) == MIX_OK,
           "results of %s are written", name);
        ok(python("h5py_read.py", arguments), "h5py reads them; columns of %s are unchanged", name);
        snprintf(out, sizeof out, "%s/again-%s.h5", scratch_folder, name);
        snprintf(arguments, sizeof arguments, "prompts '%s' '%s'", in, out);
        ok(copy_prompts(in, out) == MIX_OK && python("h5py_read.py", arguments),
           "prompts of %s are written again, and h5py finds the same", name);
    }
    free(names);
}

/* The examples of docs/format.md run as they stand. */
static void documents(void)
{
    const char *top = getenv("srcdir");
    char command[1500], first[600];
    struct mix_str got = {0};

    snprintf(command, sizeof command,
             "cd '%s' && /usr/bin/python3 '%s/tests/io/h5py_docs.py' '%s/docs/format.md' ",
             scratch_folder, top ? top : ".", top ? top : ".");
    snprintf(first, sizeof first, "%s/prompts.h5", scratch_folder);
    strcat(command, "write");
    ok(system(command) == 0 && dump(first, 2, &got) == MIX_OK &&
           strstr(got.s, "\"max_tokens\": null, \"answer\"") &&
           strstr(got.s, "\"weight\": [0.0, 1.0]"),
       "the input files of docs/format.md are read");
    mix_str_clear(&got);
    ok(dump(scratch("many.h5"), 1000, &got) == MIX_OK && strstr(got.s, "\"prompt 4999\""),
       "the one that is appended to, too");
    mix_str_fini(&got);
    strcpy(strstr(command, " write"), " read >&2");
    ok(write_results(first, scratch("results.h5")) == MIX_OK && system(command) == 0,
       "docs/format.md reads results");
}

/* Columns of integers are not rounded to doubles. */
static void exact(void)
{
    static const char *const name[] = {"seed", "top_k"};
    static const int64_t seed[] = {INT64_MAX, (INT64_C(1) << 53) + 1, -(INT64_C(1) << 60) - 1, -1};
    static const int64_t top_k[] = {INT64_MAX, INT64_MIN, INT64_MIN, 5};
    struct mix_prompts *p = NULL;
    struct mix_prompt_block *b = NULL;
    uint64_t before = 0, after = 0;

    for (int i = 0; i < 2; i++) {
        char command[1200];

        snprintf(command, sizeof command,
                 "cd '%s' && /usr/bin/python3 -c \"import h5py, numpy as np\n"
                 "g = h5py.File('exact.h5', 'w').create_group('prompts')\n"
                 "g['text'] = ['a'] * 4\n"
                 "g['seed'] = np.array([2**63 - 1, 2**53 + 1, -2**60 - 1 + %d, -1])\n"
                 "g['top_k'] = np.array([2**63 - 1, 2**63, 2**64 - 1, 5], 'u8')\n\"",
                 scratch_folder, i);
        if (!ok(system(command) == 0 &&
                    mix_prompts_open(&p, scratch("exact.h5"), name, 2) == MIX_OK &&
                    mix_prompts_read(p, 0, 4, &b) == MIX_OK && b->exact[0] && b->exact[1] &&
                    mix_prompt_block_hash(b, i ? &after : &before) == MIX_OK,
                "h5py's integers are read"))
            return;
        if (i == 0)
            ok(memcmp(b->exact[0], seed, sizeof seed) == 0 &&
                   memcmp(b->exact[1], top_k, sizeof top_k) == 0 && isnan(b->param[0][3]),
               "each as it is; what int64 cannot hold is known for it");
        mix_prompt_block_destroy(b);
        mix_prompts_close(p);
    }
    ok(before != after, "another last digit is another input");
}

int main(void)
{
    char arguments[600];

    if (system("/usr/bin/python3 -c 'import h5py' >/dev/null 2>&1") != 0)
        tap_skip_all("no h5py for /usr/bin/python3: apt-get install python3-h5py");
    scratch_begin();
    snprintf(arguments, sizeof arguments, "'%s'", scratch_folder);
    if (ok(python("h5py_write.py", arguments), "h5py writes input files")) {
        inputs();
        outputs();
    }
    documents();
    exact();
    scratch_end();
    return tap_done();
}
