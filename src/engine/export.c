/* export.c - see export.h.  Rows are read in blocks; each line is put together in one buffer. */
#include "engine/export.h"

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/sampling.h"
#include "io/columns.h"
#include "io/file.h"
#include "io/prompts.h"
#include "io/results.h"
#include "text/jsonl_row.h"
#include "text/jsonl_write.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 256 }; /* rows at a time: some have tens of thousands of tokens */

/* ---- the file of lines */

struct sink {
    const char *path;
    struct mix_str temp; /* where it is written; empty: in place */
    FILE *file;
    struct mix_str line, extra, value; /* the line at hand, and parts of it */
    int64_t lines;
    int64_t bad, bad_first; /* lines whose text was not UTF-8, and the first of them */
};

/* A file beside the one to be; devices, pipes and our own standard output are written in place. */
static int sink_open(struct sink *s, const char *path)
{
    int rc = MIX_OK, fd;
    struct stat st;
    bool is_stdout = strcmp(path, "/dev/stdout") == 0;

    s->path = path;
    if (!is_stdout && (stat(path, &st) != 0 || S_ISREG(st.st_mode)))
        TRY(mix_str_addf(&s->temp, "%s.tmp", path));
    path = s->temp.len ? s->temp.s : path;
    fd =
        is_stdout ? dup(STDOUT_FILENO) : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0 || !(s->file = fdopen(fd, "w"))) {
        rc = mix_file_error(errno, true, "create", path);
        if (fd >= 0)
            close(fd);
    }
out:
    return rc;
}

static void sink_judge(struct sink *s, const char *text, size_t n)
{
    if (mix_utf8_valid(text, n, NULL))
        return;
    if (s->bad++ == 0)
        s->bad_first = s->lines;
}

/* Write the line and begin a new one. */
static int sink_line(struct sink *s)
{
    if (fwrite(s->line.s, 1, s->line.len, s->file) != s->line.len)
        return mix_file_error(errno, true, "write", s->path);
    s->lines++;
    mix_str_clear(&s->line);
    return MIX_OK;
}

static int sink_commit(struct sink *s)
{
    int rc = MIX_OK;
    FILE *f = s->file;

    s->file = NULL;
    if (fclose(f) != 0) {
        rc = mix_file_error(errno, true, "write", s->path);
        goto out;
    }
    if (s->temp.len)
        TRY(mix_file_commit(s->temp.s, s->path));
    if (s->bad)
        mix_log(MIX_LOG_WARN,
                "%s: %lld texts of the input are not UTF-8, which JSON must be, and have U+FFFD "
                "where they are not; the first is row %lld",
                s->path, (long long)s->bad, (long long)s->bad_first);
    mix_str_fini(&s->temp);
out:
    return rc;
}

static void sink_fini(struct sink *s)
{
    if (s->file)
        fclose(s->file);
    if (s->temp.len)
        unlink(s->temp.s); /* not committed */
    mix_str_fini(&s->temp);
    mix_str_fini(&s->line);
    mix_str_fini(&s->extra);
    mix_str_fini(&s->value);
}

/* All columns of one row as members of the object at hand. */
static int add_columns(struct mix_str *line, const struct mix_columns *c, int64_t row,
                       struct mix_str *value)
{
    int rc = MIX_OK;

    for (int i = 0; i < mix_columns_count(c); i++) {
        mix_str_clear(value);
        TRY(mix_columns_json(c, i, row, value));
        TRY(mix_jsonl_write_json(line, mix_columns_name(c, i), value->s));
    }
out:
    return rc;
}

/* ---- prompts */

/* What the line of a batch cannot hold. */
static int check_form(const char *path, const struct mix_prompts *p)
{
    static const char *const own[] = {"method", "url", "body"};

    if (mix_prompts_kind(p) == MIX_PROMPT_MESSAGES)
        return MIX_FAIL(MIX_EINPUT,
                        "%s: /prompts/messages cannot be converted: there are no chat formats yet",
                        path);
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        if (mix_columns_find(mix_prompts_columns(p), own[i]) >= 0)
            return MIX_FAIL(MIX_EINPUT,
                            "%s: the column /prompts/%s has the name of a member of a batch line; "
                            "rename it",
                            path, own[i]);
    return MIX_OK;
}

static int check_param(const char *path, const struct mix_prompt_block *b, int p, int64_t i)
{
    static const double exact = 9007199254740992; /* 2^53 */

    if (fabs(b->param[p][i]) > exact && b->exact[p])
        return MIX_FAIL(MIX_EINPUT, "%s: row %lld: %s is beyond 2^53, which JSON lines cannot hold",
                        path, (long long)(b->first + i), b->param_name[p]);
    if (!isinf(b->param[p][i]))
        return MIX_OK;
    return MIX_FAIL(MIX_EINPUT, "%s: row %lld: %s is %g, which JSON cannot hold", path,
                    (long long)(b->first + i), b->param_name[p], b->param[p][i]);
}

