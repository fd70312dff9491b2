/* machine.c - times on a paper machine, presets against what they are made of, files there, back
 * and broken. */
#include "topo/machine.h"

#include "base/err.h"
#include "base/log.h"
#include "scratch.h"
#include "tap.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool near(double a, double b)
{
    bool good = fabs(a - b) <= 1e-12 * fabs(b);

    if (!good)
        printf("# found %.17g, expected %.17g\n", a, b);
    return good;
}

/* Two ranks of a node were at work; 1 us and 1 GB/s between, 2 us + 10 us at 1000 bytes inside. */
static struct mix_machine paper(void)
{
    struct mix_machine m = {
        .name = "paper",
        .device = "cpu",
        .shared = true,
        .ranks = 2,
        .memory = 1e9,
        .reserved = 1e6,
    };

    m.link[MIX_LINK_INSIDE] = (struct mix_link){.latency = 2e-6,
                                                .ports = 1,
                                                .points = 3,
                                                .bytes = {100, 1000, 5000},
                                                .seconds = {1e-6, 10e-6, 20e-6}};
    m.link[MIX_LINK_BETWEEN] = (struct mix_link){
        .latency = 1e-6, .ports = 7, .points = 1, .bytes = {1000}, .seconds = {1e-6}};
    for (int t = 0; t < MIX_MACHINE_TYPES; t++)
        for (int w = 0; w < MIX_WORKS; w++)
            m.rate[t][w] = (struct mix_rate){.launch = 1e-3,
                                             .bandwidth = 1e9 * (w + 1),
                                             .points = 2,
                                             .rows = {4, 8},
                                             .speed = {1e9 * (t + 1), 3e9 * (t + 1)}};
    m.whole[MIX_MACHINE_BF16] =
        (struct mix_whole){.points = 2, .tokens = {10, 20}, .times = {1.5, 2.5}};
    return m;
}

static void links(void)
{
    static const struct {
        enum mix_link_kind kind;
        double peers, bytes, us;
        const char *text;
    } table[] = {
        {MIX_LINK_INSIDE, 1, 1000, 12, "a point: latency and its time"},
        {MIX_LINK_INSIDE, 1, 10, 3, "below the first: its time"},
        {MIX_LINK_INSIDE, 1, 0, 3, "no bytes are a message too"},
        {MIX_LINK_INSIDE, 1, 550, 7.5, "half way between two"},
        {MIX_LINK_INSIDE, 1, 3000, 17, "half way between the next two"},
        {MIX_LINK_INSIDE, 1, 50000, 202, "ten times the last: its bandwidth"},
        {MIX_LINK_INSIDE, 3, 1000, 32, "three peers one after the other, one latency"},
        {MIX_LINK_INSIDE, 0.5, 1000, 7, "half a peer on average"},
        {MIX_LINK_INSIDE, 0, 1000, 0, "no peer, no operation"},
        {MIX_LINK_BETWEEN, 1, 1000, 2, "a mesh: one peer"},
        {MIX_LINK_BETWEEN, 7, 1000, 2, "seven at a time"},
        {MIX_LINK_BETWEEN, 14, 1000, 3, "fourteen in two rounds"},
        {MIX_LINK_BETWEEN, 7, 2000, 3, "one point: its bandwidth for more"},
        {MIX_LINK_BETWEEN, 0.5, 1000, 1.5, "half a peer uses half a port"},
    };
    struct mix_machine m = paper();

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        ok(near(mix_link_seconds(&m.link[table[i].kind], table[i].peers, table[i].bytes),
                table[i].us * 1e-6),
           "%s", table[i].text);
}

