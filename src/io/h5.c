/* h5.c - see h5.h. */
#include "io/h5.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "io/h5drive.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    NAMES_MOST = 4096, /* datasets in one group: far more than people make */
    NAME_MOST = 1000,
    METADATA = 256 << 10, /* bytes of a file's metadata that are kept; HDF5: up to 32 MiB */
    CHUNKS = 64 << 10,    /* bytes of a dataset; ours come in chunks of 64 KiB and less */
    FREED = 256 << 10,    /* bytes that HDF5 keeps for its next use, of each of its three kinds */
    FREED_ONE = 64 << 10, /* and of one size */
};

/* H5Ewalk2 shows the stack from the inside out; the first line is the cause. */
static herr_t innermost(unsigned n, const H5E_error2_t *e, void *into)
{
    if (n == 0 && e->desc)
        snprintf(into, 200, "%s", e->desc);
    return 0;
}

static const char *words(char buf[200])
{
    buf[0] = '\0';
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, innermost, buf);
    for (char *c = buf; *c; c++)
        if (iscntrl((unsigned char)*c))
            *c = ' ';
    return buf[0] ? buf : "no reason given";
}

int mix_h5_fail(const struct mix_h5 *file, const char *fmt, ...)
{
    char what[300], buf[200];
    va_list ap;

    words(buf);
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    if (file->werr)
        return mix_h5_written(file);
    return MIX_FAIL(file->writing ? MIX_ESTORAGE : MIX_EINPUT, "%s: %s: HDF5 says: %s", file->path,
                    what, buf);
}

int mix_h5_written(const struct mix_h5 *file)
{
    if (!file->werr)
        return MIX_OK;
    return MIX_FAIL(MIX_ESTORAGE, "%s: write: %s; make room there and start the same command again",
                    file->path, strerror(file->werr));
}

