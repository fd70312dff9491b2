/* sampler.c - see sampler.h.
 *
 * A Gumbel draw is at most 22.9 and at least -3.2, so of a large vocabulary only
 * tokens within 26 of the largest z can win: the others are never drawn for,
 * which changes nothing but the time.  Sorting is avoided likewise: the few
 * hundred largest are selected first, and more only if they do not suffice. */
#include "engine/sampler.h"

#include "base/rng.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

struct candidate {
    double z;
    int32_t id;
};

/* -ln(-ln(1 - 2^-33)) is 22.87; -ln(-ln(2^-33)) is -3.13. */
static const double gumbel_most = 22.9, gumbel_least = -3.2;

size_t mix_sampler_scratch(int vocab)
{
    return (size_t)vocab * sizeof(struct candidate);
}

static int32_t largest(const float *logits, int vocab)
{
    int32_t best = 0;
    bool finite = true;

    for (int32_t id = 0; id < vocab; id++) {
        finite &= isfinite(logits[id]) != 0;
        if (logits[id] > logits[best])
            best = id;
    }
    return finite ? best : -1;
}

static double gumbel(const struct mix_draw *d, int32_t id)
{
    uint64_t row = (uint64_t)d->row, seed = (uint64_t)d->seed;
    uint32_t counter[4] = {(uint32_t)row, (uint32_t)(row >> 32),
                           (uint32_t)d->sample << 20 | (uint32_t)d->position, (uint32_t)id};
    uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)}, x[4];

    mix_philox(x, counter, key);
    return -log(-log((x[0] + 0.5) * 0x1p-32));
}

/* More likely first, then the lower id. */
static int order(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;

    if (x->z != y->z)
        return x->z > y->z ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

static void swap(struct candidate *a, struct candidate *b)
{
    struct candidate t = *a;

    *a = *b;
    *b = t;
}

/* Bring the m first of c[0..n) by order() to the front, unsorted (Hoare's quickselect). */
static void select_first(struct candidate *c, int n, int m)
{
    int low = 0, high = n - 1;

    while (low < high) {
        struct candidate pivot = c[low + (high - low) / 2];
        int i = low, j = high;

        while (i <= j) {
            while (order(&c[i], &pivot) < 0)
                i++;
            while (order(&c[j], &pivot) > 0)
                j--;
            if (i <= j)
                swap(&c[i++], &c[j--]);
        }
        if (m - 1 <= j)
            high = j;
        else if (m - 1 >= i)
            low = i;
        else
            return;
    }
}

/* Sort the m first of c[0..n) to the front. */
static void sort_first(struct candidate *c, int n, int m)
{
    if (m < n)
        select_first(c, n, m);
    qsort(c, (size_t)m, sizeof *c, order);
}

/* How many of c[0..n) top_p keeps; these are at the front. */
static int nucleus(struct candidate *c, int n, double top_p, double most)
{
    double total = 0, sum = 0;
    int sorted = 0;

    for (int i = 0; i < n; i++)
        total += exp(c[i].z - most);
    for (int i = 0; i < n; i++) {
        if (i == sorted) {
            int m = sorted ? sorted * 16 : 64;
            m = m < n - sorted ? m : n - sorted;
            sort_first(c + sorted, n - sorted, m);
            sorted += m;
        }
        sum += exp(c[i].z - most);
        if (sum >= top_p * total)
            return i + 1;
    }
    return n;
}

int32_t mix_sample(const float *logits, int vocab, const struct mix_draw *d, void *scratch)
{
    int32_t top = largest(logits, vocab), best = -1;
    struct candidate *c = scratch;
    double most, best_z = -INFINITY;
    bool whole = d->top_p >= 1;
    int n = 0;

    if (top < 0 || d->temperature == 0)
        return top;
    most = logits[top] / d->temperature;
    for (int32_t id = 0; id < vocab; id++) {
        double z = logits[id] / d->temperature;
        if (!whole || z >= most + gumbel_least - gumbel_most)
            c[n++] = (struct candidate){z, id};
    }
    if (d->top_k > 0 && d->top_k < n) {
        sort_first(c, n, (int)d->top_k);
        n = (int)d->top_k;
    }
    if (!whole)
        n = nucleus(c, n, d->top_p, most);
    for (int i = 0; i < n; i++) {
        double z;
        if (c[i].z + gumbel_most < best_z)
            continue;
        z = c[i].z + gumbel(d, c[i].id);
        if (z > best_z || (z == best_z && c[i].id < best)) {
            best_z = z;
            best = c[i].id;
        }
    }
    return best;
}
