/* allocations.c - see allocations.h: the linker's --wrap names what is called and what is meant. */
#include "allocations.h"

#include <stddef.h>

long allocations;

void *__real_malloc(size_t size), *__wrap_malloc(size_t size);
void *__real_calloc(size_t n, size_t size), *__wrap_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size), *__wrap_realloc(void *p, size_t size);
void *__real_aligned_alloc(size_t to, size_t size), *__wrap_aligned_alloc(size_t to, size_t size);

void *__wrap_malloc(size_t size)
{
    allocations++;
    return __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    allocations++;
    return __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
    allocations++;
    return __real_realloc(p, size);
}

void *__wrap_aligned_alloc(size_t to, size_t size)
{
    allocations++;
    return __real_aligned_alloc(to, size);
}
