/* scratch.h - a folder of its own for a test that writes files, removed at the end. */
#ifndef MIX_TESTS_SCRATCH_H
#define MIX_TESTS_SCRATCH_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char scratch_folder[256];

static inline void scratch_begin(void)
{
    const char *top = getenv("TMPDIR");

    snprintf(scratch_folder, sizeof scratch_folder, "%s/mix-%ld-%lx", top ? top : "/tmp",
             (long)getpid(), (unsigned long)time(NULL));
    if (mkdir(scratch_folder, 0700) != 0) {
        printf("Bail out! cannot make %s\n", scratch_folder);
        exit(1);
    }
}

/* The path of name in the folder; good until the eighth call from now. */
static inline const char *scratch(const char *name)
{
    static char path[8][512];
    static int at;
    char *p = path[at++ % 8];

    snprintf(p, sizeof path[0], "%s/%s", scratch_folder, name);
    return p;
}

static inline void scratch_write(const char *name, const void *bytes, size_t n)
{
    FILE *f;

    unlink(scratch(name)); /* ext4 flushes a file that is cut and written again: 3 ms each */
    f = fopen(scratch(name), "wb");

    if (!f || fwrite(bytes, 1, n, f) != n || fclose(f) != 0) {
        printf("Bail out! cannot write %s\n", scratch(name));
        exit(1);
    }
}

static inline void scratch_end(void)
{
    char command[300];

    snprintf(command, sizeof command, "rm -rf '%s'", scratch_folder);
    if (system(command) != 0)
        printf("# %s stays\n", scratch_folder);
}

#endif
