/* cli.c - which command is meant, and its help. */
#include "config.h"

#include "cli/cli.h"

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/man.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct mix_command *const commands[] = {
    &mix_cmd_run,   &mix_cmd_plan,   &mix_cmd_check, &mix_cmd_convert,
    &mix_cmd_merge, &mix_cmd_status, &mix_cmd_probe, &mix_cmd_bench,
};

enum { COMMANDS = sizeof commands / sizeof commands[0] };

int mix_cli_print_json(json_t *document, const char *what)
{
    char *text = document ? json_dumps(document, JSON_INDENT(1) | JSON_PRESERVE_ORDER) : NULL;

    json_decref(document);
    if (!text)
        return MIX_FAIL(MIX_EFIT, "out of host memory: %s", what);
    printf("%s\n", text);
    free(text);
    return MIX_OK;
}

static int overview(FILE *to)
{
    fprintf(to, "mixserve %s: batch inference of Mixture-of-Experts models\n\nusage:\n",
            PACKAGE_VERSION);
    for (int i = 0; i < COMMANDS; i++)
        fprintf(to, "  mixserve %-8s %s\n", commands[i]->name, commands[i]->text);
    fprintf(to, "\n  mpirun -n 4 mixserve run --model DIR --input prompts.h5 --output results.h5\n"
                "\nmixserve COMMAND --help tells more; man mixserve tells all.\n");
    return MIX_OK;
}

static int help(const struct mix_command *c)
{
    struct mix_str text = {0};
    int rc = mix_options_help(&text, c->id);

    if (rc == MIX_OK)
        printf("usage: mixserve %s%s%s [options], as in\n  %s\n%s\n%s", c->name,
               c->words ? " " : "", c->words ? c->words : "", c->example, c->more, text.s);
    mix_str_fini(&text);
    return rc;
}

static int man(void)
{
    struct mix_str text = {0};
    int rc = mix_man_page(&text, commands, COMMANDS);

    if (rc == MIX_OK)
        fwrite(text.s, 1, text.len, stdout);
    mix_str_fini(&text);
    return rc;
}

static int call(const struct mix_command *c, int argc, char **argv)
{
    int rc = MIX_OK, words = 0;
    struct mix_options o;
    bool *given = NULL;

    TRY(mix_calloc(&given, (size_t)mix_options_count, sizeof *given, "options"));
    TRY(mix_options_parse(&o, given, c->id, argc, argv));
    if (o.help) {
        rc = help(c);
        goto out;
    }
    for (const char *at = c->words; at; at = strchr(at, ' ') ? strchr(at, ' ') + 1 : NULL)
        words++;
    if (o.words != words) {
        rc = MIX_FAIL(MIX_EUSAGE, "usage: mixserve %s%s%s [options]; %d words given", c->name,
                      words ? " " : "", words ? c->words : "", o.words);
        goto out;
    }
    mix_log_level(o.quiet ? MIX_LOG_WARN : o.verbose ? MIX_LOG_DEBUG : MIX_LOG_INFO);
    rc = c->run(&o, given, argc, argv);
out:
    free(given);
    return rc;
}

static int command(int argc, char **argv)
{
    if (argc < 2) {
        overview(stderr);
        return MIX_FAIL(MIX_EUSAGE, "a command is needed");
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help"))
        return overview(stdout);
    if (!strcmp(argv[1], "--version")) {
        printf("mixserve %s\n", PACKAGE_VERSION);
        return MIX_OK;
    }
    if (!strcmp(argv[1], "--man"))
        return man();
    for (int i = 0; i < COMMANDS; i++)
        if (!strcmp(argv[1], commands[i]->name))
            return call(commands[i], argc, argv);
    return MIX_FAIL(MIX_EUSAGE, "%s: no such command; see mixserve --help", argv[1]);
}

int mix_cli(int argc, char **argv)
{
    int rc = command(argc, argv);

    if (rc == MIX_OK && (fflush(stdout) || ferror(stdout)))
        rc = MIX_FAIL(MIX_ESTORAGE, "standard output: %s", strerror(errno));
    return rc;
}
