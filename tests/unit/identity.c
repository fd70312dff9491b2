/* identity.c - a job's record: there and back, what differs, what is no record. */
#include "engine/identity.h"

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "tap.h"

#include <stdlib.h>
#include <string.h>

static const struct mix_job_identity base = {
    .output = "out.h5",
    .input = "in.h5",
    .model = "model",
    .model_hash = 0xFEDCBA9876543210,
    .rows = 1000,
    .input_hash = 1,
    .parameters = "{\"temperature\": 0, \"stop\": [\"a\"], \"seed\": 9223372036854775807}",
    .run_info = "{\"version\": \"0.1\"}",
};

static void there_and_back(void)
{
    struct mix_job_record *r = NULL, *again = NULL;
    struct mix_attempt a = {1, 4, "n07", 123, "2026-11-24T13:35:00Z"};
    struct mix_job_identity moved = base;
    const struct mix_job_identity *id;
    struct mix_str s = {0}, t = {0};

    ok(mix_job_record_create(&r, &base) == MIX_OK && !mix_job_record_attempt(r),
       "a record without attempts");
    ok(mix_job_record_add(r, &a, &base) == MIX_OK, "its first attempt");
    moved.input = "elsewhere/in.h5";
    moved.run_info = "{\"version\": \"0.2\"}";
    a.attempt = 2, a.world = 8;
    ok(mix_job_record_add(r, &a, &moved) == MIX_OK, "its second, with another path");
    ok(mix_job_record_text(r, NULL, &s) == MIX_OK &&
           mix_job_record_parse(&again, s.s, "job.json") == MIX_OK,
       "it is written and read");
    id = mix_job_record_identity(again);
    ok(strcmp(id->output, base.output) == 0 && strcmp(id->input, moved.input) == 0 &&
           strcmp(id->model, base.model) == 0 && id->model_hash == base.model_hash &&
           id->rows == base.rows && id->input_hash == base.input_hash &&
           strcmp(id->run_info, "{\"version\":\"0.2\"}") == 0 &&
           strstr(id->parameters, "9223372036854775807"),
       "with every member, the latest paths among them");
    ok(mix_job_record_attempt(again)->attempt == 2 && mix_job_record_attempt(again)->world == 8 &&
           mix_job_record_attempt(again)->pid == 123 &&
           strcmp(mix_job_record_attempt(again)->host, "n07") == 0 &&
           strcmp(mix_job_record_attempt(again)->started, a.started) == 0,
       "and the latest attempt");
    ok(mix_job_record_text(again, NULL, &t) == MIX_OK && strcmp(s.s, t.s) == 0,
       "written again it is the same");
    mix_str_clear(&t);
    ok(mix_job_record_text(again, "{\"tp\": 2}", &t) == MIX_OK && strstr(t.s, "\"plan\": {"),
       "a plan can be stored with it");
    mix_log_level(MIX_LOG_SILENT);
    ok(mix_job_record_text(again, "{", &t) == MIX_EBUG, "but not a broken one");
    mix_log_level(MIX_LOG_INFO);
    mix_job_record_destroy(r);
    mix_job_record_destroy(again);
    mix_job_record_destroy(NULL);
    mix_str_fini(&s);
    mix_str_fini(&t);
}

static void differences(void)
{
    static const struct {
        uint64_t model_hash;
        int64_t rows;
        uint64_t input_hash;
        const char *parameters;
        const char *what; /* NULL: nothing */
    } cases[] = {
        {0xFEDCBA9876543210, 1000, 1,
         "{\"seed\": 9223372036854775807, \"stop\": [\"a\"], \"temperature\": 0.0}", NULL},
        {0xFEDCBA9876543210, 1000, 1,
         "{\"seed\": 9223372036854775807, \"stop\": [\"a\"], \"temperature\": 0.7}",
         "temperature was 0, is 0.7"},
        {0xFEDCBA9876543210, 1000, 1,
         "{\"seed\": 9223372036854775806, \"stop\": [\"b\"], \"temperature\": 0}",
         "stop was [\"a\"], is [\"b\"]; seed was 9223372036854775807, is 9223372036854775806"},
        {0xFEDCBA9876543210, 1000, 1,
         "{\"seed\": 9223372036854775807, \"top_p\": 1, \"temperature\": 0}",
         "stop was [\"a\"], is not set; top_p was not set, is 1"},
        {2, 999, 1, "{\"seed\": 9223372036854775807, \"stop\": [\"a\"], \"temperature\": 0}",
         "the model was model (fedcba9876543210), is other (0000000000000002); the input in.h5 had "
         "1000 rows, other.h5 has 999"},
        {0xFEDCBA9876543210, 1000, 2,
         "{\"seed\": 9223372036854775807, \"stop\": [\"a\"], \"temperature\": 0}",
         "the content of the input was that of in.h5 (0000000000000001), is that of other.h5 "
         "(0000000000000002)"},
    };
    struct mix_job_record *r = NULL;
    struct mix_str what = {0};

    mix_job_record_create(&r, &base);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mix_job_identity id = {"o",
                                      "other.h5",
                                      "other",
                                      cases[i].model_hash,
                                      cases[i].rows,
                                      cases[i].input_hash,
                                      cases[i].parameters,
                                      "{}"};

        mix_str_clear(&what);
        ok(mix_job_record_difference(r, &id, &what) == MIX_OK &&
               (cases[i].what ? what.len && strcmp(what.s, cases[i].what) == 0 : what.len == 0),
           "%s", cases[i].what ? cases[i].what : "other paths and 0.0 for 0 are no difference");
    }
    mix_job_record_destroy(r);
    mix_str_fini(&what);
}

