/* safetensors.c - weights files: well-formed, malformed, hostile, and two made by the published
 * library (tests/golden, inputs/models). */
#include "io/safetensors.h"

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "scratch.h"
#include "tap.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char good[] =
    "{\"__metadata__\":{\"format\":\"pt\"},"
    "\"b\":{\"dtype\":\"BF16\",\"shape\":[2,3],\"data_offsets\":[4,16]},"
    "\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]},"
    "\"c.none\":{\"dtype\":\"I64\",\"shape\":[0,5],\"data_offsets\":[4,4]},"
    "\"odd\":{\"dtype\":\"F4_NEW\",\"shape\":[9],\"data_offsets\":[16,21]}}  ";
enum { GOOD_DATA = 21 };

static bool says(const char *a)
{
    bool good_line = strstr(mix_err_last(), a) != NULL;

    if (!good_line)
        printf("# said: %s\n", mix_err_last());
    return good_line;
}

/* A file with this header, and as many bytes of data, byte i being i. */
static void build(const char *name, const char *header, size_t data)
{
    size_t n = strlen(header);
    unsigned char *p = malloc(8 + n + data);

    for (int i = 0; i < 8; i++)
        p[i] = (unsigned char)((uint64_t)n >> 8 * i);
    memcpy(p + 8, header, n);
    for (size_t i = 0; i < data; i++)
        p[8 + n + i] = (unsigned char)i;
    scratch_write(name, p, 8 + n + data);
    free(p);
}

static int try_file(const char *name)
{
    struct mix_safetensors *s = NULL;
    int rc = mix_safetensors_open_file(&s, scratch(name));

    if ((rc == MIX_OK) != (s != NULL))
        rc = MIX_EBUG;
    mix_safetensors_close(s);
    return rc;
}

static void well_formed(void)
{
    struct mix_safetensors *s = NULL;
    const struct mix_tensor *t;
    unsigned char buf[16];

    build("good", good, GOOD_DATA);
    ok(mix_safetensors_open_file(&s, scratch("good")) == MIX_OK, "a well-formed file");
    ok(mix_safetensors_count(s) == 4 && strcmp(mix_safetensors_at(s, 0)->name, "a") == 0 &&
           strcmp(mix_safetensors_at(s, 3)->name, "odd") == 0 && !mix_safetensors_at(s, 4),
       "its tensors in order of their names");
    t = mix_safetensors_find(s, "b");
    ok(t && t->supported && t->dtype == MIX_BF16 && t->rank == 2 && t->shape[0] == 2 &&
           t->shape[1] == 3 && t->bytes == 12 && t->file == 0,
       "a matrix");
    ok(mix_safetensors_read(s, t, 0, 12, buf) == MIX_OK && buf[0] == 4 && buf[11] == 15,
       "its bytes");
    ok(mix_safetensors_read(s, t, 10, 2, buf) == MIX_OK && buf[0] == 14 && buf[1] == 15,
       "the end of it");
    ok(mix_safetensors_read(s, t, 12, 0, buf) == MIX_OK, "nothing of it");
    ok(mix_safetensors_read(s, t, 10, 3, buf) == MIX_EBUG &&
           mix_safetensors_read(s, t, 13, 0, buf) == MIX_EBUG &&
           mix_safetensors_read(s, t, 1, SIZE_MAX, buf) == MIX_EBUG,
       "a range that leaves it is a bug");
    t = mix_safetensors_find(s, "a");
    ok(t && t->rank == 0 && t->bytes == 4, "a single number");
    t = mix_safetensors_find(s, "c.none");
    ok(t && t->rank == 2 && t->bytes == 0 && mix_safetensors_read(s, t, 0, 0, buf) == MIX_OK,
       "a matrix without rows");
    t = mix_safetensors_find(s, "odd");
    ok(t && !t->supported && strcmp(t->dtype_name, "F4_NEW") == 0 && t->bytes == 5,
       "a number type of the future is listed");
    ok(mix_safetensors_read(s, t, 0, 1, buf) == MIX_EINPUT && says("tensor odd") && says("F4_NEW"),
       "and refused when it is asked for");
    ok(!mix_safetensors_find(s, "d") && !mix_safetensors_find(s, ""), "no other tensor is found");
    ok(strcmp(mix_safetensors_metadata(s, 0, "format"), "pt") == 0 &&
           !mix_safetensors_metadata(s, 0, "none"),
       "metadata");
    ok(mix_safetensors_files(s) == 1 && strcmp(mix_safetensors_path(s, 0), scratch("good")) == 0 &&
           mix_safetensors_bytes(s) == GOOD_DATA,
       "path and bytes");
    mix_safetensors_close(s);
    mix_safetensors_close(NULL);

    build("nothing", "{}", 0);
    ok(mix_safetensors_open_file(&s, scratch("nothing")) == MIX_OK &&
           mix_safetensors_count(s) == 0 && !mix_safetensors_find(s, "a") &&
           !mix_safetensors_metadata(s, 0, "format"),
       "a file without tensors");
    mix_safetensors_close(s);
}

