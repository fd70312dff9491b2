/* model_load.c - what a broken model says, and what a broken weight does not spoil.
 *
 * The awkward model is copied and one thing is changed in it.  A text in a file is replaced by one
 * of the same length, so that everything else stays where it is. */
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "rig.h"
#include "scratch.h"
#include "tap.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct mix_comm *comm;
static char source[600];

static char *read_whole(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    char *bytes = NULL;

    if (!f || fseek(f, 0, SEEK_END) != 0)
        return NULL;
    *n = (size_t)ftell(f);
    rewind(f);
    bytes = malloc(*n + 1);
    if (bytes && fread(bytes, 1, *n, f) == *n)
        bytes[*n] = '\0';
    fclose(f);
    return bytes;
}

static bool copy_model(void)
{
    char command[1400];

    snprintf(command, sizeof command, "cp '%s'/* '%s' && chmod -R u+w '%s'", source, scratch_folder,
             scratch_folder);
    return system(command) == 0;
}

/* Replace text by as many other bytes, the first time that it comes after the first time that
 * `after` comes, in the given file, or in every file of the folder that has it. */
static int edit(const char *file, const char *after, const char *text, const char *other)
{
    static const char *const all[] = {
        "config.json", "model.safetensors.index.json", "model-00001-of-00003.safetensors",
        "model-00002-of-00003.safetensors", "model-00003-of-00003.safetensors"};
    int done = 0;

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        size_t n = 0;
        char *bytes, *at;

        if (file && strcmp(file, all[i]) != 0)
            continue;
        bytes = read_whole(scratch(all[i]), &n);
        at = bytes ? memmem(bytes, n, after, strlen(after)) : NULL;
        at = at ? memmem(at, n - (size_t)(at - bytes), text, strlen(text)) : NULL;
        if (at && strlen(text) == strlen(other)) {
            memcpy(at, other, strlen(other));
            scratch_write(all[i], bytes, n);
            done++;
        }
        free(bytes);
    }
    return done;
}

static int open_model(struct rig *r, const char *dir)
{
    static const struct rig_layout layout = {.world = 1,
                                             .tp = 1,
                                             .etp = 1,
                                             .dtype = MIX_F32,
                                             .max_num_seqs = 4,
                                             .max_batched_tokens = 32,
                                             .max_model_len = 64};

    return rig_open(r, comm, dir, &layout);
}

static void broken(void)
{
    static const struct {
        const char *what;
        const char *file, *after, *text, *other; /* an edit */
        const char *says[3];
    } cases[] = {
        {"a tensor is missing",
         NULL,
         "model.layers.2.mlp.experts.3.up_proj.weight",
         "up_proj",
         "op_proj",
         {"model.layers.2.mlp.experts.3.up_proj.weight", "found nothing", "[40, 96]"}},
        {"a tensor has another type",
         NULL,
         "\"model.layers.3.self_attn.o_proj.weight\":{",
         "\"BF16\"",
         "\"I16\" ",
         {"model.layers.3.self_attn.o_proj.weight", "I16", ".safetensors"}},
        {"a tensor has another shape",
         NULL,
         "\"model.layers.0.mlp.experts.5.gate_proj.weight\":{",
         "[40,96]",
         "[96,40]",
         {"model.layers.0.mlp.experts.5.gate_proj.weight", "found BF16 [96, 40]",
          "expected BF16, F16 or F32 [40, 96]"}},
        {"the configuration has more layers",
         "config.json",
         "num_hidden_layers",
         "4",
         "5",
         {"model.layers.4.input_layernorm.weight", "found nothing", "[96]"}},
        {"the configuration has other experts",
         "config.json",
         "moe_intermediate_size",
         "40",
         "44",
         {"model.layers.0.mlp.experts.0.gate_proj.weight", "[40, 96]",
          "expected BF16, F16 or F32 [44, 96]"}},
        {"the head is not tied",
         "config.json",
         "tie_word_embeddings",
         ": true",
         ":false",
         {"lm_head.weight", "found nothing", "[272, 96]"}},
    };
    struct rig r;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int rc = MIX_OK, said = 0;

        if (!copy_model() ||
            edit(cases[i].file, cases[i].after, cases[i].text, cases[i].other) < 1) {
            ok(false, "%s: the edit", cases[i].what);
            continue;
        }
        mix_log_level(MIX_LOG_SILENT);
        rc = open_model(&r, scratch_folder);
        mix_log_level(MIX_LOG_INFO);
        for (int s = 0; s < 3; s++)
            said += strstr(mix_err_last(), cases[i].says[s]) != NULL;
        ok(rc == MIX_EINPUT && said == 3, "%s: code 3, %s", cases[i].what, mix_err_last());
    }
}

