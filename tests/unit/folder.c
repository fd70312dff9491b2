/* folder.c - names of a job's folder: there and back, and everything that is not one. */
#include "engine/folder.h"

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "tap.h"

#include <string.h>

static void there_and_back(void)
{
    static const struct {
        struct mix_folder_name n;
        const char *name;
    } cases[] = {
        {{.kind = MIX_FOLDER_JOB}, "job.json"},
        {{.kind = MIX_FOLDER_PLAN, .temp = true}, "plan.json.tmp"},
        {{.kind = MIX_FOLDER_LOCK}, "lock"},
        {{.kind = MIX_FOLDER_LEDGER, .attempt = 3, .leader = 12}, "ledger-3-12"},
        {{.kind = MIX_FOLDER_SHARD, .first = 0, .count = 4096}, "shard-0-4095.h5"},
        {{.kind = MIX_FOLDER_SHARD, .first = 7, .count = 1, .temp = true}, "shard-7-7.h5.tmp"},
        {{MIX_FOLDER_PIECE, 123456789012, 4096, 2, 31, 5, false},
         "piece-123456789012-123456793107-2-31-5.h5"},
    };
    struct mix_str s = {0};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mix_folder_name got = mix_folder_parse(cases[i].name), want = cases[i].n;

        mix_str_clear(&s);
        ok(mix_folder_add(&s, &want) == MIX_OK && strcmp(s.s, cases[i].name) == 0, "makes %s",
           cases[i].name);
        ok(got.kind == want.kind && got.first == want.first && got.count == want.count &&
               got.attempt == want.attempt && got.leader == want.leader && got.seq == want.seq &&
               got.temp == want.temp,
           "reads %s", cases[i].name);
    }
    ok(mix_folder_path(&s, "out.h5.job", &cases[4].n) == MIX_OK &&
           strcmp(s.s, "out.h5.job/shard-0-4095.h5") == 0,
       "a path replaces what was there");
    mix_log_level(MIX_LOG_SILENT);
    ok(mix_folder_add(&s, &(struct mix_folder_name){.kind = MIX_FOLDER_OTHER}) == MIX_EBUG,
       "no name for a stranger");
    mix_log_level(MIX_LOG_INFO);
    mix_str_fini(&s);
}

static void strangers(void)
{
    static const char *const names[] = {
        "",
        ".tmp",
        "job.json.bak",
        "Job.json",
        "locks",
        "ledger-1",
        "ledger-1-2.h5",
        "ledger--1-2",
        "ledger-01-2",
        "ledger-99999999999-2",
        "shard-5-4.h5",
        "shard-+5-6.h5",
        "shard- 5-6.h5",
        "shard-05-6.h5",
        "shard-0-4095",
        "shard-0-4095.h5.tmp.tmp",
        "shard--1-5.h5",
        "shard-0-9223372036854775807.h5",
        "shard-0-99999999999999999999.h5",
        "piece-0-5-1-2.h5",
        "piece-0-5-1-2-3-4.h5",
        "piece-0-5-1-2--3.h5",
        "piece-0-5-1-2-x.h5",
        "results.h5",
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        ok(mix_folder_parse(names[i]).kind == MIX_FOLDER_OTHER, "\"%s\" is not ours", names[i]);
}

int main(void)
{
    there_and_back();
    strangers();
    return tap_done();
}
