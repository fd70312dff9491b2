/* pages.c - the pool of KV pages: order, all or none, double give. */
#include "engine/pages.h"

#include "base/err.h"
#include "tap.h"

#include <string.h>

static void order(void)
{
    struct mix_pages *p = NULL;
    int got[130];

    ok(mix_pages_create(&p, 130) == MIX_OK && mix_pages_free(p) == 130, "a new pool is free");
    ok(mix_pages_take(p, got, 130) && got[0] == 0 && got[129] == 129, "lowest number first");
    ok(!mix_pages_take(p, got, 1), "an empty pool says no");
    ok(mix_pages_give(p, (int[]){64, 3}, 2) == MIX_OK && mix_pages_free(p) == 2, "two come back");
    ok(mix_pages_take(p, got, 2) && got[0] == 3 && got[1] == 64, "and go out again in order");
    mix_pages_destroy(p);
}

static void all_or_none(void)
{
    struct mix_pages *p = NULL;
    int got[4] = {-1, -1, -1, -1};

    mix_pages_create(&p, 3);
    ok(!mix_pages_take(p, got, 4) && got[0] == -1, "too many: nothing is written");
    ok(mix_pages_free(p) == 3, "and nothing is taken");
    mix_pages_destroy(p);
}

static void misuse(void)
{
    struct mix_pages *p = NULL;

    mix_pages_create(&p, 3);
    ok(mix_pages_give(p, (int[]){1}, 1) == MIX_EBUG, "giving a free page is a bug");
    ok(mix_pages_give(p, (int[]){-1}, 1) == MIX_EBUG, "so is a page below the pool");
    ok(mix_pages_give(p, (int[]){3}, 1) == MIX_EBUG, "and one above it");
    mix_pages_destroy(p);
    mix_pages_destroy(NULL);
    ok(true, "destroying NULL is allowed");
}

int main(void)
{
    order();
    all_or_none();
    misuse();
    return tap_done();
}
