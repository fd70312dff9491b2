/* safetensors.c - see safetensors.h.
 *
 * Headers become one array sorted by name.  The files stay open, so that a read
 * is one system call, and a folder that is replaced under us is not noticed.
 * Reading through mmap was rejected: a truncated file would be a signal. */
#include "io/safetensors.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/str.h"
#include "io/file.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The published reader takes no longer header. */
static const uint64_t most_header = 100000000;

enum { MOST_LINES = 50 }; /* about one file */

static const char single_name[] = "model.safetensors",
                  index_name[] = "model.safetensors.index.json";

struct file {
    char *name; /* in the folder */
    char *path;
    int fd;
    uint64_t bytes;
    json_t *metadata; /* an object of texts, or NULL */
};

struct mix_safetensors {
    struct file *file; /* [files], by name */
    int files;
    struct mix_tensor *tensor; /* [count], by name once all files are read */
    size_t count, room;
    uint64_t bytes, identity;
};

/* ---- one tensor of a header */

/* Names go into error lines and logs: one line each. */
static bool printable(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            return false;
    return true;
}

static bool get_size(const json_t *j, uint64_t *v)
{
    if (!json_is_integer(j) || json_integer_value(j) < 0)
        return false;
    *v = (uint64_t)json_integer_value(j);
    return true;
}

/* dtype x shape, false if that is more than 2^64. */
static bool size_of(const struct mix_tensor *t, uint64_t *bytes)
{
    uint64_t n = mix_dtype_size(t->dtype);
    bool good = true;

    for (int d = 0; d < t->rank; d++)
        if (t->shape[d] == 0) {
            *bytes = 0;
            return true;
        }
    for (int d = 0; d < t->rank; d++)
        good = good && !__builtin_mul_overflow(n, t->shape[d], &n);
    *bytes = n;
    return good;
}

static int parse_shape(struct mix_tensor *t, const char *path, const json_t *shape)
{
    if (!json_is_array(shape) || json_array_size(shape) > MIX_TENSOR_RANK)
        return MIX_FAIL(MIX_EINPUT, "%s: tensor %s: shape is no list of at most %d sizes", path,
                        t->name, MIX_TENSOR_RANK);
    t->rank = (int)json_array_size(shape);
    for (int d = 0; d < t->rank; d++)
        if (!get_size(json_array_get(shape, (size_t)d), &t->shape[d]))
            return MIX_FAIL(MIX_EINPUT, "%s: tensor %s: shape[%d] is no size", path, t->name, d);
    return MIX_OK;
}

/* Fill t (name, file: set) from its entry; the data of the file is bytes [start, end). */
static int parse_tensor(struct mix_tensor *t, const char *path, const json_t *entry, uint64_t start,
                        uint64_t end)
{
    const json_t *range = json_object_get(entry, "data_offsets");
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));
    uint64_t a, b, want;
    int rc;

    if (!dtype || strlen(dtype) >= sizeof t->dtype_name || !printable(dtype))
        return MIX_FAIL(MIX_EINPUT, "%s: tensor %s: dtype is no name of a number type", path,
                        t->name);
    memcpy(t->dtype_name, dtype, strlen(dtype) + 1);
    t->supported = mix_dtype_parse(dtype, &t->dtype);
    TRY(parse_shape(t, path, json_object_get(entry, "shape")));

    if (json_array_size(range) != 2 || !get_size(json_array_get(range, 0), &a) ||
        !get_size(json_array_get(range, 1), &b) || a > b)
        return MIX_FAIL(MIX_EINPUT, "%s: tensor %s: data_offsets is no range [first, end)", path,
                        t->name);
    if (b > end - start)
        return MIX_FAIL(MIX_EINPUT,
                        "%s: tensor %s: expected data up to byte %llu, found a file of %llu bytes: "
                        "truncated or still being copied",
                        path, t->name, (unsigned long long)(start + b), (unsigned long long)end);
    t->offset = start + a;
    t->bytes = b - a;
    if (t->supported && (!size_of(t, &want) || want != t->bytes))
        return MIX_FAIL(MIX_EINPUT,
                        "%s: tensor %s: %llu bytes are not what its shape and dtype %s need", path,
                        t->name, (unsigned long long)t->bytes, dtype);
out:
    return rc;
}

/* ---- one file */

static int by_offset(const void *x, const void *y)
{
    const struct mix_tensor *a = x, *b = y;

    if (a->offset != b->offset)
        return a->offset < b->offset ? -1 : 1;
    return a->bytes < b->bytes ? -1 : a->bytes > b->bytes;
}

