/* team_cpu.c - see team.h. */
#include "kernels/team.h"

#include <omp.h>

/* Elementwise work moves 1 to 4 numbers a nanosecond on one core, so a slice takes 15 to 60 us
 * (contract: at most 200), and work that is shared is worth several times the 2 to 10 us of waking
 * a team. */
enum { SLICE = 60000, SHARED = 120000 };

void mix_team_rows(struct mix_dev *dev, long rows, double numbers, mix_rows_func *func,
                   const void *args)
{
    double fit = SLICE / (numbers < 1 ? 1 : numbers);
    long step = fit < 1 ? 1 : fit > (double)rows ? rows : (long)fit;
    long slices = step ? (rows + step - 1) / step : 0;
    int threads = mix_dev_threads(dev);

    if (threads == 1 || (double)rows * numbers < SHARED) {
        for (long i = 0; i < slices; i++) {
            func(args, i * step, i + 1 < slices ? (i + 1) * step : rows);
            mix_dev_tick(dev);
        }
        return;
    }
#pragma omp parallel num_threads(threads)
    {
#pragma omp for schedule(dynamic, 1)
        for (long i = 0; i < slices; i++) {
            func(args, i * step, i + 1 < slices ? (i + 1) * step : rows);
            if (omp_get_thread_num() == 0)
                mix_dev_tick(dev);
        }
    }
}
