/* h5drive.c - see h5drive.h: pread and pwrite, and a list of patches once a write has failed. */
#include "io/h5drive.h"

#include "base/err.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct info { /* what travels in the access property list */
    int *werr;
};

struct patch { /* bytes that could not be written */
    struct patch *next;
    haddr_t at;
    size_t n;
    unsigned char bytes[];
};

struct drive {
    H5FD_t pub; /* HDF5's part, must come first */
    int fd;
    dev_t device;
    ino_t inode;
    haddr_t eoa, eof; /* ends of the allocated space and of the file */
    int *werr;
    struct patch *first, **end;
};

/* HDF5 has an error stack; the innermost line is the one that we print. */
static void say(const char *why)
{
    H5Epush2(H5E_DEFAULT, __FILE__, "h5drive", __LINE__, H5E_ERR_CLS, H5E_IO, H5E_READERROR, "%s",
             why);
}

static H5FD_t *drive_open(const char *name, unsigned flags, hid_t fapl, haddr_t maxaddr)
{
    const struct info *info = H5Pget_driver_info(fapl);
    int how = O_CLOEXEC | (flags & H5F_ACC_RDWR ? O_RDWR : O_RDONLY);
    struct drive *d = NULL;
    struct stat st;
    int fd;

    (void)maxaddr;
    how |= flags & H5F_ACC_TRUNC ? O_TRUNC : 0;
    how |= flags & H5F_ACC_CREAT ? O_CREAT : 0;
    how |= flags & H5F_ACC_EXCL ? O_EXCL : 0;
    fd = open(name, how | O_NONBLOCK, 0666); /* do not wait for the writer of a pipe */
    if (fd < 0 || fstat(fd, &st) != 0) {
        say(strerror(errno));
        goto fail;
    }
    if (!S_ISREG(st.st_mode)) {
        say(S_ISDIR(st.st_mode) ? "it is a folder" : "it is not a regular file");
        goto fail;
    }
    if (!(d = calloc(1, sizeof *d))) {
        say("out of host memory");
        goto fail;
    }
    d->fd = fd;
    d->device = st.st_dev;
    d->inode = st.st_ino;
    d->eof = (haddr_t)st.st_size;
    d->werr = info ? info->werr : NULL;
    d->end = &d->first;
    return &d->pub;
fail:
    if (fd >= 0)
        close(fd);
    return NULL;
}

static herr_t drive_close(H5FD_t *file)
{
    struct drive *d = (struct drive *)file;

    /* Network file systems say only here that the disk is full. */
    if (close(d->fd) != 0 && d->werr && !*d->werr)
        *d->werr = errno;
    while (d->first) {
        struct patch *p = d->first;

        d->first = p->next;
        free(p);
    }
    free(d);
    return 0;
}

static int drive_cmp(const H5FD_t *a, const H5FD_t *b)
{
    const struct drive *x = (const struct drive *)a, *y = (const struct drive *)b;

    if (x->device != y->device)
        return x->device < y->device ? -1 : 1;
    return x->inode < y->inode ? -1 : x->inode > y->inode;
}

static herr_t drive_query(const H5FD_t *file, unsigned long *flags)
{
    (void)file;
    *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
             H5FD_FEAT_AGGREGATE_SMALLDATA;
#ifdef H5FD_FEAT_DEFAULT_VFD_COMPATIBLE
    *flags |= H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
#endif
    return 0;
}

static haddr_t drive_get_eoa(const H5FD_t *file, H5FD_mem_t type)
{
    (void)type;
    return ((const struct drive *)file)->eoa;
}

static herr_t drive_set_eoa(H5FD_t *file, H5FD_mem_t type, haddr_t at)
{
    (void)type;
    ((struct drive *)file)->eoa = at;
    return 0;
}

static haddr_t drive_get_eof(const H5FD_t *file, H5FD_mem_t type)
{
    (void)type;
    return ((const struct drive *)file)->eof;
}

static herr_t drive_get_handle(H5FD_t *file, hid_t fapl, void **handle)
{
    (void)fapl;
    *handle = &((struct drive *)file)->fd;
    return 0;
}

/* Read what is there; bytes beyond the end of the file are 0, as HDF5 expects of its drivers. */
static bool read_disk(int fd, haddr_t at, size_t n, unsigned char *to)
{
    while (n) {
        ssize_t got = pread(fd, to, n, (off_t)at);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return false;
        if (got == 0)
            break;
        to += got;
        at += (haddr_t)got;
        n -= (size_t)got;
    }
    memset(to, 0, n);
    return true;
}

static uint64_t little(const unsigned char *p, int bytes)
{
    uint64_t x = 0;

    while (bytes--)
        x = x << 8 | p[bytes];
    return x;
}

/* HDF5 1.10 walks the objects of a global heap collection (where variable-length values live) by
 * the sizes they claim, and never returns from one that claims 0.  So they are walked here first.
 * The bytes [at, at + n) are a collection if they start like one; the header is 16 bytes, as that
 * of each object: index (2), references (2), 4 unused, size (8).  Index 0 is the free rest, and its
 * size counts its header. */