static void no_records(void)
{
    static const struct {
        const char *cut, *put, *says;
    } cases[] = {
        {"{", "", "not JSON"},
        {"\"form\": 1", "\"form\": 2", "form 2"},
        {"\"form\": 1", "\"form\": \"x\"", "form 0"},
        {"\"rows\": 1000", "\"rows\": -1", "\"rows\""},
        {"\"rows\": 1000", "\"rows\": 1.5", "\"rows\""},
        {"fedcba9876543210", "fedcba987654321", "\"model_hash\""},
        {"fedcba9876543210", "fedcba98765432100", "\"model_hash\""},
        {"fedcba9876543210", "fedcba987654321g", "\"model_hash\""},
        {"\"input_hash\"", "\"output_hash\"", "\"input_hash\""},
        {"\"input\": \"in.h5\"", "\"input\": 7", "\"input\""},
        {"\"parameters\": {", "\"parameters\": 1, \"x\": {", "\"parameters\""},
        {"\"attempts\": [", "\"attempts\": 1, \"x\": [", "\"attempts\""},
        {"\"attempt\": 1", "\"attempt\": 0", "\"attempts\""},
        {"\"host\": \"n07\"", "\"host\": 1", "\"attempts\""},
        {"\"run\": {", "\"run\": [], \"x\": {", "\"run\""},
    };
    struct mix_attempt a = {1, 4, "n07", 123, "2026-11-24T13:35:00Z"};
    struct mix_job_record *r = NULL, *again = NULL;
    struct mix_job_identity bad = base;
    struct mix_str s = {0}, t = {0};

    mix_job_record_create(&r, &base);
    mix_job_record_add(r, &a, &base);
    mix_job_record_text(r, NULL, &s);
    mix_log_level(MIX_LOG_SILENT);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *at = strstr(s.s, cases[i].cut);

        mix_str_clear(&t);
        mix_str_add(&t, s.s, (size_t)(at - s.s));
        mix_str_addf(&t, "%s%s", cases[i].put, at + strlen(cases[i].cut));
        ok(mix_job_record_parse(&again, t.s, "x/job.json") == MIX_EINPUT &&
               strstr(mix_err_last(), cases[i].says) && strstr(mix_err_last(), "x/job.json"),
           "\"%s\" instead of \"%s\" is no record", cases[i].put, cases[i].cut);
    }
    for (size_t n = 0; n + 2 < s.len; n += 7) {
        char c = s.s[n];

        s.s[n] = '\0';
        if (mix_job_record_parse(&again, s.s, "cut") != MIX_EINPUT)
            ok(false, "a record cut off after %zu bytes is refused", n);
        s.s[n] = c;
    }
    ok(again == NULL, "a record cut off anywhere is refused");
    bad.parameters = "[]";
    ok(mix_job_record_create(&again, &bad) == MIX_EBUG, "parameters must be an object");
    bad = base;
    bad.run_info = "";
    ok(mix_job_record_create(&again, &bad) == MIX_EBUG &&
           mix_job_record_add(r, &a, &bad) == MIX_EBUG,
       "so must the run's information");
    bad = base;
    bad.output = "\xFF.h5";
    ok(mix_job_record_create(&again, &bad) == MIX_EUSAGE && strstr(mix_err_last(), "UTF-8"),
       "a name that is not UTF-8 is refused");
    mix_log_level(MIX_LOG_INFO);
    mix_job_record_destroy(r);
    mix_str_fini(&s);
    mix_str_fini(&t);
}

int main(void)
{
    there_and_back();
    differences();
    no_records();
    return tap_done();
}