/* The tensors [first, count) are those of one file: do they fill [start, end), each byte once? */
static int check_ranges(struct mix_safetensors *s, size_t first, const char *path, uint64_t start,
                        uint64_t end)
{
    uint64_t at = start;

    if (s->count > first)
        qsort(s->tensor + first, s->count - first, sizeof *s->tensor, by_offset);
    for (size_t i = first; i < s->count; i++) {
        const struct mix_tensor *t = &s->tensor[i];
        if (t->offset != at)
            return MIX_FAIL(MIX_EINPUT,
                            "%s: tensor %s: expected to begin at byte %llu, found %llu: %s", path,
                            t->name, (unsigned long long)at, (unsigned long long)t->offset,
                            t->offset < at ? "it overlaps the one before" : "a hole before it");
        at += t->bytes;
    }
    if (at != end)
        return MIX_FAIL(MIX_EINPUT, "%s: expected %llu bytes after its header, found %llu", path,
                        (unsigned long long)at, (unsigned long long)end);
    return MIX_OK;
}

static int take_metadata(struct file *f, json_t *metadata)
{
    const char *key;
    json_t *value;

    if (!json_is_object(metadata))
        return MIX_FAIL(MIX_EINPUT, "%s: __metadata__ is no object", f->path);
    json_object_foreach(metadata, key, value) if (!json_is_string(value)) return MIX_FAIL(
        MIX_EINPUT, "%s: __metadata__ has a value that is no text", f->path);
    f->metadata = json_incref(metadata);
    return MIX_OK;
}

static int parse_header(struct mix_safetensors *s, int file, json_t *header, uint64_t start)
{
    struct file *f = &s->file[file];
    size_t first = s->count;
    const char *name;
    json_t *entry;
    int rc = MIX_OK, wrong = 0;

    json_object_foreach(header, name, entry)
    {
        if (strcmp(name, "__metadata__") == 0) {
            TRY(take_metadata(f, entry));
            continue;
        }
        if (!printable(name) || !json_is_object(entry))
            return MIX_FAIL(MIX_EINPUT, "%s: malformed header: entry %zu describes no tensor",
                            f->path, s->count - first);
        TRY(mix_grow(&s->tensor, &s->room, s->count + 1, sizeof *s->tensor, "tensor headers"));
        struct mix_tensor *t = &s->tensor[s->count];
        *t = (struct mix_tensor){.name = mix_strdup(name), .file = file};
        if (!t->name)
            return MIX_EFIT;
        s->count++;
        rc = parse_tensor(t, f->path, entry, start, f->bytes);
        if (rc == MIX_EINPUT && ++wrong < MOST_LINES)
            continue; /* the others of a file that was cut short, too */
        TRY(rc);
        s->bytes += t->bytes;
    }
    if (wrong)
        return MIX_EINPUT;
    rc = check_ranges(s, first, f->path, start, f->bytes);
out:
    return rc;
}

static void put64(unsigned char p[8], uint64_t v)
{
    for (int i = 0; i < 8; i++)
        p[i] = (unsigned char)(v >> 8 * i);
}

static uint64_t get64(const unsigned char p[8])
{
    uint64_t v = 0;

    for (int i = 0; i < 8; i++)
        v |= (uint64_t)p[i] << 8 * i;
    return v;
}

/* Read and check the header of a file whose path is set; feed the identity. */
static int open_file(struct mix_safetensors *s, int file, struct mix_hasher *identity)
{
    struct file *f = &s->file[file];
    unsigned char word[8];
    json_t *root = NULL;
    json_error_t e;
    char *text = NULL;
    uint64_t n;
    int rc;

    TRY(mix_file_open(f->path, &f->fd, &f->bytes));
    if (f->bytes < 8) {
        rc = MIX_FAIL(MIX_EINPUT, "%s: %llu bytes, too short for a safetensors file", f->path,
                      (unsigned long long)f->bytes);
        goto out;
    }
    TRY(mix_file_pread(f->fd, f->path, word, 8, 0));
    n = get64(word);
    if (n > f->bytes - 8 || n > most_header) {
        rc =
            MIX_FAIL(MIX_EINPUT,
                     "%s: a header of %llu bytes, expected at most %llu: truncated, or no "
                     "safetensors file",
                     f->path, (unsigned long long)n,
                     (unsigned long long)(f->bytes - 8 < most_header ? f->bytes - 8 : most_header));
        goto out;
    }
    TRY(mix_calloc(&text, n + 1, 1, f->path));
    TRY(mix_file_pread(f->fd, f->path, text, n, 8));
    if (text[0] != '{' || !(root = json_loadb(text, n, JSON_REJECT_DUPLICATES, &e))) {
        rc = MIX_FAIL(MIX_EINPUT, "%s: malformed header: %s", f->path,
                      text[0] != '{' ? "it does not begin with {" : e.text);
        goto out;
    }
    mix_hasher_add(identity, f->name, strlen(f->name) + 1);
    put64(word, f->bytes);
    mix_hasher_add(identity, word, 8);
    put64(word, n);
    mix_hasher_add(identity, word, 8);
    mix_hasher_add(identity, text, n);
    rc = parse_header(s, file, root, 8 + n);
out:
    json_decref(root);
    free(text);
    return rc;
}