static bool heap_is_sound(int fd, haddr_t at, size_t n, const unsigned char *bytes)
{
    unsigned char header[16];
    uint64_t size, place = 16;

    if (n < 16 || memcmp(bytes, "GCOL\1\0\0", 8) != 0)
        return true;
    size = little(bytes + 8, 8);
    while (place < size && size - place >= 16) { /* less is a free rest without a header */
        uint64_t object, step;

        if (place + 16 <= n)
            memcpy(header, bytes + place, 16);
        else if (!read_disk(fd, at + place, 16, header))
            return true; /* let HDF5 say so */
        object = little(header + 8, 8);
        if (object > size)
            return false;
        step = little(header, 2) ? 16 + (object + 7) / 8 * 8 : object;
        if (step == 0 || step > size - place)
            return false;
        place += step;
    }
    return true;
}

static herr_t drive_read(H5FD_t *file, H5FD_mem_t type, hid_t dxpl, haddr_t at, size_t n, void *to)
{
    struct drive *d = (struct drive *)file;

    (void)type;
    (void)dxpl;
    if (at > INT64_MAX || n > (haddr_t)INT64_MAX - at) {
        say("an address beyond 8 EiB");
        return -1;
    }
    if (!read_disk(d->fd, at, n, to)) {
        say(strerror(errno));
        return -1;
    }
    if (!d->werr && !heap_is_sound(d->fd, at, n, to)) {
        say("damaged: a heap of strings that does not add up");
        return -1;
    }
    for (const struct patch *p = d->first; p; p = p->next) {
        haddr_t from = p->at > at ? p->at : at;
        haddr_t last = p->at + p->n < at + n ? p->at + p->n : at + n;

        if (from < last)
            memcpy((unsigned char *)to + (from - at), p->bytes + (from - p->at),
                   (size_t)(last - from));
    }
    return 0;
}

static bool write_disk(int fd, haddr_t at, size_t n, const unsigned char *from)
{
    while (n) {
        ssize_t put = pwrite(fd, from, n, (off_t)at);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return false;
        from += put;
        at += (haddr_t)put;
        n -= (size_t)put;
    }
    return true;
}

/* Keep the bytes; out of memory they are lost, which only matters to the closing of a lost file. */
static void keep(struct drive *d, haddr_t at, size_t n, const void *from)
{
    struct patch *p = malloc(sizeof *p + n);

    if (!p)
        return;
    p->next = NULL;
    p->at = at;
    p->n = n;
    memcpy(p->bytes, from, n);
    *d->end = p;
    d->end = &p->next;
}

static herr_t drive_write(H5FD_t *file, H5FD_mem_t type, hid_t dxpl, haddr_t at, size_t n,
                          const void *from)
{
    struct drive *d = (struct drive *)file;

    (void)type;
    (void)dxpl;
    if (!d->werr) {
        say("the file is open for reading");
        return -1;
    }
    if (!*d->werr && !write_disk(d->fd, at, n, from))
        *d->werr = errno;
    if (*d->werr)
        keep(d, at, n, from);
    if (at + n > d->eof)
        d->eof = at + n;
    return 0;
}

static herr_t drive_truncate(H5FD_t *file, hid_t dxpl, hbool_t closing)
{
    struct drive *d = (struct drive *)file;

    (void)dxpl;
    (void)closing;
    if (d->eoa != d->eof && d->werr && !*d->werr && ftruncate(d->fd, (off_t)d->eoa) != 0)
        *d->werr = errno;
    d->eof = d->eoa;
    return 0;
}

static const H5FD_class_t class = {
#ifdef H5FD_CLASS_VERSION /* 1.14 and later */
    .version = H5FD_CLASS_VERSION,
    .value = (H5FD_class_value_t)505, /* one of those left to programs */
#endif
    .name = "mixserve",
    .maxaddr = INT64_MAX,
    .fc_degree = H5F_CLOSE_STRONG,
    .fapl_size = sizeof(struct info),
    .open = drive_open,
    .close = drive_close,
    .cmp = drive_cmp,
    .query = drive_query,
    .get_eoa = drive_get_eoa,
    .set_eoa = drive_set_eoa,
    .get_eof = drive_get_eof,
    .get_handle = drive_get_handle,
    .read = drive_read,
    .write = drive_write,
    .truncate = drive_truncate,
    .fl_map = H5FD_FLMAP_DICHOTOMY, /* as the driver that HDF5 takes by itself */
};

int mix_h5drive_set(hid_t fapl, int *werr)
{
    static hid_t id = H5I_INVALID_HID; /* registered once, for the life of the library */
    const struct info info = {werr};

    if (id < 0)
        id = H5FDregister(&class);
    if (id < 0 || H5Pset_driver(fapl, id, &info) < 0)
        return MIX_FAIL(MIX_EBUG, "HDF5 refuses our file driver");
    return MIX_OK;
}