void mix_h5_quiet(void)
{
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

void mix_h5_drop(hid_t id)
{
    if (id > 0)
        H5Idec_ref(id);
}

/* io/h5drive.c looks into heaps on the assumption that lengths have 8 bytes, as everybody's have.
 */
static int check_sizes(const struct mix_h5 *f)
{
    int rc = MIX_OK;
    hid_t fcpl = H5I_INVALID_HID;
    size_t address, length;

    TRY_H5(fcpl = H5Fget_create_plist(f->id), f, "properties");
    TRY_H5(H5Pget_sizes(fcpl, &address, &length), f, "properties");
    if (address != 8 || length != 8)
        rc = MIX_FAIL(MIX_EINPUT,
                      "%s: addresses of %zu and lengths of %zu bytes, expected 8 and 8; "
                      "rewrite it with h5repack",
                      f->path, address, length);
out:
    mix_h5_drop(fcpl);
    return rc;
}

/* HDF5's caches grow with the file up to tens of MiB.  Rows are read and written once and in order,
 * so that a job on 100,000 of them shall need what one on 1,000 does. */
static int limit_memory(const struct mix_h5 *f, hid_t fapl)
{
    int rc = MIX_OK;
    H5AC_cache_config_t cache = {.version = H5AC__CURR_CACHE_CONFIG_VERSION};

    TRY_H5(H5set_free_list_limits(FREED, FREED_ONE, FREED, FREED_ONE, FREED, FREED_ONE), f,
           "properties");
    TRY_H5(H5Pget_mdc_config(fapl, &cache), f, "properties");
    cache.set_initial_size = true;
    cache.initial_size = cache.min_size = cache.max_size = METADATA;
    cache.incr_mode = H5C_incr__off;
    cache.flash_incr_mode = H5C_flash_incr__off;
    cache.decr_mode = H5C_decr__off;
    TRY_H5(H5Pset_mdc_config(fapl, &cache), f, "properties");
    TRY_H5(H5Pset_cache(fapl, 0, 521, CHUNKS, 0.75), f, "properties");
out:
    return rc;
}

static int open_file(struct mix_h5 **out, const char *path, bool writing, unsigned front)
{
    int rc = MIX_OK;
    hid_t fapl = H5I_INVALID_HID, fcpl = H5I_INVALID_HID;
    struct mix_h5 *f = NULL;

    mix_h5_quiet();
    TRY(mix_calloc(&f, 1, sizeof *f, "an HDF5 file"));
    f->id = H5I_INVALID_HID;
    f->writing = writing;
    if (!(f->path = mix_strdup(path))) {
        rc = MIX_EFIT;
        goto out;
    }
    TRY_H5(fapl = H5Pcreate(H5P_FILE_ACCESS), f, "properties");
    TRY_H5(fcpl = H5Pcreate(H5P_FILE_CREATE), f, "properties");
    TRY(mix_h5drive_set(fapl, writing ? &f->werr : NULL));
    TRY(limit_memory(f, fapl));
    /* Closing the file closes what is still open in it. */
    TRY_H5(H5Pset_fclose_degree(fapl, H5F_CLOSE_STRONG), f, "properties");
    if (writing) {
        /* One format whatever the library's default: read by 1.8 and later, headers with checksums,
         * no times. */
        TRY_H5(H5Pset_libver_bounds(fapl, H5F_LIBVER_V18, H5F_LIBVER_V18), f, "properties");
        TRY_H5(H5Pset_obj_track_times(fcpl, false), f, "properties");
        TRY_H5(H5Pset_userblock(fcpl, front), f, "properties");
        TRY_H5(f->id = H5Fcreate(path, H5F_ACC_TRUNC, fcpl, fapl), f, "cannot make this file");
    } else {
        TRY_H5(f->id = H5Fopen(path, H5F_ACC_RDONLY, fapl), f, "cannot open this as an HDF5 file");
    }
    TRY(check_sizes(f));
    *out = f;
    f = NULL;
out:
    mix_h5_drop(fapl);
    mix_h5_drop(fcpl);
    if (f) {
        mix_h5_drop(f->id);
        free(f->path);
        free(f);
    }
    return rc;
}

int mix_h5_open(struct mix_h5 **file, const char *path)
{
    return open_file(file, path, false, 0);
}

int mix_h5_create(struct mix_h5 **file, const char *path, unsigned front)
{
    return open_file(file, path, true, front);
}

int mix_h5_close(struct mix_h5 *f)
{
    int rc = MIX_OK;

    mix_h5_quiet();
    if (H5Fclose(f->id) < 0 || f->werr)
        rc = mix_h5_fail(f, "cannot close this file");
    free(f->path);
    free(f);
    return rc;
}

void mix_h5_abandon(struct mix_h5 *f)
{
    if (!f)
        return;
    mix_h5_quiet();
    (void)H5Fclose(f->id);
    free(f->path);
    free(f);
}

int mix_h5_kind(const struct mix_h5 *f, const char *path, H5I_type_t *kind)
{
    int rc = MIX_OK;
    hid_t id = H5I_INVALID_HID;
    H5L_info_t info;
    htri_t there;

    *kind = H5I_BADID;
    TRY_H5(there = H5Lexists(f->id, path, H5P_DEFAULT), f, "cannot look up %s", path);
    if (!there)
        goto out;
    TRY_H5(H5Lget_info(f->id, path, &info, H5P_DEFAULT), f, "cannot look up %s", path);
    if (info.type >= H5L_TYPE_EXTERNAL) {
        rc = MIX_FAIL(MIX_EINPUT,
                      "%s: %s is a link into another file; copy the data into this one (h5copy, or "
                      "h5py's copy)",
                      f->path, path);
        goto out;
    }
    TRY_H5(id = H5Oopen(f->id, path, H5P_DEFAULT), f, "cannot open %s%s", path,
           info.type == H5L_TYPE_SOFT ? ", which is a link" : "");
    *kind = H5Iget_type(id);
out:
    mix_h5_drop(id);
    return rc;
}

void mix_h5_names_free(char **names, int n)
{
    for (int i = 0; names && i < n; i++)
        free(names[i]);
    free(names);
}

struct names {
    char **name;
    size_t room;
    int n;
    int rc;
    bool refused; /* too many, or one too long */
};

static herr_t take_name(hid_t group, const char *name, const H5L_info_t *info, void *into)
{
    struct names *all = into;

    (void)group;
    (void)info;
    all->refused = all->n >= NAMES_MOST || strlen(name) > NAME_MOST;
    if (all->refused)
        return 1; /* stop */
    all->rc = mix_grow(&all->name, &all->room, (size_t)all->n + 1, sizeof *all->name, "names");
    if (all->rc)
        return 1;
    if (!(all->name[all->n] = mix_strdup(name))) {
        all->rc = MIX_EFIT;
        return 1;
    }
    all->n++;
    return 0;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int mix_h5_names(const struct mix_h5 *f, const char *path, char ***out, int *n)
{
    int rc = MIX_OK;
    hid_t group = H5I_INVALID_HID;
    struct names all = {0};

    TRY_H5(group = H5Gopen2(f->id, path, H5P_DEFAULT), f, "cannot open %s", path);
    /* Asked for any other order, HDF5 1.10 crashes in a group whose heap is damaged. */
    TRY_H5(H5Literate(group, H5_INDEX_NAME, H5_ITER_NATIVE, NULL, take_name, &all), f,
           "cannot list %s", path);
    TRY(all.rc);
    if (all.refused) {
        rc = MIX_FAIL(MIX_EINPUT, "%s: %s holds more than %d names, or one of more than %d bytes",
                      f->path, path, NAMES_MOST, NAME_MOST);
        goto out;
    }
    if (all.n)
        qsort(all.name, (size_t)all.n, sizeof *all.name, by_bytes);
    *out = all.name;
    *n = all.n;
    all = (struct names){0};
out:
    mix_h5_names_free(all.name, all.n);
    mix_h5_drop(group);
    return rc;
}

int mix_h5_make_group(struct mix_h5 *f, const char *path)
{
    int rc = MIX_OK;
    hid_t gcpl = H5I_INVALID_HID, group = H5I_INVALID_HID;

    TRY_H5(gcpl = H5Pcreate(H5P_GROUP_CREATE), f, "cannot make %s", path);
    TRY_H5(H5Pset_obj_track_times(gcpl, false), f, "cannot make %s", path);
    /* All links in the group's header, which has a checksum; a heap beside it has not. */
    TRY_H5(H5Pset_link_phase_change(gcpl, NAMES_MOST, NAMES_MOST), f, "cannot make %s", path);
    TRY_H5(group = H5Gcreate2(f->id, path, H5P_DEFAULT, gcpl, H5P_DEFAULT), f, "cannot make %s",
           path);
out:
    mix_h5_drop(group);
    mix_h5_drop(gcpl);
    return rc;
}

int mix_h5_text_type(const struct mix_h5 *f, hid_t *type)
{
    int rc = MIX_OK;
    hid_t t = H5I_INVALID_HID;

    TRY_H5(t = H5Tcopy(H5T_C_S1), f, "string type");
    TRY_H5(H5Tset_size(t, H5T_VARIABLE), f, "string type");
    TRY_H5(H5Tset_cset(t, H5T_CSET_UTF8), f, "string type");
    *type = t;
    t = H5I_INVALID_HID;
out:
    mix_h5_drop(t);
    return rc;
}

int mix_h5_transfer(const struct mix_h5 *f, hid_t stored, hid_t memory, hid_t *dxpl)
{
    enum { BUFFER = 64 << 10 };
    int rc = MIX_OK;
    hid_t p = H5I_INVALID_HID;
    size_t one = H5Tget_size(stored), other = H5Tget_size(memory); /* it must hold a value */
    size_t most = one > other ? one : other;

    TRY_H5(p = H5Pcreate(H5P_DATASET_XFER), f, "properties");
    TRY_H5(H5Pset_buffer(p, most > BUFFER ? most : BUFFER, NULL, NULL), f, "properties");
    *dxpl = p;
    p = H5I_INVALID_HID;
out:
    mix_h5_drop(p);
    return rc;
}