/* ---- a folder */

static int by_name(const void *x, const void *y)
{
    const struct mix_tensor *a = x, *b = y;

    return strcmp(a->name, b->name);
}

static int by_file_name(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

/* name is in dir, or with dir NULL a path. */
static int set_file(struct mix_safetensors *s, const char *dir, const char *name)
{
    struct file *f = &s->file[s->files];
    const char *slash = strrchr(name, '/');
    struct mix_str path = {0};
    int rc;

    if (dir)
        TRY(mix_str_addf(&path, "%s/", dir));
    TRY(mix_str_addf(&path, "%s", name));
    f->fd = -1;
    f->path = path.s;
    s->files++;
    path.s = NULL;
    rc = (f->name = mix_strdup(slash ? slash + 1 : name)) ? MIX_OK : MIX_EFIT;
out:
    mix_str_fini(&path);
    return rc;
}

/* The files that the index names, each once, in order. */
static int list_shards(struct mix_safetensors *s, const char *dir, const char *index,
                       const json_t *map)
{
    const char **name = NULL, *tensor;
    json_t *value;
    size_t n = 0;
    int rc;

    TRY(mix_calloc(&name, json_object_size(map), sizeof *name, "names of shards"));
    json_object_foreach((json_t *)map, tensor, value)
    {
        name[n] = json_string_value(value);
        if (!printable(tensor) || !name[n] || !printable(name[n]) || strchr(name[n], '/') ||
            name[n][0] == '\0') {
            rc = MIX_FAIL(MIX_EINPUT, "%s: entry %zu of weight_map names no file of the folder",
                          index, n);
            goto out;
        }
        n++;
    }
    if (n)
        qsort(name, n, sizeof *name, by_file_name);
    TRY(mix_calloc(&s->file, n, sizeof *s->file, "shards"));
    for (size_t i = 0; i < n; i++) {
        if (i && strcmp(name[i - 1], name[i]) == 0)
            continue;
        TRY(set_file(s, dir, name[i]));
        if (!mix_file_exists(s->file[s->files - 1].path)) {
            rc = MIX_FAIL(MIX_EINPUT, "%s names the file %s, which is missing from the folder",
                          index, name[i]);
            goto out;
        }
    }
out:
    free(name);
    return rc;
}

/* Every tensor of the index must be in the file that it says: a line for each that is not. */
static int check_index(const struct mix_safetensors *s, const char *index, const json_t *map)
{
    const char *name;
    json_t *value;
    int rc = MIX_OK;

    json_object_foreach((json_t *)map, name, value)
    {
        const struct mix_tensor *t = mix_safetensors_find(s, name);
        const char *want = json_string_value(value), *found = t ? s->file[t->file].name : "none";
        if (strcmp(want, found) != 0)
            rc = MIX_FAIL(MIX_EINPUT, "%s: tensor %s: expected in %s, found in %s", index, name,
                          want, found);
    }
    return rc;
}

/* Read all files that are set, sort, and look for a name that came twice.  What is wrong is said of
 * each. */
static int open_files(struct mix_safetensors *s, struct mix_hasher *identity)
{
    int rc = MIX_OK;
    bool wrong = false;

    for (int i = 0; i < s->files; i++) {
        rc = open_file(s, i, identity);
        wrong |= rc == MIX_EINPUT;
        if (rc != MIX_EINPUT)
            TRY(rc);
    }
    if (wrong) {
        rc = MIX_EINPUT;
        goto out;
    }
    if (s->count)
        qsort(s->tensor, s->count, sizeof *s->tensor, by_name);
    for (size_t i = 1; i < s->count; i++) {
        const struct mix_tensor *a = &s->tensor[i - 1], *b = &s->tensor[i];
        if (strcmp(a->name, b->name) == 0)
            return MIX_FAIL(MIX_EINPUT, "%s: tensor %s: expected once, found also in %s",
                            s->file[a->file].path, a->name, s->file[b->file].name);
    }
    s->identity = mix_hasher_value(identity);
out:
    return rc;
}

static int open_index(struct mix_safetensors *s, const char *dir, const char *index,
                      struct mix_hasher *identity)
{
    struct mix_str text = {0};
    json_t *root = NULL;
    const json_t *map;
    json_error_t e;
    int rc;

    TRY(mix_file_read(&text, index, most_header));
    root = json_loadb(text.s, text.len, JSON_REJECT_DUPLICATES, &e);
    map = json_object_get(root, "weight_map");
    if (!json_object_size(map)) {
        rc = MIX_FAIL(MIX_EINPUT, "%s: %s", index,
                      root ? "expected a weight_map of tensors, found none" : e.text);
        goto out;
    }
    mix_hasher_add(identity, text.s, text.len);
    TRY(list_shards(s, dir, index, map));
    TRY(open_files(s, identity));
    rc = check_index(s, index, map);
out:
    json_decref(root);
    mix_str_fini(&text);
    return rc;
}

/* dir is NULL: name is the path of a single file. */
static int open_single(struct mix_safetensors *s, const char *dir, const char *name,
                       struct mix_hasher *identity)
{
    int rc;

    TRY(mix_calloc(&s->file, 1, sizeof *s->file, "a weights file"));
    TRY(set_file(s, dir, name));
    rc = open_files(s, identity);
out:
    return rc;
}

int mix_safetensors_open(struct mix_safetensors **out, const char *dir)
{
    struct mix_str single = {0}, index = {0};
    struct mix_safetensors *s = NULL;
    struct mix_hasher *identity = NULL;
    int rc;

    TRY(mix_calloc(&s, 1, sizeof *s, "weights"));
    TRY(mix_hasher_create(&identity));
    TRY(mix_str_addf(&single, "%s/%s", dir, single_name));
    TRY(mix_str_addf(&index, "%s/%s", dir, index_name));
    if (mix_file_exists(single.s))
        TRY(open_single(s, dir, single_name, identity));
    else if (mix_file_exists(index.s))
        TRY(open_index(s, dir, index.s, identity));
    else {
        rc = MIX_FAIL(MIX_EINPUT, "%s: expected %s or %s, found neither", dir, single_name,
                      index_name);
        goto out;
    }
    *out = s;
    s = NULL;
out:
    mix_hasher_destroy(identity);
    mix_str_fini(&single);
    mix_str_fini(&index);
    mix_safetensors_close(s);
    return rc;
}

int mix_safetensors_open_file(struct mix_safetensors **out, const char *path)
{
    struct mix_safetensors *s = NULL;
    struct mix_hasher *identity = NULL;
    int rc;

    TRY(mix_calloc(&s, 1, sizeof *s, "weights"));
    TRY(mix_hasher_create(&identity));
    TRY(open_single(s, NULL, path, identity));
    *out = s;
    s = NULL;
out:
    mix_hasher_destroy(identity);
    mix_safetensors_close(s);
    return rc;
}

void mix_safetensors_close(struct mix_safetensors *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->count; i++)
        free((char *)s->tensor[i].name);
    for (int i = 0; i < s->files; i++) {
        if (s->file[i].fd >= 0)
            close(s->file[i].fd);
        json_decref(s->file[i].metadata);
        free(s->file[i].name);
        free(s->file[i].path);
    }
    free(s->tensor);
    free(s->file);
    free(s);
}