#define T(name, dtype, shape, a, b) \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" a "," b "]}"

static void malformed(void)
{
    static const struct {
        const char *what, *header;
        size_t data;
        const char *say;
    } cases[] = {
        {"no JSON", "{\"a\":", 0, "malformed header"},
        {"a header that is a list", "[]", 0, "does not begin"},
        {"an empty header", "", 0, "does not begin"},
        {"JSON and more", "{} {}", 0, "malformed header"},
        {"a tensor that is no object", "{\"a\":3}", 0, "describes no tensor"},
        {"a name over two lines", "{" T("a\\nb", "U8", "[1]", "0", "1") "}", 1, "describes no"},
        {"a tensor named twice",
         "{" T("a", "U8", "[1]", "0", "1") "," T("a", "U8", "[1]", "0", "1") "}", 1, "duplicate"},
        {"an overlap", "{" T("a", "U8", "[4]", "0", "4") "," T("b", "U8", "[4]", "3", "7") "}", 7,
         "tensor b: expected to begin"},
        {"two tensors on the same bytes",
         "{" T("a", "U8", "[4]", "0", "4") "," T("b", "U8", "[4]", "0", "4") "}", 4, "overlaps"},
        {"a hole", "{" T("a", "U8", "[4]", "0", "4") "," T("b", "U8", "[4]", "5", "9") "}", 9,
         "a hole before it"},
        {"a hole at the start", "{" T("a", "U8", "[4]", "1", "5") "}", 5, "a hole before it"},
        {"bytes that belong to nobody", "{" T("a", "U8", "[4]", "0", "4") "}", 5,
         "after its header"},
        {"bytes without tensors", "{}", 5, "after its header"},
        {"a tensor beyond the end", "{" T("a", "U8", "[4]", "0", "4") "}", 3,
         "tensor a: expected data"},
        {"a tensor far beyond the end",
         "{" T("a", "U8", "[9223372036854775807]", "0", "9223372036854775807") "}", 3, "tensor a"},
        {"an offset above 2^63", "{" T("a", "U8", "[4]", "0", "9223372036854775808") "}", 4,
         "malformed header"},
        {"a range that runs backwards", "{" T("a", "U8", "[4]", "4", "0") "}", 4, "no range"},
        {"a negative offset", "{" T("a", "U8", "[4]", "-4", "0") "}", 4, "no range"},
        {"an offset that is no integer", "{" T("a", "U8", "[4]", "0", "4.0") "}", 4, "no range"},
        {"three offsets", "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4,4]}}", 4,
         "no range"},
        {"no offsets", "{\"a\":{\"dtype\":\"U8\",\"shape\":[4]}}", 4, "no range"},
        {"no dtype", "{\"a\":{\"shape\":[4],\"data_offsets\":[0,4]}}", 4, "dtype is no name"},
        {"a dtype that is a number", "{\"a\":{\"dtype\":8,\"shape\":[4],\"data_offsets\":[0,4]}}",
         4, "dtype is no name"},
        {"a long dtype", "{" T("a", "U8U8U8U8U8U8U8U8", "[4]", "0", "4") "}", 4,
         "dtype is no name"},
        {"no shape", "{\"a\":{\"dtype\":\"U8\",\"data_offsets\":[0,4]}}", 4, "shape is no list"},
        {"nine dimensions", "{" T("a", "U8", "[1,1,1,1,1,1,1,1,1]", "0", "1") "}", 1,
         "shape is no list"},
        {"a negative size", "{" T("a", "U8", "[-4]", "0", "4") "}", 4, "shape[0]"},
        {"a shape of more bytes", "{" T("a", "F32", "[2,1]", "0", "4") "}", 4, "tensor a: 4 bytes"},
        {"a shape of fewer bytes", "{" T("a", "BF16", "[1]", "0", "4") "}", 4, "dtype BF16"},
        /* 2^62 * 2^2 * 1 = 2^64, which is 0 in 64 bits. */
        {"a shape that overflows to its bytes",
         "{" T("a", "U8", "[4611686018427387904,4]", "0", "0") "}", 0, "tensor a"},
        {"a dtype that overflows the shape",
         "{" T("a", "F32", "[4611686018427387904]", "0", "0") "}", 0, "tensor a"},
        {"metadata that is a list", "{\"__metadata__\":[]}", 0, "__metadata__"},
        {"metadata that is a number", "{\"__metadata__\":{\"a\":1}}", 0, "__metadata__"},
    };
    /* Headers whose length is a lie. */
    static const unsigned char huge[9] = {255, 255, 255, 255, 255, 255, 255, 127, '{'};
    static const unsigned char all[9] = {255, 255, 255, 255, 255, 255, 255, 255, '{'};
    static const unsigned char one_more[10] = {3, 0, 0, 0, 0, 0, 0, 0, '{', '}'};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        build("bad", cases[i].header, cases[i].data);
        ok(try_file("bad") == MIX_EINPUT && says(cases[i].say) && says(scratch("bad")),
           "%s is refused", cases[i].what);
    }
    scratch_write("bad", huge, sizeof huge);
    ok(try_file("bad") == MIX_EINPUT && says("9223372036854775807"), "a header of 2^63 bytes");
    scratch_write("bad", all, sizeof all);
    ok(try_file("bad") == MIX_EINPUT, "a header of 2^64 - 1 bytes");
    scratch_write("bad", one_more, sizeof one_more);
    ok(try_file("bad") == MIX_EINPUT && says("3 bytes, expected at most 2"),
       "a header of one byte more than the file");
    scratch_write("bad", huge, 7);
    ok(try_file("bad") == MIX_EINPUT && says("7 bytes, too short"), "a file of 7 bytes");
    scratch_write("bad", huge, 0);
    ok(try_file("bad") == MIX_EINPUT, "an empty file");
    ok(try_file("absent") == MIX_EINPUT && says("No such file"), "no file");
}

