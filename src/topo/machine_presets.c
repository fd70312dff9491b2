/* machine_presets.c - machines that are known without measuring them.
 *
 * A device is a row of what others published; what nobody published for it is derived by
 * one rule for all from what is known best, the H200.  Sources: [D] data sheets; [M] the
 * best bf16 product found by MAMF (ml-engineering, stas00); [A] measured tables of
 * AIConfigurator; [N] nccl-tests in [A]; [V] send and receive between two nodes of H100
 * (Vidur, Frontier); [F] FlashMLA and FlashAttention-3; [S] sources differ or are weak.
 *
 * Products.  The H200's tables [A] say that a product which reads its weights from memory
 * and one that computes do not overlap wholly.  With b the bandwidth of streaming weights
 * of 2 bytes, s the best speed and r the rows, r b is the speed that memory allows, and
 *     speed(r) = ((r b)^-p + s^-p)^(-1/p)
 * fits: dense with p = 3 and s of [M], 4096 x 7168, 5 us of launch (measured 18.8, 40.6 and
 * 296 us for 64, 512 and 4096 rows; this gives 18.8, 43.4, 308); grouped by expert with
 * p = 1.5 and 0.68 s (the layer of Qwen3-30B-A3B at 64, 256, 1024, 4096 and 16384 tokens is
 * 302, 327, 389, 660, 2377 us; this gives 306, 313, 368, 716, 2371 with two launches).  Small
 * rows then cost what memory costs, and a device with less compute for its memory reaches its
 * best earlier.
 *
 * Links inside a node.  All-to-all over 8 H100 [N] is 7.4, 8.7, 15.6, 41.4, 125 us for 512 B,
 * 64 KB, 1 MB, 8 MB, 32 MB: less 7.2 us a seventh of it is one message of an eighth, and its
 * share of the peak is the table below.  For the others the same shares of their own peak:
 * within 20 % of what [N] has for them at 1 and 8 MB.
 *
 * Links between nodes.  One pair of H100 nodes [V] takes 17, 20, 27, 54, 129, 476, 1871 us for
 * 2 KB to 64 MB: less 17 us it is the table below, for a NIC of 50 GB/s; others as their NIC is
 * slower.  Its end is 72 % of the NIC, what 4 nodes of B200 reach too (74 %). */
#include "topo/machine.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct device {
    const char *name;
    double tf;      /* best bf16 reached, 1e12 operations / s */
    double tf_f32;  /* plain float32, 1e12 operations / s */
    double hbm;     /* 1e12 bytes / s */
    double gib;     /* memory by its name ("80 GB") */
    double latency; /* us, of an all-to-all inside a node */
    double inside;  /* 1e9 bytes / s of a port for large messages */
    int ports;      /* 7 direct links of a full mesh, or 1 to a switch */
    double nic;     /* 1e9 bytes / s of a rank's share */
};

/* tf: h100, h200, a100, b200, mi300x [M]; h20 0.87 of 148 [D], the share an A100 reaches: its power
 *     is far from its limit; 910b 0.75 of 300 [S].
 * tf_f32, hbm, gib, nic: [D]; 910b [S].
 * latency: all-to-all of 512 bytes over 8 [N]: h100 7.4, h200 11.6 (9 fits its 1 and 8 MB better),
 *     b200 10.7, a100 15.8; h20 as h100; mi300x and 910b 10, the upper end of what is seen.
 * inside: peak of all-to-all [N]; h20 as h100; mi300x 64 a link [D] at the 70 % that its all-reduce
 *     reaches (313 of 448); 910b 392 / 7 [S] at the same 70 %. */
static const struct device devices[] = {
    {"a100", 271, 19.5, 2.04, 80, 15.6, 203, 1, 25},
    {"h20", 128.8, 44, 4.0, 96, 7.2, 315, 1, 25},
    {"h100", 794, 67, 3.35, 80, 7.2, 315, 1, 50},
    {"h200", 794, 67, 4.8, 141, 9, 311, 1, 50},
    {"b200", 1745, 75, 7.7, 180, 10.5, 563, 1, 50},
    {"mi300x", 668, 163.4, 5.3, 192, 10, 45, 7, 50},
    {"910b", 225, 75, 1.6, 64, 10, 39, 7, 25},
};

enum { DEVICES = sizeof devices / sizeof devices[0] };