static void cut_off(void)
{
    struct rig r;
    size_t n = 0;
    char *bytes;
    int rc;

    bytes = copy_model() ? read_whole(scratch("model-00002-of-00003.safetensors"), &n) : NULL;
    if (!bytes) {
        ok(false, "a copy of the model");
        return;
    }
    scratch_write("model-00002-of-00003.safetensors", bytes, n - 1);
    mix_log_level(MIX_LOG_SILENT);
    rc = open_model(&r, scratch_folder);
    ok(rc == MIX_EINPUT && strstr(mix_err_last(), "model-00002-of-00003.safetensors"),
       "a shard is truncated: code 3, %s", mix_err_last());
    remove(scratch("model-00002-of-00003.safetensors"));
    rc = open_model(&r, scratch_folder);
    ok(rc == MIX_EINPUT && strstr(mix_err_last(), "model-00002-of-00003.safetensors"),
       "a shard is missing: code 3, %s", mix_err_last());
    mix_log_level(MIX_LOG_INFO);
    free(bytes);
}

/* Overwrite the embedding's row of an id, in whichever shard it is, by NaN. */
static bool poison(int id, int hidden)
{
    size_t n = 0;
    char *bytes = read_whole(scratch("model-00001-of-00003.safetensors"), &n), *at;
    uint64_t header = 0;
    unsigned long begin;
    bool done = false;

    memcpy(&header, bytes, 8);
    at = memmem(bytes, n, "\"model.embed_tokens.weight\"", 27);
    at = at ? memmem(at, 200, "\"data_offsets\":[", 16) : NULL;
    if (at && sscanf(at + 16, "%lu", &begin) == 1) {
        memset(bytes + 8 + header + begin + 2 * (size_t)id * (size_t)hidden, 0xFF,
               2 * (size_t)hidden);
        scratch_write("model-00001-of-00003.safetensors", bytes, n);
        done = true;
    }
    free(bytes);
    return done;
}

/* A token whose numbers are not numbers spoils its own sequence, and nobody else's: neither who
 * shares the step nor who gets its pages later. */
static void not_a_number(void)
{
    static const int32_t clean[] = {64, 67, 67, 220, 19, 22}, dirty[] = {64, 67, 5, 220};
    struct rig r = {0};
    struct rig_part alone = {0, 6, RIG_ALL}, after = {1, 6, RIG_ALL};
    struct rig_part both[] = {{1, 4, RIG_ALL}, {0, 6, RIG_ALL}};
    float *want = NULL;
    bool spoilt = true;
    size_t bytes;
    int vocab;

    if (!copy_model() || !poison(5, 96) || open_model(&r, scratch_folder) != MIX_OK) {
        ok(false, "a model with a row of NaN");
        return;
    }
    vocab = r.arch.vocab;
    bytes = sizeof *want * (size_t)(6 * vocab);
    want = malloc(bytes);
    rig_begin(&r, 0, clean, 6);
    ok(rig_step(&r, &alone, 1) == MIX_OK, "a sequence without NaN, alone");
    memcpy(want, r.logits, bytes);
    rig_begin(&r, 0, clean, 6);
    rig_begin(&r, 1, dirty, 4);
    ok(rig_step(&r, both, 2) == MIX_OK, "beside one with NaN");
    for (int v = 0; v < vocab; v++)
        spoilt = spoilt && isnan(r.logits[2 * vocab + v]) && isnan(r.logits[3 * vocab + v]);
    ok(spoilt, "that one's logits are NaN from there on");
    ok(memcmp(want, r.logits + 4 * vocab, bytes) == 0, "the other has the same bits");
    rig_begin(&r, 1, clean, 6);
    ok(rig_step(&r, &after, 1) == MIX_OK && memcmp(want, r.logits, bytes) == 0,
       "and so has one that gets the pages of NaN");
    free(want);
    rig_close(&r);
}