static void work(void)
{
    static const struct {
        enum mix_machine_type type;
        enum mix_work work;
        int ranks;
        double rows, operations, bytes, ms;
        const char *text;
    } table[] = {
        {MIX_MACHINE_F32, MIX_WORK_DENSE, 2, 4, 1e9, 0, 1001, "operations at the first point"},
        {MIX_MACHINE_F32, MIX_WORK_DENSE, 2, 1, 1e9, 0, 1001, "fewer rows: its speed"},
        {MIX_MACHINE_F32, MIX_WORK_DENSE, 2, 6, 1e9, 0, 501, "half way: 2 of 1 to 3"},
        {MIX_MACHINE_F32, MIX_WORK_DENSE, 2, 99, 3e9, 0, 1001, "more rows: the last speed"},
        {MIX_MACHINE_BF16, MIX_WORK_DENSE, 2, 4, 1e9, 0, 501, "the other type"},
        {MIX_MACHINE_F32, MIX_WORK_MEMORY, 2, 4, 0, 4e9, 1001, "bytes alone"},
        {MIX_MACHINE_F32, MIX_WORK_EXPERTS, 2, 4, 1e9, 4e9, 2001, "the longer of both"},
        {MIX_MACHINE_F32, MIX_WORK_EXPERTS, 2, 4, 3e9, 4e9, 3001, "the longer of both, turned"},
        {MIX_MACHINE_F32, MIX_WORK_DENSE, 4, 4, 1e9, 0, 2001, "twice the ranks share the cores"},
        {MIX_MACHINE_F32, MIX_WORK_MEMORY, 4, 4, 0, 4e9, 2001, "and the memory"},
        {MIX_MACHINE_F32, MIX_WORK_DENSE, 1, 4, 1e9, 0, 501, "one rank has both shares"},
        {MIX_MACHINE_F32, MIX_WORK_DENSE, 2, 4, 0, 0, 1, "nothing costs a launch"},
    };
    struct mix_machine m = paper();

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        ok(near(mix_work_seconds(&m, table[i].type, table[i].work, table[i].ranks, table[i].rows,
                                 table[i].operations, table[i].bytes),
                table[i].ms * 1e-3),
           "%s", table[i].text);
    m.shared = false;
    ok(near(mix_work_seconds(&m, MIX_MACHINE_F32, MIX_WORK_DENSE, 4, 4, 1e9, 0), 1.001),
       "devices are not shared");
}

static void whole_steps(void)
{
    static const double table[][2] = {{1, 1.5}, {10, 1.5}, {15, 2}, {20, 2.5}, {1e6, 2.5}};
    struct mix_machine m = paper();
    bool good = true;

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        good = good && near(mix_whole_times(&m, MIX_MACHINE_BF16, table[i][0]), table[i][1]);
    ok(good, "steps between those that were run, and beyond them");
    ok(near(mix_whole_times(&m, MIX_MACHINE_F32, 15), 1), "none was run: as the parts say");
}

/* ---- presets */

static bool possible(const struct mix_machine *m)
{
    struct mix_str text = {0};
    struct mix_machine back;
    bool good = mix_machine_to_json(m, &text) == MIX_OK;

    scratch_write("m.json", text.s, text.len);
    good = good && mix_machine_load(&back, scratch("m.json")) == MIX_OK &&
           memcmp(m, &back, sizeof back) == 0;
    mix_str_fini(&text);
    return good;
}

static void presets(void)
{
    char list[256], *rest = list, *one;
    struct mix_machine m, h20;
    double last, s;
    bool rising = true;

    snprintf(list, sizeof list, "%s", mix_machine_presets());
    while ((one = strsep(&rest, ",")) != NULL) {
        one += strspn(one, " ");
        ok(mix_machine_preset(&m, one) && strcmp(m.name, one) == 0 && possible(&m),
           "%s is a preset, and comes back from a file", one);
        for (int k = 0; k < MIX_LINK_KINDS; k++) {
            last = 0;
            for (double n = 1; n < 1e10; n *= 1.7, last = s) {
                s = mix_link_seconds(&m.link[k], 3, n);
                rising = rising && s >= last;
            }
        }
    }
    ok(rising, "more bytes never take less time");
    ok(!mix_machine_preset(&m, "h300") && !mix_machine_preset(&m, ""), "others are not");

    /* numbers.md 1.3 and 4: what the presets were made of, within what their rule claims. */
    mix_machine_preset(&m, "h100");
    s = mix_link_seconds(&m.link[MIX_LINK_INSIDE], 7, 8388608.0 / 8) * 1e6;
    ok(fabs(s / 41.4 - 1) < 0.05, "H100 x 8 all-to-all of 8 MB: 41.4 us, found %.1f", s);
    s = mix_link_seconds(&m.link[MIX_LINK_BETWEEN], 1, 4194304) * 1e6;
    ok(fabs(s / 129 - 1) < 0.02, "H100 to another node, 4 MB: 129 us, found %.1f", s);
    mix_machine_preset(&m, "h200");
    s = mix_work_seconds(&m, MIX_MACHINE_BF16, MIX_WORK_DENSE, 8, 64, 2.0 * 64 * 4096 * 7168,
                         2.0 * 4096 * 7168) *
        1e6;
    ok(fabs(s / 18.8 - 1) < 0.05, "H200 64 x 4096 x 7168: 18.8 us, found %.1f", s);
    s = mix_work_seconds(&m, MIX_MACHINE_BF16, MIX_WORK_EXPERTS, 8, 256,
                         2.0 * 256 * 128 * 3 * 2048 * 768, 2.0 * 128 * 3 * 2048 * 768) *
        1e6;
    ok(fabs(s / 660 - 1) < 0.1, "H200 128 experts of 256 rows: 660 us, found %.1f", s);
    mix_machine_preset(&h20, "h20");
    ok(h20.rate[MIX_MACHINE_BF16][MIX_WORK_EXPERTS].speed[6] >
           0.8 * h20.rate[MIX_MACHINE_BF16][MIX_WORK_EXPERTS].speed[12],
       "an H20 has little to compute with: 64 rows of an expert are near its best");
    mix_machine_preset(&m, "mi300x");
    ok(m.link[MIX_LINK_INSIDE].ports == 7 &&
           near(mix_link_seconds(&m.link[MIX_LINK_INSIDE], 7, 1e8),
                mix_link_seconds(&m.link[MIX_LINK_INSIDE], 1, 1e8)),
       "a full mesh sends to seven at a time");
}