/* Whatever the bytes are, opening answers; the sanitizers watch. */
static void damaged(void)
{
    char header[sizeof good];
    size_t n = sizeof good - 1 + 8 + GOOD_DATA;
    unsigned char *whole = malloc(n);
    FILE *f = fopen(scratch("good"), "rb");
    int strange = 0, accepted = 0;

    ok(f && fread(whole, 1, n, f) == n && fclose(f) == 0, "the good file again");
    for (size_t cut = 0; cut < n; cut++) {
        scratch_write("cut", whole, cut);
        accepted += try_file("cut") != MIX_EINPUT;
    }
    ok(accepted == 0, "the file cut at any byte is refused");
    for (size_t at = 0; at < n - GOOD_DATA; at++)
        for (int bit = 0; bit < 8; bit++) {
            whole[at] ^= (unsigned char)(1 << bit);
            scratch_write("flip", whole, n);
            int rc = try_file("flip");
            strange += rc != MIX_OK && rc != MIX_EINPUT;
            whole[at] ^= (unsigned char)(1 << bit);
        }
    ok(strange == 0, "with any bit of the header flipped it is taken or refused");
    free(whole);

    memset(header, '[', sizeof header);
    header[0] = '{';
    header[sizeof header - 1] = '\0';
    build("deep", header, 0);
    ok(try_file("deep") == MIX_EINPUT, "a header of brackets");
    size_t deep = 4000000;
    char *brackets = malloc(deep + 1);
    memset(brackets, '[', deep);
    memcpy(brackets, "{\"a\":", 5);
    brackets[deep] = '\0';
    build("deep", brackets, 0);
    free(brackets);
    size_t before = mix_peak_rss();
    ok(try_file("deep") == MIX_EINPUT, "four million open brackets do not use up the stack");
    ok(mix_peak_rss() - before < 256u << 20, "nor the memory");
}

