/* plan_json.c - what goes out comes in again; what is no plan is refused by name. */
#include "plan/plan_json.h"

#include "base/err.h"
#include "base/log.h"
#include "base/rng.h"
#include "tap.h"

#include <stdlib.h>
#include <string.h>

static struct mix_plan some_plan(void)
{
    struct mix_plan p = {
        .numeric = {.tp = 2,
                    .etp = 1,
                    .dtype = MIX_BF16,
                    .kv_dtype = MIX_F32,
                    .sums = 4,
                    .sum_domains = 2,
                    .dispatch = MIX_F8E4M3,
                    .invariant = 1},
        .world = 8,
        .domains = 2,
        .domain_size = 4,
        .dp = 4,
        .ep = 1,
        .edp = 8,
        .exchange = MIX_EXCHANGE_FUSED,
        .chunks = 5,
        .chunk_bytes = 70000,
        .depth = 2,
        .threads = 3,
        .max_num_seqs = 256,
        .max_batched_tokens = 2048,
        .max_model_len = 40960,
        .pages = 2147483647,
        .bytes_weights = INT64_MAX,
        .bytes_kv = 3,
        .bytes_activations = 0,
    };

    strcpy(p.numeric.device, "cpu");
    strcpy(p.numeric.kernels, "page 16 \"quoted\" \xC3\xA9\n");
    return p;
}

/* Every byte, padding too: plans are compared and sent as bytes. */
static bool round_trip(const struct mix_plan *p)
{
    struct mix_str text = {0};
    struct mix_plan back;
    bool same = mix_plan_to_json(p, &text) == MIX_OK &&
                mix_plan_from_json(&back, text.s, text.len, "plan.json") == MIX_OK &&
                memcmp(p, &back, sizeof back) == 0;

    mix_str_fini(&text);
    return same;
}

static void there_and_back(void)
{
    struct mix_plan p = some_plan();
    bool good = true;

    ok(round_trip(&p), "a plan comes back");
    memset(p.numeric.kernels, 'k', sizeof p.numeric.kernels - 1);
    ok(round_trip(&p), "so does the longest text");
    for (uint32_t i = 0; i < 500; i++) {
        uint32_t x[4];

        mix_philox(x, (uint32_t[]){i, 0, 0, 0}, (uint32_t[]){3, 4});
        p = some_plan();
        p.numeric.tp = (int32_t)(1u << x[0] % 4);
        p.numeric.etp = p.numeric.tp;
        p.dp = p.edp = (int32_t)(x[1] % 1000 + 1);
        p.world = p.dp * p.numeric.tp;
        p.domain_size = p.world;
        p.domains = 1;
        p.threads = (int32_t)(x[2] >> 1);
        p.bytes_kv = (int64_t)((uint64_t)x[2] << 31 | x[3] >> 1);
        p.numeric.dtype = x[3] % 2 ? MIX_F32 : MIX_BF16;
        memset(p.numeric.kernels, 0, sizeof p.numeric.kernels);
        for (uint32_t j = 0; j < x[3] % 100; j++)
            p.numeric.kernels[j] = (char)(' ' + (x[j % 4] >> j % 20) % 90);
        good = good && round_trip(&p);
    }
    ok(good, "so do 500 random ones");
}

/* Replace a part of a good plan's text; the result must be refused with says in the message. */
static void refuse(const char *part, const char *with, const char *says)
{
    struct mix_plan p = some_plan(), back;
    struct mix_str text = {0}, bad = {0};
    char *at;
    int rc = mix_plan_to_json(&p, &text);

    memset(&back, 0x5A, sizeof back);
    p = back;
    at = rc ? NULL : strstr(text.s, part);
    if (at) {
        mix_str_add(&bad, text.s, (size_t)(at - text.s));
        mix_str_add(&bad, with, strlen(with));
        mix_str_add(&bad, at + strlen(part), strlen(at + strlen(part)));
    }
    mix_log_level(MIX_LOG_SILENT);
    rc = at ? mix_plan_from_json(&back, bad.s, bad.len, "job/plan.json") : -1;
    mix_log_level(MIX_LOG_INFO);
    ok(rc == MIX_EINPUT && strstr(mix_err_last(), "job/plan.json: ") &&
           strstr(mix_err_last(), says) && memcmp(&p, &back, sizeof p) == 0,
       "%s for %s: %s", with, part, mix_err_last());
    mix_str_fini(&text);
    mix_str_fini(&bad);
}

