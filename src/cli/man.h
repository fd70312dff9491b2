/* man.h - the man page, made from the same tables as the help. */
#ifndef MIX_CLI_MAN_H
#define MIX_CLI_MAN_H

#include "base/str.h"
#include "cli/cli.h"

/* mixserve(1) as roff, for all commands. */
int mix_man_page(struct mix_str *text, const struct mix_command *const *commands, int count);

#endif
