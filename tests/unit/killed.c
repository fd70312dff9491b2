/* killed.c - a job killed at every moment that leaves something on the disk, then run again.
 *
 * A job here is a desk (rank 0's part) and two leaders, each a process of its own; when one
 * is killed the others are killed too, as mpirun does.  The same command then runs with
 * another number of leaders and in another order, at times is killed a second time, and
 * must end with the results of a run that nobody disturbed.  No row that was sealed may
 * be lost, and none may be run again.
 *
 * Every kill point is tried; under a sanitizer, which makes this ten times slower, every
 * sixth, beginning elsewhere each day. */
#include "base/err.h"
#include "base/log.h"
#include "engine/kill_point.h"
#include "engine/survey.h"
#include "filing.h"
#include "io/file.h"
#include "tap.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef __SANITIZE_ADDRESS__
enum { STRIDE = 6 };
#else
enum { STRIDE = 1 };
#endif

enum { ROWS = 21, DESK = -1, NOBODY = -2, MOST_LEADERS = 8 };

struct attempt {
    int leaders;
    int who, at; /* who is killed, at which of its points */
    struct filing_pace pace;
};

static const char *input, *output, *folder;
static struct mix_store_stats *shared; /* [MOST_LEADERS], of the attempt at hand */

/* A process inherits the count of the one that it comes from. */
static void arm(const struct attempt *a, int who)
{
    const char *where;
    char n[16];

    snprintf(n, sizeof n, "%d", a->who == who ? mix_kill_points(&where) + a->at : 0);
    setenv("MIXSERVE_TEST_KILL", n, 1);
}

/* ---- the processes of a job */

static void lead(const struct attempt *a, const struct mix_store_config *config,
                 const struct mix_claim *claim, int claims)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    arm(a, config->leader);
    _exit(filing_lead(config, &a->pace, claim, claims, &shared[config->leader]));
}

/* Wait for all; if one was killed, kill the rest and say so. */
static bool leaders_ended(const pid_t *pid, int leaders)
{
    bool killed = false;

    for (int n = 0, status; n < leaders; n++) {
        if (waitpid(-1, &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status)) {
            killed = true;
            for (int i = 0; i < leaders; i++)
                kill(pid[i], SIGKILL);
        }
    }
    return !killed;
}

static void lead_all(const struct attempt *a, struct mix_job *job)
{
    struct mix_claim claim[MOST_LEADERS][ROWS + 1], next;
    int claims[MOST_LEADERS] = {0};
    pid_t pid[MOST_LEADERS];

    for (int i = 0; (next = mix_job_claim(job, 1)).count; i = (i + 1) % a->leaders)
        claim[i][claims[i]++] = next;
    for (int i = 0; i < a->leaders; i++) {
        struct mix_store_config config = filing_store(job, input, i);

        if ((pid[i] = fork()) == 0)
            lead(a, &config, claim[i], claims[i]);
    }
    if (!leaders_ended(pid, a->leaders))
        kill(getpid(), SIGKILL);
}

static int desk(const struct attempt *a)
{
    int rc;
    struct mix_job_identity id = filing_identity("out.h5", "in.h5", ROWS);
    struct mix_job *job = NULL;
    struct mix_plan plan = filing_plan(a->leaders);
    enum mix_job_state state;

    arm(a, DESK);
    TRY(mix_job_open(&job, &id, &state));
    if (state == MIX_JOB_RUN) {
        TRY(mix_job_begin(job, &plan));
        lead_all(a, job);
    }
    TRY(mix_job_merge(job));
out:
    mix_job_close(job);
    return rc;
}

/* Rows that the files hold; -1 if they cannot be looked at. */
static int64_t sealed(void)
{
    struct mix_survey s = {0};
    int64_t rows;

    if (mix_file_exists(output))
        return ROWS;
    if (!mix_file_exists(folder))
        return 0;
    rows = mix_survey_take(&s, folder, ROWS, true) == MIX_OK ? s.rows_sealed : -1;
    mix_survey_fini(&s);
    return rows;
}