static int try_folder(uint64_t *identity)
{
    struct mix_safetensors *s = NULL;
    int rc = mix_safetensors_open(&s, scratch("."));

    if (rc == MIX_OK && identity)
        *identity = mix_safetensors_identity(s);
    mix_safetensors_close(s);
    return rc;
}

#define INDEX "model.safetensors.index.json"

static void index_is(const char *map)
{
    char text[600];

    snprintf(text, sizeof text, "{\"metadata\":{\"total_size\":3},\"weight_map\":{%s}}", map);
    scratch_write(INDEX, text, strlen(text));
}

static void folders(void)
{
    static const struct {
        const char *what, *map, *say;
    } cases[] = {
        {"an index that names a missing file", "\"x\":\"m1\",\"y\":\"m9\"", "m9, which is missing"},
        {"a tensor in another file", "\"extra\":\"m1\",\"x\":\"m2\",\"y\":\"m2\"",
         "tensor x: expected in m2, found in m1"},
        {"a second one", "\"x\":\"m2\",\"y\":\"m2\",\"z\":\"m1\"",
         "tensor z: expected in m1, found in m2"},
        {"a tensor in no file", "\"x\":\"m1\",\"y\":\"m2\",\"w\":\"m1\"",
         "tensor w: expected in m1, found in none"},
        {"a path out of the folder", "\"x\":\"../m1\"", "names no file of the folder"},
        {"a file that is a number", "\"x\":3", "names no file of the folder"},
        {"a file without a name", "\"x\":\"\"", "names no file of the folder"},
        {"an empty map", "", "weight_map"},
        {"a tensor in two files", "\"x\":\"m1\",\"a\":\"m3\"", "tensor x: expected once"},
        {"a tensor named twice", "\"x\":\"m1\",\"x\":\"m2\"", "duplicate"},
    };
    struct mix_safetensors *s = NULL;
    const struct mix_tensor *t;
    uint64_t id[6] = {0};
    unsigned char byte = 0;

    ok(try_folder(NULL) == MIX_EINPUT && says("found neither"), "a folder without weights");
    build("m1", "{" T("x", "U8", "[1]", "0", "1") "," T("extra", "U8", "[1]", "1", "2") "}", 2);
    build("m2", "{" T("y", "U8", "[1]", "0", "1") "," T("z", "U8", "[1]", "1", "2") "}", 2);
    build("m3", "{" T("x", "U8", "[1]", "0", "1") "," T("a", "U8", "[1]", "1", "2") "}", 2);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        index_is(cases[i].map);
        ok(try_folder(NULL) == MIX_EINPUT && says(cases[i].say), "%s is refused", cases[i].what);
    }
    scratch_write(INDEX, "{}", 2);
    ok(try_folder(NULL) == MIX_EINPUT && says("weight_map"), "an index without a map");
    scratch_write(INDEX, "{", 1);
    ok(try_folder(NULL) == MIX_EINPUT && says(INDEX), "an index that is no JSON");
    scratch_write(INDEX, "", 0);
    ok(try_folder(NULL) == MIX_EINPUT && says(INDEX), "an empty index");

    index_is("\"z\":\"m2\",\"x\":\"m1\",\"y\":\"m2\"");
    ok(mix_safetensors_open(&s, scratch(".")) == MIX_OK && mix_safetensors_files(s) == 2 &&
           mix_safetensors_count(s) == 4,
       "two shards, each once, with a tensor that the index leaves out");
    t = mix_safetensors_find(s, "z");
    ok(t && t->file == 1 && mix_safetensors_read(s, t, 0, 1, &byte) == MIX_OK && byte == 1,
       "a tensor of the second");
    id[0] = mix_safetensors_identity(s);
    mix_safetensors_close(s);

    ok(try_folder(&id[1]) == MIX_OK && id[1] == id[0], "the identity is the same every time");
    build("m2", "{" T("y", "U8", "[1]", "0", "1") "," T("z", "I8", "[1]", "1", "2") "}", 2);
    ok(try_folder(&id[2]) == MIX_OK && id[2] != id[0], "another dtype is another identity");
    build("m2", "{" T("y", "U8", "[1]", "0", "1") "," T("z", "U8", "[2]", "1", "3") "}", 3);
    ok(try_folder(&id[3]) == MIX_OK && id[3] != id[0], "so is another shape");
    build("m2", "{" T("y", "U8", "[1]", "0", "1") "," T("z", "U8", "[1]", "1", "2") "}", 2);
    ok(try_folder(&id[4]) == MIX_OK && id[4] == id[0], "and the old file has the old one");
    index_is("\"z\":\"m2\",\"x\":\"m1\"");
    ok(try_folder(&id[5]) == MIX_OK && id[5] != id[0], "another index is another identity");

    build("model.safetensors", "{" T("one", "U8", "[1]", "0", "1") "}", 1);
    ok(mix_safetensors_open(&s, scratch("./")) == MIX_OK && mix_safetensors_count(s) == 1 &&
           mix_safetensors_find(s, "one"),
       "model.safetensors goes before an index");
    mix_safetensors_close(s);
}