static struct mix_link link_inside(const struct device *d)
{
    static const double bytes[] = {64, 8192, 131072, 1048576, 4194304, 33554432};
    static const double share[] = {0.001, 0.12, 0.35, 0.68, 0.79, 1}; /* of the peak */
    struct mix_link l = {.latency = d->latency * 1e-6, .ports = d->ports};

    for (; l.points < (int)(sizeof bytes / sizeof bytes[0]); l.points++) {
        l.bytes[l.points] = bytes[l.points];
        l.seconds[l.points] = bytes[l.points] / (d->inside * 1e9 * share[l.points]);
    }
    return l;
}

/* The first point: a message more costs 0.2 us, as low-latency dispatch of 8 tokens takes 25 us
 * over 16 ranks and 36 us over 64 [A]. */
static struct mix_link link_between(const struct device *d)
{
    static const double bytes[] = {2048, 65536, 262144, 1048576, 4194304, 16777216, 67108864};
    static const double us[] = {0.2, 3, 10, 37, 112, 459, 1854};
    struct mix_link l = {.latency = 17e-6, .ports = 1};

    for (; l.points < (int)(sizeof bytes / sizeof bytes[0]); l.points++) {
        l.bytes[l.points] = bytes[l.points];
        l.seconds[l.points] = us[l.points] * 1e-6 * 50 / d->nic;
    }
    return l;
}

/* Bandwidth that weights of `width` bytes are read with, best speed, and p of the rule above. */
static struct mix_rate products(double bandwidth, double width, double best, double p)
{
    struct mix_rate r = {.launch = 5e-6, .bandwidth = bandwidth};

    for (double rows = 1; rows <= 4096; rows *= 2) {
        double streamed = rows * 2 / width * bandwidth;

        r.rows[r.points] = rows;
        r.speed[r.points++] = pow(pow(streamed, -p) + pow(best, -p), -1 / p);
    }
    return r;
}

/* Streaming weights: 4.3 of 4.8 TB/s dense, 4.1 grouped [A].  Attention: decoding reads 3.0 of 3.35
 * TB/s, or computes 660 where many heads share the cache; prompts 740 of the 794 [F].  Memory-bound
 * operations: 0.8 of the data sheet and 3 us each [A]. */
static void fill_rates(struct mix_rate rate[MIX_WORKS], const struct device *d, double width,
                       double best)
{
    double hbm = d->hbm * 1e12;

    rate[MIX_WORK_DENSE] = products(0.896 * hbm, width, best, 3);
    rate[MIX_WORK_EXPERTS] = products(0.854 * hbm, width, 0.68 * best, 1.5);
    rate[MIX_WORK_ATTENTION] = (struct mix_rate){
        .launch = 5e-6,
        .bandwidth = 0.896 * hbm,
        .points = 2,
        .rows = {1, 1024},
        .speed = {0.83 * best, 0.93 * best},
    };
    rate[MIX_WORK_MEMORY] = (struct mix_rate){
        .launch = 3e-6,
        .bandwidth = 0.8 * hbm,
        .points = 1,
        .rows = {1},
        .speed = {d->tf_f32 * 1e12},
    };
}

bool mix_machine_preset(struct mix_machine *m, const char *name)
{
    const struct device *d = NULL;

    for (int i = 0; i < DEVICES; i++)
        if (strcmp(devices[i].name, name) == 0)
            d = &devices[i];
    if (!d)
        return false;
    *m = (struct mix_machine){
        .device = "cuda",
        /* An H200 of "141 GB" says 143,771 MiB; libraries keep 3.9 GB of a device [A]. */
        .memory = d->gib * 1073741824.0 * 0.9957,
        .reserved = 3.9e9,
    };
    snprintf(m->name, sizeof m->name, "%s", d->name);
    m->link[MIX_LINK_INSIDE] = link_inside(d);
    m->link[MIX_LINK_BETWEEN] = link_between(d);
    fill_rates(m->rate[MIX_MACHINE_F32], d, 4, 0.8 * d->tf_f32 * 1e12);
    fill_rates(m->rate[MIX_MACHINE_BF16], d, 2, d->tf * 1e12);
    return true;
}

const char *mix_machine_presets(void)
{
    return "a100, h20, h100, h200, b200, mi300x, 910b";
}
