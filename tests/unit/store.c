/* store.c - shards in, answers out: what is handed out, sealed, refused. */
#include "engine/store.h"

#include "base/err.h"
#include "base/log.h"
#include "filing.h"
#include "io/file.h"
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A whole job, by one leader. */
static void whole(int64_t rows, int replicas, const struct filing_pace *pace, const char *what)
{
    struct mix_job_identity id = filing_identity("out.h5", "in.h5", rows);
    struct mix_str got = {0}, want = {0};

    filing_prompts("in.h5", rows, -1);
    filing_expect(rows, -1, &want);
    ok(filing_run(&id, replicas, pace) == MIX_OK && filing_dump(id.output, &got) == MIX_OK &&
           got.len == want.len && memcmp(got.s ? got.s : "", want.s ? want.s : "", want.len) == 0,
       "%lld rows, %s", (long long)rows, what);
    if (getenv("FILING_SHOW"))
        printf("got:\n%s\nwant:\n%s\n", got.s, want.s);
    ok(!mix_file_exists(filing_path("out.h5.job")), "and the folder is gone");
    unlink(filing_path("out.h5"));
    mix_str_fini(&got);
    mix_str_fini(&want);
}

int main(void)
{
    filing_begin();
    whole(40, 1, &(struct filing_pace){1, 0, 0, 1}, "a shard at a time");
    whole(100, 1, &(struct filing_pace){3, 0, 0, 2}, "three shards at a time");
    whole(100, 4, &(struct filing_pace){2, 5, 0, 3}, "many pieces");
    whole(1, 8, &(struct filing_pace){1, 1, 0, 4}, "one row");
    whole(0, 8, &(struct filing_pace){1, 1, 0, 5}, "no rows");
    filing_end();
    return tap_done();
}