/* ---- asking */

size_t mix_safetensors_count(const struct mix_safetensors *s)
{
    return s->count;
}

const struct mix_tensor *mix_safetensors_at(const struct mix_safetensors *s, size_t i)
{
    return i < s->count ? &s->tensor[i] : NULL;
}

const struct mix_tensor *mix_safetensors_find(const struct mix_safetensors *s, const char *name)
{
    struct mix_tensor key = {.name = name};

    return s->count ? bsearch(&key, s->tensor, s->count, sizeof key, by_name) : NULL;
}

int mix_safetensors_files(const struct mix_safetensors *s)
{
    return s->files;
}

const char *mix_safetensors_path(const struct mix_safetensors *s, int file)
{
    return s->file[file].path;
}

uint64_t mix_safetensors_bytes(const struct mix_safetensors *s)
{
    return s->bytes;
}

const char *mix_safetensors_metadata(const struct mix_safetensors *s, int file, const char *key)
{
    return json_string_value(json_object_get(s->file[file].metadata, key));
}

uint64_t mix_safetensors_identity(const struct mix_safetensors *s)
{
    return s->identity;
}

int mix_safetensors_read(const struct mix_safetensors *s, const struct mix_tensor *t,
                         uint64_t offset, size_t bytes, void *dst)
{
    const struct file *f = &s->file[t->file];

    if (!t->supported)
        return MIX_FAIL(MIX_EINPUT, "%s: tensor %s: number type %s is not supported", f->path,
                        t->name, t->dtype_name);
    if (offset > t->bytes || bytes > t->bytes - offset)
        return MIX_FAIL(MIX_EBUG, "%s: tensor %s: [%llu, +%zu) is outside its %llu bytes", f->path,
                        t->name, (unsigned long long)offset, bytes, (unsigned long long)t->bytes);
    return mix_file_pread(f->fd, f->path, dst, bytes, t->offset + offset);
}
