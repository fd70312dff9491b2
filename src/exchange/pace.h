/* pace.h - slower links and experts for measurements, by the clock alone.
 *
 * On one machine the memory between ranks is some hundred times as fast as a network, and the
 * cores are busy with the network itself: there is nothing to hide and nothing to hide it under.
 * So mixserve bench exchange can give the link inside a domain a rate, and experts a time, in which
 * the rank does nothing: what is moved and computed is the same, its results are shown later.
 * Both are virtual units that work side by side, as copy engines and processors do.
 *
 * Not collective. */
#ifndef MIX_EXCHANGE_PACE_H
#define MIX_EXCHANGE_PACE_H

struct mix_pace {
    double
        inside_rate; /* bytes a second that a rank reads from others of its domain; 0: as it is */
    double row_s;    /* seconds of experts for one row with one expert; 0: as they are */
};

/* A unit that is free at *free takes so many seconds from `now` at the earliest: when it is done,
 * which is also *free from then on. */
double mix_pace_busy(double *free, double now, double seconds);

void mix_pace_until(double time); /* naps */
void mix_pace_nap(void);          /* one nap of 20 us */

#endif