/* 0: it ended well; 1: it was killed; 2: neither, or rows were lost or run again. */
static int run(const struct attempt *a)
{
    int64_t before = sealed(), during = 0, after;
    pid_t pid;
    int status = 0;

    memset(shared, 0, MOST_LEADERS * sizeof *shared);
    if ((pid = fork()) == 0)
        _exit(desk(a));
    waitpid(pid, &status, 0);
    after = sealed();
    for (int i = 0; i < MOST_LEADERS; i++)
        during += shared[i].rows_sealed;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && after >= before + during)
        return 1;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && before + during == ROWS)
        return 0;
    printf("# status %d, %d rows sealed before, %d in it, %d after\n", status, (int)before,
           (int)during, (int)after);
    return 2;
}

/* ---- what is left */

static bool right(const struct mix_str *want)
{
    struct mix_str got = {0};
    bool good = filing_dump(output, &got) == MIX_OK && got.len == want->len &&
                memcmp(got.s, want->s, want->len) == 0 && !mix_file_exists(folder);

    mix_str_fini(&got);
    return good;
}

static void clean(void)
{
    unlink(output);
    mix_file_remove_folder(folder);
}

/* The same command again and again until it ends; n picks how.  False if it never does. */
static bool go_on(int n)
{
    for (int again = 0; again < 3; again++) {
        struct attempt a = {.leaders = 1 + (n + again) % 3,
                            .who = NOBODY,
                            .pace = {1 + n % 2, 1 + n % 4, 0, (uint32_t)(n + again)}};

        if (again == 0 && n % 3 == 0) {
            a.who = n % 2 ? DESK : 0;
            a.at = 1 + n * 5 % 23;
        }
        switch (run(&a)) {
        case 0:
            return true;
        case 2:
            return false;
        }
    }
    return false;
}

static void kill_everywhere(int who, const char *name, const struct filing_pace *pace)
{
    struct mix_str want = {0};
    int first = 1 + (int)(time(NULL) / 86400) % STRIDE, points = 0, bad = 0;

    filing_expect(ROWS, -1, &want);
    for (int at = first;; at += STRIDE) {
        struct attempt a = {2, who, at, *pace};
        int how = run(&a);

        if (how == 1) {
            points++;
            if (!go_on(at) || !right(&want)) {
                printf("# %s killed at its point %d: not the same results\n", name, at);
                bad++;
            }
        }
        clean();
        if (how != 1) {
            bad += how == 2;
            break;
        }
    }
    ok(bad == 0 && points >= (STRIDE > 1 ? 2 : 8), "%s killed at %d points: the same results", name,
       points);
    mix_str_fini(&want);
}

static void undisturbed(void)
{
    struct attempt a = {2, NOBODY, 0, {2, 2, 0, 1}};
    struct mix_str want = {0};

    filing_expect(ROWS, -1, &want);
    ok(run(&a) == 0 && right(&want), "an undisturbed run");
    ok(run(&a) == 0 && right(&want), "the same command again has nothing to do");
    clean();
    mix_str_fini(&want);
}

int main(void)
{
    char paths[3][300];

    filing_begin();
    shared = mmap(NULL, MOST_LEADERS * sizeof *shared, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    input = strcpy(paths[0], filing_path("in.h5"));
    output = strcpy(paths[1], filing_path("out.h5"));
    folder = strcpy(paths[2], filing_path("out.h5.job"));
    filing_prompts("in.h5", ROWS, -1);
    mix_log_level(MIX_LOG_ERROR);
    undisturbed();
    kill_everywhere(DESK, "the desk", &(struct filing_pace){1, 0, 0, 1});
    kill_everywhere(0, "a leader with pieces", &(struct filing_pace){2, 1, 0, 2});
    kill_everywhere(1, "a leader without pieces", &(struct filing_pace){1, 0, 0, 3});
    filing_end();
    return tap_done();
}
