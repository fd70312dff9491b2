/* dev.c - devices: memory, copies, the tick, state; and what is refused. */
#include "dev/dev.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "tap.h"

#include <stdint.h>
#include <string.h>

static void count(void *ctx)
{
    ++*(int *)ctx;
}

static void backend(const char *name)
{
    struct mix_dev *dev = NULL;
    char text[8] = "sixteen", back[8] = "";
    int ticks = 0, before, calls, state = 0;
    double start;
    char *p = NULL;
    bool zero = true;

    if (mix_dev_open(&dev, name, 0, 2) != MIX_OK) {
        tap_skip(name, "no such device here");
        return;
    }
    ok(strcmp(mix_dev_name(dev), name) == 0 && mix_dev_threads(dev) == 2, "%s is open", name);
    ok(mix_dev_alloc(dev, &p, 1000, "a test") == MIX_OK && (uintptr_t)p % 64 == 0,
       "%s: memory is aligned", name);
    ok(mix_dev_allocated(dev) == 1000, "%s: and counted", name);
    for (int i = 0; i < 1000; i += 8) {
        zero = zero && mix_dev_download(dev, back, p + i, 8) == MIX_OK;
        for (int c = 0; c < 8; c++)
            zero = zero && back[c] == 0;
    }
    ok(zero, "%s: and zero", name);
    ok(mix_dev_upload(dev, p, text, sizeof text) == MIX_OK && mix_dev_sync(dev) == MIX_OK &&
           mix_dev_download(dev, back, p, sizeof back) == MIX_OK && strcmp(text, back) == 0,
       "%s: copies there and back", name);
    ok(mix_dev_upload(dev, p, NULL, 0) == MIX_OK && mix_dev_download(dev, NULL, p, 0) == MIX_OK,
       "%s: copies of nothing", name);
    mix_dev_release(dev, p);
    mix_dev_release(dev, NULL);
    ok(mix_dev_allocated(dev) == 0, "%s: released", name);
    ok(mix_dev_alloc(dev, &p, 0, "nothing") == MIX_OK, "%s: 0 bytes", name);
    mix_dev_release(dev, p);

    p = NULL;
    mix_log_level(MIX_LOG_SILENT);
    ok(mix_dev_alloc(dev, &p, SIZE_MAX - 32, "everything") == MIX_EFIT && !p &&
           strstr(mix_err_last(), "everything"),
       "%s: too much is said with its purpose", name);
    mix_log_level(MIX_LOG_INFO);
    ok(mix_dev_allocated(dev) == 0, "%s: and not counted", name);

    mix_dev_tick(dev);
    mix_dev_tick_set(dev, count, &ticks);
    mix_dev_tick(dev);
    ok(ticks == 1, "%s: the tick is called while it is set", name);
    start = mix_now(); /* after that tick, so that the next one is due 20 us later at most */
    for (calls = 0; ticks == 1 && calls < 100 * 1000 * 1000; calls++)
        mix_dev_tick(dev);
    ok(ticks == 2, "%s: and again", name);
    for (calls = 0; calls < 10000; calls++)
        mix_dev_tick(dev);
    ok(ticks <= 2 + (mix_now() - start) / 20e-6, "%s: %d ticks in %d calls, 20 us apart", name,
       ticks - 2, calls);
    mix_dev_tick_set(dev, NULL, NULL);
    before = ticks;
    for (start = mix_now(); mix_now() - start < 100e-6;)
        mix_dev_tick(dev);
    ok(ticks == before, "%s: and no longer", name);

    ok(mix_dev_state(dev) == NULL, "%s: no state at first", name);
    mix_dev_state_set(dev, &state, count);
    ok(mix_dev_state(dev) == &state, "%s: it keeps a state", name);
    mix_dev_close(dev);
    ok(state == 1, "%s: which close destroys", name);
}

int main(void)
{
    struct mix_dev *dev = NULL;

    for (int i = 0; mix_dev_backends[i]; i++)
        backend(mix_dev_backends[i]->name);
    ok(strcmp(mix_dev_backends[0]->name, "cpu") == 0, "cpu is the first backend");
    mix_log_level(MIX_LOG_SILENT);
    ok(mix_dev_open(&dev, "abacus", 0, 1) == MIX_EUSAGE && !dev, "an unknown backend");
    ok(mix_dev_open(&dev, "cpu", 1, 1) == MIX_EUSAGE && !dev, "a second cpu device");
    ok(mix_dev_open(&dev, "cpu", 0, 0) == MIX_EUSAGE && !dev, "no threads");
    mix_dev_close(NULL);
    return tap_done();
}
