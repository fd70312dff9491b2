/* dev.h - one compute device, and the few things the engine asks of it.
 *
 * A struct mix_dev is made by a backend and knows which; the rest of the program
 * only calls the functions here.  On the cpu backend device memory is host
 * memory, work is done when a launcher returns, and a device is a number of
 * threads.
 *
 * Not collective.  One thread uses a device. */
#ifndef MIX_DEV_DEV_H
#define MIX_DEV_DEV_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mix_dev; /* opaque */

struct mix_dev_ops {
    const char *name; /* "cpu" */
    int (*open)(struct mix_dev **dev, int index, int threads);
    void (*close)(struct mix_dev *dev);
    int (*alloc)(struct mix_dev *dev, void **p, size_t bytes, const char *what);
    void (*release)(struct mix_dev *dev, void *p);
    int (*upload)(struct mix_dev *dev, void *to, const void *from_host, size_t bytes);
    int (*download)(struct mix_dev *dev, void *to_host, const void *from, size_t bytes);
    int (*sync)(struct mix_dev *dev);
};

/* The backends of this build, NULL-terminated, cpu first. */
extern const struct mix_dev_ops *const mix_dev_backends[];

/* Open device index of the backend called name, with threads host threads (at least 1).
 * MIX_EUSAGE if this build has no such backend. */
int mix_dev_open(struct mix_dev **dev, const char *name, int index, int threads);
void mix_dev_close(struct mix_dev *dev); /* NULL is allowed */

const char *mix_dev_name(const struct mix_dev *dev);
int mix_dev_threads(const struct mix_dev *dev); /* what cpu kernels may use */

/* What the kernels of this backend keep with a device (a library's handles, scratch of
 * threads): made by them at first use, destroyed when the device is closed.  NULL before. */
void *mix_dev_state(const struct mix_dev *dev);
void mix_dev_state_set(struct mix_dev *dev, void *state, void (*destroy)(void *state));

/* Zeroed device memory, aligned to 64 bytes.  Running out is MIX_EFIT naming what. */
int mix_dev_alloc(struct mix_dev *dev, void *p, size_t bytes, const char *what);
void mix_dev_release(struct mix_dev *dev, void *p);  /* NULL is allowed */
size_t mix_dev_allocated(const struct mix_dev *dev); /* bytes handed out and not yet released */

/* Copies; from and to pageable host memory they are finished on return. */
int mix_dev_upload(struct mix_dev *dev, void *to, const void *from_host, size_t bytes);
int mix_dev_download(struct mix_dev *dev, void *to_host, const void *from, size_t bytes);
int mix_dev_sync(struct mix_dev *dev); /* until all work launched so far is done */

/* The tick: a function that keeps communication going.  CPU kernels call mix_dev_tick
 * from the calling thread between slices of work of at most 200 us; whoever waits calls
 * it too.  tick may be NULL; it must be short and must not call a kernel.
 *
 * A call that follows a tick within 20 us is no tick: where ranks share cores MPI yields in one,
 * and slices of a small model take a microsecond. */
struct mix_dev_tick {
    void (*tick)(void *ctx);
    void *ctx;
};
void mix_dev_tick_set(struct mix_dev *dev, void (*tick)(void *ctx), void *ctx);
/* For whoever puts another one in its place for a while: it calls this one too. */
struct mix_dev_tick mix_dev_tick_get(const struct mix_dev *dev);
void mix_dev_tick(struct mix_dev *dev);

#ifdef __cplusplus
}
#endif
#endif
