/* median.h - the middle of what was measured. */
#ifndef MIX_BASE_MEDIAN_H
#define MIX_BASE_MEDIAN_H

void mix_sort(double *x, int n); /* rising */

/* Of n > 0 numbers, which are sorted; of an even number the mean of the two in the middle. */
double mix_median(double *x, int n);

#endif
