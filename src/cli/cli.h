/* cli.h - the command line: a table of commands, one file each.
 *
 * stdout is a command's result, stderr the log.  Commands that only read and
 * write files never start MPI. */
#ifndef MIX_CLI_CLI_H
#define MIX_CLI_CLI_H

#include "cli/options.h"

#include <jansson.h>

struct mix_command {
    const char *name;
    enum mix_command_id id;
    const char *words; /* positional words in the usage line: "IN OUT"; NULL: none */
    const char *text;  /* what it does, in a line */
    const char *more;  /* a sentence or two for its own help */
    const char *example;
    int (*run)(const struct mix_options *o, const bool *given, int argc, char **argv);
};

extern const struct mix_command mix_cmd_run, mix_cmd_check, mix_cmd_convert, mix_cmd_merge,
    mix_cmd_status, mix_cmd_plan, mix_cmd_probe, mix_cmd_bench;

/* A document on stdout, which is freed.  NULL, or one that cannot be written, is MIX_EFIT naming
 * what. */
int mix_cli_print_json(json_t *document, const char *what);

/* The whole program: returns the exit code, which main hands over. */
int mix_cli(int argc, char **argv);

#endif