static void refused(void)
{
    static const char *const cases[][3] = {
        {"\"world\": 8,", "", "\"world\": expected an integer, found nothing"},
        {"\"world\": 8", "\"world\": \"8\"", "\"world\": expected an integer, found a string"},
        {"\"world\": 8", "\"world\": 8.0", "\"world\": expected an integer, found a real"},
        {"\"world\": 8", "\"world\": 9", "9 ranks are not tp 2 x dp 4"},
        {"\"world\": 8", "\"world\": 4294967304", "\"world\": 4294967304 is out of range"},
        {"\"world\": 8", "\"world\": 99999999999999999999", "not JSON: line"},
        {"\"edp\": 8", "\"edp\": 4", "not etp 1 x ep 1 x edp 4"},
        {"\"edp\": 8", "\"edp\": -8", "must be at least 1"},
        {"\"domains\": 2", "\"domains\": 4", "not 4 domains of 4"},
        {"\"tp\": 2", "\"tp\": 0", "must be at least 1"},
        {"\"chunks\": 5", "\"chunks\": -5", "a negative number"},
        {"\"chunk_bytes\": 70000,", "", "\"chunk_bytes\": expected an integer, found nothing"},
        {"\"depth\": 2", "\"depth\": 2.5", "\"depth\": expected an integer, found a real"},
        {"\"sum_domains\": 2,", "", "\"sum_domains\": expected an integer, found nothing"},
        {"\"F8_E4M3\"", "\"F32\"", "rows that go to experts in a type"},
        {"\"threads\": 3", "\"threads\": -3", "a negative number"},
        {"\"bytes_kv\": 3", "\"bytes_kv\": -3", "a negative number"},
        {"\"BF16\"", "\"F99\"", "\"dtype\": expected F32 or BF16, found F99"},
        {"\"BF16\"", "\"I32\"", "neither F32 nor BF16"},
        {"\"BF16\"", "7", "\"dtype\": expected F32 or BF16, found an integer"},
        {"\"exchange\": \"fused\"", "\"exchange\": \"pigeon\"", "found pigeon"},
        {"\"cpu\"", "\"a device of some other kind\"", "\"device\": expected at most 15 bytes"},
        {"\"cpu\"", "\"c\\u0000u\"", "not JSON"},
        {"\"cpu\"", "null", "\"device\": expected a string, found null"},
        {"\"format\": 1", "\"format\": 2", "\"format\": expected 1"},
        {"\"format\": 1,", "", "\"format\": expected 1"},
        {"\"numeric\"", "\"other\"", "\"tp\": expected an integer, found nothing"},
        {"{", "[", "not JSON"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        refuse(cases[i][0], cases[i][1], cases[i][2]);
}

static void cut_off(void)
{
    struct mix_plan p = some_plan(), back;
    struct mix_str text = {0};
    bool good = mix_plan_to_json(&p, &text) == MIX_OK;

    mix_log_level(MIX_LOG_SILENT);
    for (size_t n = 0; good && n + 2 < text.len; n++) /* without the last } and newline */
        good = mix_plan_from_json(&back, text.s, n, "plan.json") == MIX_EINPUT;
    mix_log_level(MIX_LOG_INFO);
    ok(good, "a text that ends early, at any byte");
    ok(mix_plan_from_json(&back, text.s, text.len, "plan.json") == MIX_OK, "and the whole one");
    mix_str_fini(&text);
}

int main(void)
{
    there_and_back();
    refused();
    cut_off();
    return tap_done();
}