/* Every second of a step is charged to one section. */
static void sections_add_up(void)
{
    static const int32_t token[] = {64, 67, 67, 220, 19, 22};
    struct rig r = {0};
    struct rig_part all = {0, 6, RIG_ALL};
    struct mix_model_times t;
    double start, wall, sum;

    if (open_model(&r, source) != MIX_OK) {
        ok(false, "open");
        return;
    }
    start = mix_now();
    for (int i = 0; i < 20; i++) {
        rig_begin(&r, 0, token, 6);
        if (rig_step(&r, &all, 1) != MIX_OK)
            break;
    }
    wall = mix_now() - start;
    t = mix_model_times(r.model);
    sum = t.attention + t.router + t.experts + t.exchange_inside + t.exchange_between + t.waiting +
          t.head;
    ok(sum <= wall && sum > 0.5 * wall, "the sections' times are the time (%.0f %% of it)",
       100 * sum / wall);
    ok(t.attention > 0 && t.router > 0 && t.experts > 0 && t.exchange_inside > 0 && t.head > 0 &&
           t.waiting == 0 && t.exchange_between == 0,
       "all had some, but none was waited for");
    rig_close(&r);
}

static int forward(struct rig *r, struct mix_step s)
{
    int first, mine;

    return mix_model_forward(r->model, &s, r->mine, &first, &mine);
}

/* Steps that would read or write what is not theirs. */
static void unsound_steps(void)
{
    struct rig r = {0};
    int32_t id[] = {1, 2, 3}, position[] = {0, 1, 2}, first[] = {0, 3}, table[] = {0};
    int32_t sample[] = {2}, beyond[] = {3}, far[] = {0, 1, 64}, gap[] = {0, 2, 3};
    int32_t big[] = {1, 272, 3}, minus[] = {1, -1, 3}, page[] = {16}, falling[] = {2, 1};
    int32_t short_of[] = {0, 2};
    const struct mix_step good = {id, position, first, table, sample, 3, 1, 1, 1};
    struct mix_step s;

    if (open_model(&r, source) != MIX_OK) {
        ok(false, "open");
        return;
    }
    ok(forward(&r, good) == MIX_OK, "a sound step");
    mix_log_level(MIX_LOG_SILENT);
    s = good, s.id = big;
    ok(forward(&r, s) == MIX_EBUG, "an id beyond the vocabulary");
    s = good, s.id = minus;
    ok(forward(&r, s) == MIX_EBUG, "an id below 0");
    s = good, s.position = far;
    ok(forward(&r, s) == MIX_EBUG, "a position beyond the longest");
    s = good, s.position = gap;
    ok(forward(&r, s) == MIX_EBUG, "positions with a gap");
    s = good, s.table = page;
    ok(forward(&r, s) == MIX_EBUG, "a page that is not there");
    s = good, s.sample = beyond;
    ok(forward(&r, s) == MIX_EBUG, "a sample beyond the step");
    s = good, s.sample = falling, s.samples = 2;
    ok(forward(&r, s) == MIX_EBUG, "samples that fall");
    s = good, s.first = short_of;
    ok(forward(&r, s) == MIX_EBUG, "tokens of no sequence");
    s = good, s.tokens = 33;
    ok(forward(&r, s) == MIX_EBUG, "more tokens than planned");
    mix_log_level(MIX_LOG_INFO);
    rig_close(&r);
}

int main(void)
{
    const char *top = getenv("srcdir");

    snprintf(source, sizeof source, "%s/tests/golden/awkward", top ? top : ".");
    if (rig_comm(&comm) != MIX_OK)
        return 1;
    scratch_begin();
    broken();
    cut_off();
    scratch_end();
    scratch_begin();
    not_a_number();
    unsound_steps();
    sections_add_up();
    scratch_end();
    rig_comm_close(comm);
    return tap_done();
}
