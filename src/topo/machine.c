/* machine.c - how long a piece of work takes on a machine. */
#include "topo/machine.h"

#include <math.h>

/* The line through the two points around x; below the first point its value.  Beyond the last:
 * its value too, the caller knows better. */
static double between_points(const double *at, const double *value, int n, double x)
{
    int i = 1;

    if (n < 2 || x <= at[0])
        return value[0];
    if (x >= at[n - 1])
        return value[n - 1];
    while (x > at[i])
        i++;
    return value[i - 1] + (value[i] - value[i - 1]) * ((x - at[i - 1]) / (at[i] - at[i - 1]));
}

double mix_link_seconds(const struct mix_link *link, double peers, double bytes)
{
    double last = link->bytes[link->points - 1];
    double one = between_points(link->bytes, link->seconds, link->points, bytes);
    double at_once = fmax(1, fmin(peers, link->ports));

    if (!(peers > 0))
        return 0;
    if (bytes > last)
        one *= bytes / last; /* at the bandwidth of the last */
    return link->latency + one * peers / at_once;
}

double mix_work_seconds(const struct mix_machine *m, enum mix_machine_type type, enum mix_work work,
                        int ranks, double rows, double operations, double bytes)
{
    const struct mix_rate *r = &m->rate[type][work];
    double share = m->shared && m->ranks > 0 && ranks > 0 ? (double)m->ranks / ranks : 1;
    double speed = between_points(r->rows, r->speed, r->points, rows);

    return r->launch + fmax(operations / (speed * share), bytes / (r->bandwidth * share));
}

double mix_whole_times(const struct mix_machine *m, enum mix_machine_type type, double tokens)
{
    const struct mix_whole *w = &m->whole[type];

    return w->points ? between_points(w->tokens, w->times, w->points, tokens) : 1;
}
