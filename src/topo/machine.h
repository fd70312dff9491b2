/* machine.h - what the planner knows of a machine: how long a piece of work takes on it.
 *
 * Measured (comm/measure, model/gauge), read from a file (--machine), or one of the
 * presets (--gpu).  Rates are those of one rank while all ranks of its node are at
 * work.  Where ranks share the node's cores and memory (CPUs), what was measured with
 * `ranks` of them is divided anew for another number: cost the node's sum.
 *
 * Seconds, bytes, operations (a multiply-add is two) and rows are doubles.  Plain
 * data; pure functions; not collective. */
#ifndef MIX_TOPO_MACHINE_H
#define MIX_TOPO_MACHINE_H

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

enum mix_link_kind { MIX_LINK_INSIDE, MIX_LINK_BETWEEN, MIX_LINK_KINDS }; /* of a domain */

enum { MIX_MACHINE_POINTS = 16 };

/* An operation on a link takes `latency` once, and for every message that a rank sends the seconds
 * of its size; `ports` of them at a time, if the link is a full mesh (1 behind a switch). */
struct mix_link {
    double latency;
    int32_t ports;
    int32_t points;                     /* at least 1 */
    double bytes[MIX_MACHINE_POINTS];   /* rising */
    double seconds[MIX_MACHINE_POINTS]; /* of one message of so many bytes among many */
};

/* Work of one kind takes launch + max(operations / rate(rows), bytes / bandwidth), attention `each`
 * besides for every sequence, however short. */
enum mix_work {
    MIX_WORK_DENSE,     /* products with one matrix: attention, router, head */
    MIX_WORK_EXPERTS,   /* products grouped by expert; rows are those of one expert */
    MIX_WORK_ATTENTION, /* queries against keys and values; rows are queries of a sequence */
    MIX_WORK_MEMORY,    /* norms, packing, sums: bytes moved */
    MIX_WORKS
};

struct mix_rate {
    double launch;                    /* s of one call */
    double each;                      /* s of a sequence; 0 but for attention */
    double bandwidth;                 /* bytes / s */
    int32_t points;                   /* at least 1 */
    double rows[MIX_MACHINE_POINTS];  /* rising */
    double speed[MIX_MACHINE_POINTS]; /* operations / s at so many rows */
};

enum mix_machine_type { MIX_MACHINE_F32, MIX_MACHINE_BF16, MIX_MACHINE_TYPES };

/* Whole steps with so many tokens of a replica took so many times what the parts add up to. */
struct mix_whole {
    int32_t points;                    /* 0: none was run, it is once */
    double tokens[MIX_MACHINE_POINTS]; /* rising */
    double times[MIX_MACHINE_POINTS];
};

struct mix_machine {
    char name[64];
    char device[16]; /* "cpu" or "cuda" */
    bool shared;     /* ranks of a node share its cores and memory */
    int32_t ranks;   /* of a node, at work when rates were taken; 0: rates are a device's own */
    int32_t domain;  /* ranks that share the fast link; 0: those of a node */
    double memory;   /* bytes of a node if shared, else of a rank; less than there is: a limit */
    double reserved; /* of them, not ours: what libraries take, of a rank */
    struct mix_link link[MIX_LINK_KINDS];
    struct mix_rate rate[MIX_MACHINE_TYPES][MIX_WORKS];
    struct mix_whole whole[MIX_MACHINE_TYPES];
};

/* ---- times */

/* One rank sends `bytes` to each of `peers` others and gets as much; all ranks at once. */
double mix_link_seconds(const struct mix_link *link, double peers, double bytes);

/* Work of `operations` on `bytes`, in calls of so many rows, by a rank of a node with `ranks`
 * ranks. */
double mix_work_seconds(const struct mix_machine *m, enum mix_machine_type type, enum mix_work work,
                        int ranks, double rows, double operations, double bytes);

/* What a step of so many tokens takes beyond its parts: a factor. */
double mix_whole_times(const struct mix_machine *m, enum mix_machine_type type, double tokens);

/* ---- where machines come from */

/* A preset: h20, h100, h200, b200, mi300x, a100, 910b; false if there is none of that name.
 * Sources of the numbers are in machine_presets.c. */
bool mix_machine_preset(struct mix_machine *m, const char *name);
const char *mix_machine_presets(void); /* "a100, b200, ..." for messages */

int mix_machine_to_json(const struct mix_machine *m, struct mix_str *out);
/* A file that is not there, not JSON, or holds numbers that no machine has is MIX_EINPUT naming
 * file, member, expected, found. */
int mix_machine_load(struct mix_machine *m, const char *path);

#endif