/* Files that huggingface's library wrote: a norm of size hidden, if that is known. */
static void published(const char *folder, uint64_t hidden)
{
    const char *top = getenv("srcdir"), *format;
    struct mix_safetensors *s = NULL;
    const struct mix_tensor *t = NULL;
    char path[600];
    uint64_t bytes = 0;
    bool inside = true;

    snprintf(path, sizeof path, "%s/%s/" INDEX, top ? top : ".", folder);
    FILE *f = fopen(path, "rb");
    if (!f) {
        tap_skip(folder, "not in this tree");
        return;
    }
    fclose(f);
    snprintf(path, sizeof path, "%s/%s", top ? top : ".", folder);
    if (!ok(mix_safetensors_open(&s, path) == MIX_OK, "%s opens", folder))
        return;
    t = mix_safetensors_find(s, "model.norm.weight");
    ok(t && strcmp(t->dtype_name, "BF16") == 0 && t->rank == 1 &&
           (!hidden || t->shape[0] == hidden),
       "%s has its last norm", folder);
    for (size_t i = 0; i < mix_safetensors_count(s); i++) {
        const struct mix_tensor *u = mix_safetensors_at(s, i);
        void *data = malloc(u->bytes + 1);
        inside &= mix_safetensors_read(s, u, 0, u->bytes, data) == MIX_OK;
        bytes += u->bytes;
        free(data);
    }
    ok(inside && bytes == mix_safetensors_bytes(s), "%s: every tensor is read", folder);
    format = mix_safetensors_metadata(s, 0, "format");
    ok(format && strcmp(format, "pt") == 0, "%s: metadata", folder);
    mix_safetensors_close(s);
}

int main(void)
{
    mix_log_level(MIX_LOG_SILENT);
    scratch_begin();
    well_formed();
    malformed();
    damaged();
    folders();
    published("tests/golden/awkward", 96);
    published("inputs/models/tiny-qwen3-moe", 0);
    scratch_end();
    return tap_done();
}
