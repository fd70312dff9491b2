/* kill_point.c - the N-th call kills, no other, and none without the variable. */
#include "engine/kill_point.h"

#include "tap.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What becomes of a process that passes 5 points: its wait status. */
static int passes(const char *at)
{
    pid_t pid = fork();
    const char *where;
    int status = -1;

    if (pid == 0) {
        if (at)
            setenv("MIXSERVE_TEST_KILL", at, 1);
        else
            unsetenv("MIXSERVE_TEST_KILL");
        for (int i = 0; i < 5; i++)
            mix_kill_point(i == 4 ? "last" : "point");
        _exit(mix_kill_points(&where) + (strcmp(where, "last") == 0 ? 10 : 0));
    }
    waitpid(pid, &status, 0);
    return status;
}

int main(void)
{
    ok(WEXITSTATUS(passes(NULL)) == 0, "without the variable nothing is counted");
    ok(WEXITSTATUS(passes("0")) == 15, "0 counts and remembers the last");
    for (int i = 1; i <= 5; i++) {
        char at[8] = {(char)('0' + i)};
        int status = passes(at);
        ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "%d of 5 kills", i);
    }
    ok(WEXITSTATUS(passes("6")) == 15, "6 of 5 does not");
    return tap_done();
}