static int add_prompt_line(struct sink *s, const char *path, const struct mix_prompt_block *b,
                           int64_t i)
{
    int rc;
    double param[MIX_SAMPLING_PARAMS];
    struct mix_jsonl_row row = {.param = param};
    char id[32];

    snprintf(id, sizeof id, "row-%lld", (long long)(b->first + i));
    row.custom_id = (char *)(b->custom_id ? b->custom_id[i] : id);
    if (b->kind == MIX_PROMPT_TEXT) {
        row.text = (char *)b->text[i];
        row.text_len = b->text_len[i];
        sink_judge(s, row.text, row.text_len);
    } else {
        row.tokens = b->tokens + b->offset[i];
        row.tokens_count = (size_t)(b->offset[i + 1] - b->offset[i]);
    }
    for (int p = 0; p < b->params; p++) {
        param[p] = b->param[p] ? b->param[p][i] : NAN;
        if (b->param[p])
            TRY(check_param(path, b, p, i));
    }
    mix_str_clear(&s->extra);
    TRY(mix_jsonl_write_begin(&s->extra));
    TRY(add_columns(&s->extra, b->columns, i, &s->value));
    TRY(mix_str_add(&s->extra, "}", 1));
    row.extra = s->extra.s;
    TRY(mix_jsonl_write_request(&s->line, &row, NULL, b->param_name, b->params));
    TRY(sink_line(s));
out:
    return rc;
}

int mix_export_prompts(const char *in, const char *out, int64_t *lines)
{
    int rc;
    struct mix_prompts *prompts = NULL;
    struct mix_prompt_block *block = NULL;
    struct sink sink = {0};
    int64_t rows;

    TRY(mix_prompts_open(&prompts, in, mix_sampling_name, MIX_SAMPLING_PARAMS));
    TRY(check_form(in, prompts));
    rows = mix_prompts_rows(prompts);
    TRY(sink_open(&sink, out));
    for (int64_t first = 0; first < rows; first += BLOCK) {
        int64_t n = rows - first < BLOCK ? rows - first : BLOCK;
        TRY(mix_prompts_read(prompts, first, n, &block));
        for (int64_t i = 0; i < n; i++)
            TRY(add_prompt_line(&sink, in, block, i));
        mix_prompt_block_destroy(block);
        block = NULL;
    }
    TRY(sink_commit(&sink));
    if (lines)
        *lines = rows;
out:
    sink_fini(&sink);
    mix_prompt_block_destroy(block);
    mix_prompts_close(prompts);
    return rc;
}

/* ---- results */

static int add_result_line(struct sink *s, const struct mix_results_block *b, int64_t i)
{
    int rc;
    const struct mix_result *e = &b->entry[i];
    struct mix_str *line = &s->line;

    TRY(mix_jsonl_write_begin(line));
    TRY(mix_jsonl_write_int(line, "row", e->row));
    TRY(mix_jsonl_write_int(line, "sample", e->sample));
    TRY(mix_jsonl_write_text(line, "text", e->text, e->text_len));
    TRY(mix_jsonl_write_text(line, "finish_reason", e->finish_reason, strlen(e->finish_reason)));
    if (e->error[0])
        TRY(mix_jsonl_write_text(line, "error", e->error, strlen(e->error)));
    TRY(mix_jsonl_write_int(line, "prompt_tokens", e->prompt_tokens));
    TRY(mix_jsonl_write_int(line, "completion_tokens", e->completion_tokens));
    if (e->custom_id)
        TRY(mix_jsonl_write_text(line, "custom_id", e->custom_id, strlen(e->custom_id)));
    TRY(add_columns(line, b->columns, i, &s->value));
    TRY(mix_jsonl_write_end(line));
    TRY(sink_line(s));
out:
    return rc;
}

int mix_export_results(const char *in, const char *out, int64_t *lines)
{
    int rc;
    struct mix_results_file *file = NULL;
    struct mix_results_block *block = NULL;
    struct sink sink = {0};
    int64_t entries;

    TRY(mix_results_open(&file, in));
    entries = mix_results_entries(file);
    TRY(sink_open(&sink, out));
    for (int64_t first = 0; first < entries; first += BLOCK) {
        int64_t n = entries - first < BLOCK ? entries - first : BLOCK;
        TRY(mix_results_read(file, first, n, &block));
        for (int64_t i = 0; i < n; i++)
            TRY(add_result_line(&sink, block, i));
        mix_results_block_destroy(block);
        block = NULL;
    }
    TRY(sink_commit(&sink));
    if (lines)
        *lines = entries;
out:
    sink_fini(&sink);
    mix_results_block_destroy(block);
    mix_results_close(file);
    return rc;
}
