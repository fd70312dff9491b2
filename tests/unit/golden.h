/* golden.h - a JSON file of tests/golden, for tests that compare with another library's answers. */
#ifndef MIX_TESTS_GOLDEN_H
#define MIX_TESTS_GOLDEN_H

#include "tap.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

/* The file, or NULL with a reason if it is not there.  json_decref() it. */
static inline json_t *golden_load(const char *name)
{
    const char *top = getenv("srcdir");
    char path[1024];
    json_error_t error;
    json_t *root;

    snprintf(path, sizeof path, "%s/tests/golden/%s", top ? top : ".", name);
    root = json_load_file(path, JSON_ALLOW_NUL, &error);
    if (!root) {
        snprintf(path, sizeof path, "tests/golden/%s: %.200s", name, error.text);
        tap_skip(name, path);
    }
    return root;
}

/* FNV-1a, 64 bits, as the golden files write it. */
static const unsigned long long GOLDEN_FNV = 0xCBF29CE484222325ull;

static inline unsigned long long golden_fnv(unsigned long long h, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)s[i]) * 0x100000001B3ull;
    return h;
}

#endif
