/* man.c - see man.h. */
#include "config.h"

#include "cli/man.h"

#include "base/err.h"

#include <string.h>

/* Text for roff: hyphens and backslashes escaped, a leading dot protected. */
static int escaped(struct mix_str *out, const char *text)
{
    int rc = MIX_OK;

    if (*text == '.' || *text == '\'')
        TRY(mix_str_add(out, "\\&", 2));
    for (; *text; text++) {
        if (*text == '-' || *text == '\\')
            TRY(mix_str_add(out, "\\", 1));
        TRY(mix_str_add(out, text, 1));
    }
out:
    return rc;
}

static int option(struct mix_str *out, const struct mix_option *opt)
{
    int rc = MIX_OK;

    TRY(mix_str_addf(out, ".TP\n"));
    if (opt->brief)
        TRY(mix_str_addf(out, "\\fB\\-%s\\fR, ", opt->brief));
    TRY(mix_str_addf(out, "\\fB\\-\\-"));
    TRY(escaped(out, opt->name));
    TRY(mix_str_addf(out, "\\fR"));
    if (opt->value)
        TRY(mix_str_addf(out, " \\fI%s\\fR", opt->value));
    TRY(mix_str_addf(out, "\n"));
    TRY(escaped(out, opt->text));
    if (opt->choices)
        TRY(mix_str_addf(out, " (%s)", opt->choices));
    if (opt->start) {
        TRY(mix_str_addf(out, " [default "));
        TRY(escaped(out, opt->start));
        TRY(mix_str_addf(out, "]"));
    }
    TRY(mix_str_addf(out, "\n"));
out:
    return rc;
}

static int command(struct mix_str *out, const struct mix_command *c)
{
    int rc = MIX_OK;

    TRY(mix_str_addf(out, ".SS mixserve %s %s\n", c->name, c->words ? c->words : "[options]"));
    TRY(escaped(out, c->more));
    TRY(mix_str_addf(out, "\n.PP\nExample:\n.PP\n.RS\n"));
    TRY(escaped(out, c->example));
    TRY(mix_str_addf(out, "\n.RE\n"));
    for (int i = 0; i < mix_options_count; i++)
        if (mix_options_table[i].commands & (int)c->id)
            TRY(option(out, &mix_options_table[i]));
out:
    return rc;
}

int mix_man_page(struct mix_str *out, const struct mix_command *const *commands, int count)
{
    static const enum mix_err codes[] = {MIX_OK,       MIX_EBUG,    MIX_EUSAGE,   MIX_EINPUT,
                                         MIX_EROWS,    MIX_EFIT,    MIX_ENUMERIC, MIX_ECOMM,
                                         MIX_ESTORAGE, MIX_ESTOPPED};
    int rc = MIX_OK;

    TRY(mix_str_addf(
        out,
        ".TH MIXSERVE 1 \"\" \"mixserve %s\"\n.SH NAME\nmixserve \\- batch inference of "
        "Mixture\\-of\\-Experts models\n.SH SYNOPSIS\n.B mpirun \\-n 4 mixserve run "
        "\\-\\-model DIR \\-\\-input prompts.h5 \\-\\-output results.h5\n"
        ".SH COMMANDS\n",
        PACKAGE_VERSION));
    for (int i = 0; i < count; i++)
        TRY(command(out, commands[i]));
    TRY(mix_str_addf(out, ".SH EXIT STATUS\n"));
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        TRY(mix_str_addf(out, ".TP\n%d\n%s\n", codes[i], mix_err_name(codes[i])));
out:
    return rc;
}