/* ---- files */

/* Save a good machine with one part of its text replaced; loading must fail and say so. */
static void refused(const char *from, const char *to, const char *says)
{
    struct mix_machine m = paper(), back = {.ranks = 99};
    struct mix_str text = {0}, broken = {0};
    char *at;
    int rc;

    mix_machine_to_json(&m, &text);
    at = strstr(text.s, from);
    if (!at) {
        ok(false, "no %s in the file", from);
        mix_str_fini(&text);
        return;
    }
    mix_str_add(&broken, text.s, (size_t)(at - text.s));
    mix_str_add(&broken, to, strlen(to));
    mix_str_add(&broken, at + strlen(from), strlen(at + strlen(from)));
    scratch_write("broken.json", broken.s, broken.len);
    rc = mix_machine_load(&back, scratch("broken.json"));
    ok(rc == MIX_EINPUT && back.ranks == 99 && strstr(mix_err_last(), says) &&
           strstr(mix_err_last(), "broken.json"),
       "%s -> %s: %s", from, to, says);
    if (!strstr(mix_err_last(), says))
        printf("# said: %s\n", mix_err_last());
    mix_str_fini(&text);
    mix_str_fini(&broken);
}

static void malformed(void)
{
    static const char *const table[][3] = {
        {"{", "[", "not JSON"},
        {"\"format\": 2", "\"format\": 1", "\"format\": expected 2"},
        {"\"format\"", "\"f\"", "\"format\": expected 2, found nothing"},
        {"\"name\": \"paper\"", "\"name\": 7", "\"name\": expected a string, found an integer"},
        {"\"paper\"", "\"\"", "\"name\": expected 1 to 63 bytes, found 0"},
        {"\"cpu\"", "\"an abacus of wood\"", "\"device\": expected 1 to 15 bytes, found 17"},
        {"\"cpu\"", "\"tpu\"", "\"device\": expected cpu or cuda, found tpu"},
        {"true", "1", "\"shared\": expected true or false, found an integer"},
        {"\"ranks\": 2", "\"ranks\": 0", "\"ranks\": expected how many"},
        {"\"ranks\": 2", "\"ranks\": 2.5", "\"ranks\": expected an integer, found a number"},
        {"\"ranks\": 2", "\"ranks\": -2", "\"ranks\": expected 0 to"},
        {"\"domain\": 0", "\"domain\": 4294967297", "\"domain\": expected 0 to"},
        {"\"memory\": 1", "\"memory\": -1", "\"memory\": expected 1e+06 to 1e+16, found -1e+09"},
        {"\"memory\": 1", "\"memory\": \"1\", \"m\": 1", "\"memory\": expected a number"},
        {"\"reserved\": 1", "\"reserved\": 99999", "\"reserved\": expected less than"},
        {"\"reserved\"", "\"memory\": 2e9, \"r\"", "duplicate"},
        {"\"links\"", "\"link\"", "\"links.inside\": expected an object, found nothing"},
        {"\"between\"", "\"beyond\"", "\"links.between\": expected an object"},
        {"\"latency\": ", "\"latency\": 2e9, \"l\": ", "\"links.inside.latency\": expected 0"},
        {"\"ports\": 1", "\"ports\": 0", "\"links.inside.ports\": expected 1 to"},
        {"100.0,", "2000.0,", "\"links.inside.bytes\": expected rising numbers"},
        {"100.0,", "null,", "\"links.inside.bytes\": expected an array of numbers, found null"},
        {"100.0,", "-1,", "\"links.inside.bytes\": expected 1 to 1e+13, found -1"},
        {"100.0,", "", "\"links.inside.seconds\": expected 2 numbers, found 3"},
        {"100.0,", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,100,", "expected 1 to 16 numbers, found 17"},
        {"\"bytes\": [", "\"bytes\": [], \"b\": [", "expected 1 to 16 numbers, found 0"},
        {"\"bytes\": [", "\"bytes\": {}, \"b\": [", "expected an array of numbers, found an obj"},
        {"\"seconds\": [", "\"s\": [", "\"links.inside.seconds\": expected an array"},
        {"\"seconds\": [", "\"seconds\": [1, 1e-5, 1e-4], \"s\": [", "expected no less for more"},
        {"\"seconds\": [", "\"seconds\": [0, 1e-5, 1e-4], \"s\": [", "expected 1e-12 to 10000"},
        {"\"seconds\": [", "\"seconds\": [1e999, 1e-5, 1e-4], \"s\": [", "not JSON"},
        {"\"rates\"", "\"rats\"", "\"rates.float32.dense\": expected an object, found nothing"},
        {"\"float32\"", "\"float64\"", "\"rates.float32.dense\": expected an object"},
        {"\"experts\"", "\"exports\"", "\"rates.float32.experts\": expected an object"},
        {"\"launch\": 0.001", "\"launch\": 5", "\"rates.float32.dense.launch\": expected 0 to 1"},
        {"\"each\": 0", "\"each\": -1", "\"rates.float32.dense.each\": expected 0 to 1"},
        {"\"bandwidth\": 1", "\"bandwidth\": 0, \"b\": 1", "float32.dense.bandwidth\": expected"},
        {"\"rows\": [", "\"rows\": [0.5, 1], \"r\": [", "\"rates.float32.dense.rows\": expected 1"},
        {"\"rows\": [", "\"rows\": [8, 8], \"r\": [", "expected rising numbers, found 8 after 8"},
        {"\"steps\": {", "\"steps\": {\"float32\": 1, ", "\"steps.float32\": expected an object"},
        {"\"tokens\": [", "\"t\": [", "\"steps.bfloat16.tokens\": expected an array of numbers"},
        {"\"times\": [", "\"times\": [0, 1], \"t\": [", "steps.bfloat16.times\": expected 0.01 to"},
        {"\"times\": [", "\"times\": [1], \"t\": [", "times\": expected 2 numbers, found 1"},
        {"\"speed\": [", "\"speed\": [1e9], \"s\": [", "speed\": expected 2 numbers, found 1"},
        {"\"speed\": [", "\"speed\": [1e9, 3], \"s\": [", "speed\": expected 100000 to 1e+19"},
    };

    mix_log_level(MIX_LOG_SILENT);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        refused(table[i][0], table[i][1], table[i][2]);
}

/* Cut anywhere, or with any byte turned, a file is a machine or refused: never a crash, never a
 * number outside of its bounds. */
static void hostile(void)
{
    struct mix_machine m = paper(), back;
    struct mix_str text = {0};
    int short_ones = 0, turned = 0, bad = 0;

    mix_machine_to_json(&m, &text);
    for (size_t n = 0; n + 3 < text.len; n += 13) {
        scratch_write("cut.json", text.s, n);
        short_ones += mix_machine_load(&back, scratch("cut.json")) != MIX_EINPUT;
    }
    ok(short_ones == 0, "a file cut short is refused");
    for (size_t i = 0; i < text.len; i += 7) {
        text.s[i] ^= 4;
        scratch_write("turned.json", text.s, text.len);
        switch (mix_machine_load(&back, scratch("turned.json"))) {
        case MIX_OK:
            bad += !(mix_link_seconds(&back.link[0], 2, 1e5) > 0) || !possible(&back);
            turned++;
            break;
        case MIX_EINPUT:
            break;
        default:
            bad++;
        }
        text.s[i] ^= 4;
    }
    ok(bad == 0, "a byte turned is refused or still a machine (%d were)", turned);
    ok(mix_machine_load(&back, scratch("absent.json")) == MIX_EINPUT &&
           strstr(mix_err_last(), "absent.json"),
       "a file that is not there is named");
    ok(mix_machine_load(&back, scratch_folder) == MIX_EINPUT, "a folder is no machine");
    text.len = 0;
    while (text.len < 2000000)
        mix_str_add(&text, "[[[[[[[[", 8);
    scratch_write("large.json", text.s, text.len);
    ok(mix_machine_load(&back, scratch("large.json")) == MIX_EINPUT, "a large file is refused");
    scratch_write("deep.json", text.s, 900000);
    ok(mix_machine_load(&back, scratch("deep.json")) == MIX_EINPUT, "so is a deep one");
    mix_str_fini(&text);
}

int main(void)
{
    struct mix_machine m = paper();

    scratch_begin();
    links();
    work();
    whole_steps();
    presets();
    ok(possible(&m), "a machine comes back from its file, every bit of it");
    malformed();
    hostile();
    scratch_end();
    return tap_done();
}
