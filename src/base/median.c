/* median.c - see median.h. */
#include "base/median.h"

#include <stdlib.h>

static int rising(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

void mix_sort(double *x, int n)
{
    qsort(x, (size_t)n, sizeof *x, rising);
}

double mix_median(double *x, int n)
{
    mix_sort(x, n);
    return (x[(n - 1) / 2] + x[n / 2]) / 2;
}
