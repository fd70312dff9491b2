/* none.c - a command line without commands: in the build only until cli.c is. */
#include "cli/cli.h"

#include "base/err.h"

int mix_cli(int argc, char **argv)
{
    (void)argc;
    return MIX_FAIL(MIX_EUSAGE, "%s: this build has no commands yet", argv[0]);
}
