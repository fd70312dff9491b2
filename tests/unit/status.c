/* status.c - a job from outside, at each moment of its life. */
#include "engine/status.h"

#include "base/err.h"
#include "base/log.h"
#include "engine/job.h"
#include "filing.h"
#include "io/file.h"
#include "tap.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ROWS = 30 };

static struct mix_status look(void)
{
    struct mix_status s = {0};

    if (mix_job_status(filing_path("out.h5"), &s) != MIX_OK)
        s.state = (enum mix_status_state)(-1);
    return s;
}

int main(void)
{
    struct mix_job_identity id;
    struct mix_job *job = NULL;
    enum mix_job_state state;
    struct mix_plan plan = filing_plan(4);
    struct mix_status s;

    filing_begin();
    filing_prompts("in.h5", ROWS, -1);
    id = filing_identity("out.h5", "in.h5", ROWS);
    s = look();
    ok(s.state == MIX_STATUS_NONE && s.last_activity == 0 && s.attempts == 0, "not started");
    mix_job_open(&job, &id, &state);
    s = look();
    ok(s.state == MIX_STATUS_RUNNING && s.holder.pid == getpid() && s.attempts == 0,
       "starting, by whom");
    mix_job_begin(job, &plan);
    s = look();
    ok(s.state == MIX_STATUS_RUNNING && s.rows == ROWS && s.rows_sealed == 0 && s.attempts == 1 &&
           s.host[0] && strlen(s.started) == 20 && strcmp(s.input, id.input) == 0 &&
           strcmp(s.model, id.model) == 0,
       "running, since when, on what");
    mix_job_close(job);
    s = look();
    ok(s.state == MIX_STATUS_DEAD && s.rows_sealed == 0, "dead with nothing sealed");
    filing_run(&id, 1, &(struct filing_pace){1, 2, 12, 1});
    s = look();
    ok(s.state == MIX_STATUS_DEAD && s.rows_sealed > 11 && s.rows_sealed < ROWS &&
           s.rows_failed > 0 && s.shards > 0 && s.pieces > 0 && s.attempts == 2 &&
           s.last_activity > time(NULL) - 100 && s.last_activity <= time(NULL) + 1,
       "dead with something");
    filing_run(&id, 1, &(struct filing_pace){1, 0, 1000, 1});
    s = look();
    ok(s.state == MIX_STATUS_SEALED && s.rows_sealed == ROWS && s.pieces == 0 && s.attempts == 3,
       "all sealed, not merged");
    filing_run(&id, 1, &(struct filing_pace){1, 0, 0, 1});
    int64_t failed = s.rows_failed;
    s = look();
    ok(s.state == MIX_STATUS_FINISHED && s.rows == ROWS && s.rows_sealed == ROWS &&
           s.rows_failed == failed && failed > 0 && s.attempts == 3 && s.last_activity,
       "finished");
    unlink(id.output);
    mix_file_write(id.output, "mine", 4);
    mix_log_level(MIX_LOG_SILENT);
    ok(mix_job_status(id.output, &s) == MIX_EINPUT, "none of ours");
    mix_log_level(MIX_LOG_INFO);
    filing_end();
    return tap_done();
}
