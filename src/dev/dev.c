/* dev.c - see dev.h: the list of backends, and what is the same for all. */
#include "dev/dev.h"

#include "base/clock.h"
#include "base/err.h"
#include "dev/dev_private.h"

#include <string.h>

static const double tick_gap_s = 20e-6; /* see mix_dev_tick */

const struct mix_dev_ops *const mix_dev_backends[] = {&mix_dev_cpu, NULL};

int mix_dev_open(struct mix_dev **dev, const char *name, int index, int threads)
{
    if (threads < 1)
        return MIX_FAIL(MIX_EUSAGE, "a device needs at least 1 thread, not %d", threads);
    for (int i = 0; mix_dev_backends[i]; i++)
        if (strcmp(mix_dev_backends[i]->name, name) == 0)
            return mix_dev_backends[i]->open(dev, index, threads);
    return MIX_FAIL(MIX_EUSAGE, "this build has no device backend \"%s\"", name);
}

void mix_dev_close(struct mix_dev *dev)
{
    if (!dev)
        return;
    if (dev->state_destroy)
        dev->state_destroy(dev->state);
    dev->ops->close(dev);
}

const char *mix_dev_name(const struct mix_dev *dev)
{
    return dev->ops->name;
}

int mix_dev_threads(const struct mix_dev *dev)
{
    return dev->threads;
}

int mix_dev_alloc(struct mix_dev *dev, void *p, size_t bytes, const char *what)
{
    void *got = NULL;
    int rc = dev->ops->alloc(dev, &got, bytes, what);

    if (rc == MIX_OK)
        memcpy(p, &got, sizeof got);
    return rc;
}

void mix_dev_release(struct mix_dev *dev, void *p)
{
    if (p)
        dev->ops->release(dev, p);
}

size_t mix_dev_allocated(const struct mix_dev *dev)
{
    return dev->allocated;
}

int mix_dev_upload(struct mix_dev *dev, void *to, const void *from_host, size_t bytes)
{
    return bytes ? dev->ops->upload(dev, to, from_host, bytes) : MIX_OK;
}

int mix_dev_download(struct mix_dev *dev, void *to_host, const void *from, size_t bytes)
{
    return bytes ? dev->ops->download(dev, to_host, from, bytes) : MIX_OK;
}

int mix_dev_sync(struct mix_dev *dev)
{
    return dev->ops->sync(dev);
}

void mix_dev_tick_set(struct mix_dev *dev, void (*tick)(void *ctx), void *ctx)
{
    dev->tick = tick;
    dev->tick_ctx = ctx;
}

struct mix_dev_tick mix_dev_tick_get(const struct mix_dev *dev)
{
    return (struct mix_dev_tick){dev->tick, dev->tick_ctx};
}

void mix_dev_tick(struct mix_dev *dev)
{
    double now;

    if (!dev->tick)
        return;
    now = mix_now();
    if (now - dev->ticked < tick_gap_s)
        return;
    dev->ticked = now;
    dev->tick(dev->tick_ctx);
}

void *mix_dev_state(const struct mix_dev *dev)
{
    return dev->state;
}

void mix_dev_state_set(struct mix_dev *dev, void *state, void (*destroy)(void *state))
{
    dev->state = state;
    dev->state_destroy = destroy;
}
