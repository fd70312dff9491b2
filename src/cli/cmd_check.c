/* cmd_check.c - mixserve check: the model's files and every row, before anything is computed. */
#include "arch/arch.h"
#include "arch/tensors.h"
#include "base/err.h"
#include "base/log.h"
#include "cli/cli.h"
#include "engine/rows.h"
#include "io/safetensors.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

enum { BLOCK_ROWS = 4096 };

struct findings {
    bool json, no_model, no_input; /* files that cannot be read at all */
    int64_t tensors, bad_tensors, rows, bad_rows;
    json_t *list; /* of texts, with --json */
};

static int found(struct findings *f, const char *text)
{
    if (!f->json) {
        printf("%s\n", text);
        return MIX_OK;
    }
    return json_array_append_new(f->list, json_string(text))
               ? MIX_FAIL(MIX_EFIT, "out of host memory: findings")
               : MIX_OK;
}

/* The model's files or the input are no use as a whole: the log says why; look at the other one
 * all the same. */
static int noted(struct findings *f, int rc, bool *broken)
{
    if (rc != MIX_EINPUT)
        return rc;
    *broken = true;
    return f->json ? found(f, mix_err_last()) : MIX_OK;
}

/* Every tensor of the family against what the files have. */
static int check_tensors(struct findings *f, const struct mix_arch *arch, const char *dir)
{
    int rc = MIX_OK;
    struct mix_safetensors *files = NULL;
    struct mix_str line = {0};

    TRY(mix_safetensors_open(&files, dir));
    f->tensors = mix_tensors_count(arch);
    for (int i = 0; i < f->tensors; i++) {
        struct mix_tensor_spec want;
        const struct mix_tensor *have;
        char why[MIX_TENSOR_WHY];

        mix_tensors_at(arch, i, &want);
        have = mix_safetensors_find(files, want.name);
        if (mix_tensors_fits(&want, have ? have->dtype_name : NULL, have ? have->rank : 0,
                             have ? have->shape : NULL, why))
            continue;
        f->bad_tensors++;
        mix_str_clear(&line);
        TRY(mix_str_addf(&line, "%s: %s: %s", have ? mix_safetensors_path(files, have->file) : dir,
                         want.name, why));
        TRY(found(f, line.s));
    }
out:
    mix_str_fini(&line);
    mix_safetensors_close(files);
    return rc;
}

static int check_block(struct findings *f, const struct mix_row_block *block, int64_t rows)
{
    int rc = MIX_OK;
    struct mix_str line = {0};

    for (int64_t i = 0; i < rows; i++) {
        const struct mix_row *row = mix_row_block_at(block, i);
        if (!row->error)
            continue;
        f->bad_rows++;
        mix_str_clear(&line);
        TRY(mix_str_addf(&line, "row %lld: %s", (long long)row->row, row->error));
        TRY(found(f, line.s));
    }
out:
    mix_str_fini(&line);
    return rc;
}

static int check_rows(struct findings *f, const struct mix_options *o, const struct mix_arch *arch)
{
    int rc = MIX_OK;
    struct mix_input *input = NULL;
    struct mix_tokenizer *tokenizer = NULL;
    struct mix_row_block *block = NULL;
    struct mix_row_rules rules = {.defaults = {.temperature = o->temperature,
                                               .top_p = o->top_p,
                                               .top_k = o->top_k,
                                               .seed = o->seed,
                                               .max_tokens = o->max_tokens},
                                  .vocab = arch->vocab,
                                  .max_model_len = o->max_model_len ? (int)o->max_model_len
                                                                    : arch->max_positions};

    TRY(mix_tokenizer_open(&tokenizer, o->model));
    if (mix_tokenizer_vocab(tokenizer) > arch->vocab) {
        rc = MIX_FAIL(MIX_EINPUT, "%s/tokenizer.json has ids up to %d, the model only %d rows",
                      o->model, mix_tokenizer_vocab(tokenizer) - 1, arch->vocab);
        goto out;
    }
    TRY(mix_input_open(&input, o->input));
    f->rows = mix_input_rows(input);
    for (int64_t first = 0; first < f->rows; first += BLOCK_ROWS) {
        int64_t n = f->rows - first < BLOCK_ROWS ? f->rows - first : BLOCK_ROWS;
        TRY(mix_input_read(input, tokenizer, &rules, first, n, &block));
        TRY(check_block(f, block, n));
        mix_row_block_free(block);
        block = NULL;
    }
out:
    mix_row_block_free(block);
    mix_input_close(input);
    mix_tokenizer_close(tokenizer);
    return rc;
}

static int report(const struct findings *f)
{
    json_t *whole;

    if (!f->json) {
        if (f->no_model)
            printf("the model's files cannot be read; ");
        else
            printf("%lld tensors, %lld wrong; ", (long long)f->tensors, (long long)f->bad_tensors);
        if (f->no_input)
            printf("the input cannot be read\n");
        else
            printf("%lld rows, %lld bad\n", (long long)f->rows, (long long)f->bad_rows);
        return MIX_OK;
    }
    whole = json_pack("{s:I, s:I, s:I, s:I, s:O}", "tensors", (json_int_t)f->tensors,
                      "wrong_tensors", (json_int_t)f->bad_tensors, "rows", (json_int_t)f->rows,
                      "bad_rows", (json_int_t)f->bad_rows, "findings", f->list);
    return mix_cli_print_json(whole, "findings");
}

static int run(const struct mix_options *o, const bool *given, int argc, char **argv)
{
    int rc = MIX_OK;
    struct mix_arch arch;
    struct findings f = {.json = o->json, .list = json_array()};
    const char *cannot;

    (void)given, (void)argc, (void)argv;
    TRY(mix_arch_load(&arch, o->model));
    if ((cannot = mix_arch_cannot_run(&arch)))
        mix_log(MIX_LOG_WARN, "this build cannot run %s: %s", o->model, cannot);
    TRY(noted(&f, check_tensors(&f, &arch, o->model), &f.no_model));
    TRY(noted(&f, check_rows(&f, o, &arch), &f.no_input));
    TRY(report(&f));
    rc = f.no_model || f.no_input || f.bad_tensors ? MIX_EINPUT : f.bad_rows ? MIX_EROWS : MIX_OK;
out:
    json_decref(f.list);
    return rc;
}

const struct mix_command mix_cmd_check = {
    .name = "check",
    .id = MIX_CMD_CHECK,
    .text = "every row and the model's files, nothing computed",
    .more =
        "Reads the headers of the model's files and every row of the input, and prints what is\n"
        "wrong: a line each.  Code 0: nothing; 3: the model or the file; 4: some rows.",
    .example = "mixserve check --model inputs/models/tiny-qwen3-moe --input inputs/demo.h5",
    .run = run,
};
