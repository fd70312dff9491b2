/* cmd_convert.c - mixserve convert: .jsonl <-> .h5, prompts and results. */
#include "base/err.h"
#include "cli/cli.h"
static int run(const struct mix_options *o, const bool *given, int argc, char **argv)
{
    (void)o, (void)given, (void)argc, (void)argv;
    return MIX_EUSAGE;
}
const struct mix_command mix_cmd_convert = {.name = "convert",
                                            .id = MIX_CMD_CONVERT,
                                            .words = "IN OUT",
                                            .more = "",
                                            .example = "",
                                            .text = "",
                                            .run = run};
