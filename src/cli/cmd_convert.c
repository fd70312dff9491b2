/* cmd_convert.c - mixserve convert: .jsonl <-> .h5, prompts and results. */
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "cli/cli.h"
#include "engine/convert.h"

static int run(const struct mix_options *o, const bool *given, int argc, char **argv)
{
    int rc;
    int64_t rows = 0;
    char digits[32];

    (void)given, (void)argc, (void)argv;
    TRY(mix_convert(o->word[0], o->word[1], &rows));
    mix_info("%s: %s rows", o->word[1], mix_group_digits(rows, digits));
out:
    return rc;
}

const struct mix_command mix_cmd_convert = {
    .name = "convert",
    .id = MIX_CMD_CONVERT,
    .words = "IN OUT",
    .text = ".jsonl <-> .h5, prompts and results",
    .more =
        "What IN is, is seen from its content; what OUT becomes, from its name: .h5, .jsonl, or\n"
        "/dev/stdout for lines.  Prompts go both ways: a line is a request of an OpenAI batch, "
        "its\n"
        "members beside body are columns (int64, float64 or bool where all lines agree, else "
        "text).\n"
        "A prompt without an id gets \"row-N\" in lines.  Results go to lines only, an object "
        "each.\n"
        "Code 3 names the line or row that cannot be converted; then nothing is written.",
    .example = "mixserve convert results.h5 results.jsonl",
    .run = run,
};
