/* exchange.c - tokens to experts and back, against a double precision loop on every rank.
 *
 * All weights, tokens and routings follow from a seed, so every rank knows what it must get.  Each
 * rank holds its slice of every expert, out = D silu(G x): rows of G, columns of D. */
#include "exchange/exchange.h"
#include "base/dtype.h"
#include "base/err.h"
#include "base/log.h"
#include "base/rng.h"
#include "kernels/kernels.h"
#include "rig.h"
#include "tap_mpi.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { HIDDEN = 40, EXPERTS = 6, INNER = 22, MAX_TOKENS = 96, MAX_K = EXPERTS };

static struct mix_comm *comm;
static struct mix_group *group;
static struct mix_dev *dev;
static int size, me;

/* ---- everything from a seed */

/* Uniform in [-1, 1): number i of stream s. */
static float number(uint32_t s, uint32_t i)
{
    uint32_t word[4], counter[4] = {i, s, 0, 0}, key[2] = {12345, 0};

    mix_philox(word, counter, key);
    return (float)((double)word[0] * 0x1p-31 - 1.0);
}

static float weight_in(int e, int i, int c)
{
    return number(1, (uint32_t)((e * INNER + i) * HIDDEN + c)) * 0.3f;
}

static float weight_out(int e, int c, int i)
{
    return number(2, (uint32_t)((e * HIDDEN + c) * INNER + i)) * 0.3f;
}

struct batch {
    const char *what;
    enum mix_dtype type;
    int k, total, tokens[8];     /* by owner */
    float x[MAX_TOKENS][HIDDEN]; /* as the type rounds them */
    float y[MAX_TOKENS][HIDDEN]; /* what y is before */
    int32_t expert[MAX_TOKENS * MAX_K];
    float weight[MAX_TOKENS * MAX_K];
};

static float rounded(float x, enum mix_dtype type)
{
    return type == MIX_BF16 ? mix_bf16_to_f32(mix_f32_to_bf16(x)) : x;
}

static double silu(double v)
{
    return v / (1 + exp(-v));
}

/* ---- the local experts */

static int run_experts(void *ctx, float *out, const void *x, const int *first)
{
    const struct batch *b = ctx;
    struct mix_part mine = mix_split(INNER, size, me);

    for (int e = 0; e < EXPERTS; e++)
        for (int r = first[e]; r < first[e + 1]; r++) {
            float inner[INNER], row[HIDDEN];

            for (int c = 0; c < HIDDEN; c++)
                row[c] = b->type == MIX_BF16
                             ? mix_bf16_to_f32(((const uint16_t *)x)[r * HIDDEN + c])
                             : ((const float *)x)[r * HIDDEN + c];
            for (int i = 0; i < mine.count; i++) {
                float sum = 0;

                for (int c = 0; c < HIDDEN; c++)
                    sum += weight_in(e, mine.first + i, c) * row[c];
                inner[i] = (float)silu(sum);
            }
            for (int c = 0; c < HIDDEN; c++) {
                float sum = 0;

                for (int i = 0; i < mine.count; i++)
                    sum += weight_out(e, c, mine.first + i) * inner[i];
                out[r * HIDDEN + c] = sum;
            }
        }
    return MIX_OK;
}

static void expected(double *y, const struct batch *b, int t)
{
    for (int c = 0; c < HIDDEN; c++)
        y[c] = (double)b->y[t][c];
    for (int j = 0; j < b->k; j++) {
        int e = b->expert[t * b->k + j];
        double inner[INNER];

        for (int i = 0; i < INNER; i++) {
            double sum = 0;

            for (int c = 0; c < HIDDEN; c++)
                sum += (double)weight_in(e, i, c) * (double)b->x[t][c];
            inner[i] = silu(sum);
        }
        for (int c = 0; c < HIDDEN; c++)
            for (int i = 0; i < INNER; i++)
                y[c] += (double)b->weight[t * b->k + j] * (double)weight_out(e, c, i) * inner[i];
    }
}

/* ---- one exchange */

static int exchange(float *y, const struct batch *b)
{
    int rc = MIX_OK, first = 0, mine = b->tokens[me];
    uint16_t narrow[MAX_TOKENS * HIDDEN];
    struct mix_exchange *e = NULL;
    struct mix_exchange_config config = {
        .dev = dev,
        .group = group,
        .kind = MIX_EXCHANGE_TP,
        .type = b->type,
        .hidden = HIDDEN,
        .experts = EXPERTS,
        .k = b->k,
        .max_tokens = MAX_TOKENS,
        .max_owned = MAX_TOKENS,
    };

    for (int i = 0; i < me; i++)
        first += b->tokens[i];
    for (int i = 0; i < mine * HIDDEN; i++)
        narrow[i] = mix_f32_to_bf16(b->x[first + i / HIDDEN][i % HIDDEN]);
    struct mix_exchange_step step = {
        .x = b->type == MIX_BF16 ? (const void *)narrow : b->x[first],
        .expert = b->expert + first * b->k,
        .weight = b->weight + first * b->k,
        .tokens = b->tokens,
        .run = run_experts,
        .ctx = (void *)b,
    };
    memcpy(y, b->y[first], sizeof *y * (size_t)(mine * HIDDEN));
    TRY(mix_exchange_open(&e, &config));
    for (int again = 0; again < 2; again++) { /* a second step finds no traces of the first */
        memcpy(y, b->y[first], sizeof *y * (size_t)(mine * HIDDEN));
        TRY(mix_exchange_start(e, &step));
        TRY(mix_exchange_finish(e, y));
    }
out:
    mix_exchange_close(e);
    return rc;
}

/* ---- batches */

enum routing { RANDOM, ALL_TO_ONE };

static void make_batch(struct batch *b, uint32_t seed, int k, enum routing routing,
                       enum mix_dtype type, const int *tokens)
{
    b->k = k;
    b->type = type;
    b->total = 0;
    for (int i = 0; i < size; i++)
        b->total += b->tokens[i] = tokens[i];
    for (int t = 0; t < b->total; t++) {
        int left[EXPERTS] = {0, 1, 2, 3, 4, 5};
        uint32_t of_token = seed * 1000 + (uint32_t)t;

        for (int c = 0; c < HIDDEN; c++) {
            b->x[t][c] = rounded(number(3, of_token * HIDDEN + (uint32_t)c), type);
            b->y[t][c] = number(4, of_token * HIDDEN + (uint32_t)c);
        }
        for (int j = 0; j < k; j++) {
            float u = number(5, of_token * MAX_K + (uint32_t)j) * 0.5f + 0.5f;
            int at = routing == ALL_TO_ONE ? (j == 0 ? 4 : 0) : (int)(u * (float)(EXPERTS - j));

            b->expert[t * k + j] = left[at];
            memmove(left + at, left + at + 1, sizeof *left * (size_t)(EXPERTS - j - at - 1));
            b->weight[t * k + j] = number(6, of_token * MAX_K + (uint32_t)j);
        }
    }
}

static int first_of(const struct batch *b)
{
    int first = 0;

    for (int i = 0; i < me; i++)
        first += b->tokens[i];
    return first;
}

/* The largest error of my tokens as a share of the largest |y|; infinite if the exchange failed. */
static double error_of(const struct batch *b)
{
    float y[MAX_TOKENS * HIDDEN];
    double error = 0, largest = 1e-30, want[HIDDEN];
    int first = first_of(b);

    if (exchange(y, b) != MIX_OK)
        return INFINITY;
    for (int t = 0; t < b->tokens[me]; t++) {
        expected(want, b, first + t);
        for (int c = 0; c < HIDDEN; c++) {
            error = fmax(error, fabs((double)y[t * HIDDEN + c] - want[c]));
            largest = fmax(largest, fabs(want[c]));
        }
    }
    return error / largest;
}

/* How many tokens each owner has: shapes that go wrong where code is careless. */
static void owners(int *tokens, int shape)
{
    for (int i = 0; i < size; i++)
        switch (shape) {
        case 0: /* even */
            tokens[i] = 8;
            break;
        case 1: /* one token in all, at the last */
            tokens[i] = i == size - 1;
            break;
        case 2: /* every other owner is empty */
            tokens[i] = i % 2 ? 0 : 11;
            break;
        case 3: /* uneven */
            tokens[i] = 3 * i + 1;
            break;
        case 4: /* none at all */
            tokens[i] = 0;
            break;
        default: /* all at one */
            tokens[i] = i == size / 2 ? MAX_TOKENS : 0;
        }
}

static void against_double(struct batch *b)
{
    static const char *const shapes[] = {"even owners",   "a single token", "empty owners",
                                         "uneven owners", "no tokens",      "all at one owner"};
    static const int ks[] = {1, 3, EXPERTS};
    int tokens[8];

    for (int shape = 0; shape < 6; shape++)
        for (int i = 0; i < 3; i++) {
            double worst = 0;

            owners(tokens, shape);
            for (int type = 0; type < 2; type++)
                for (int routing = 0; routing < 2; routing++) {
                    make_batch(b, (uint32_t)(shape * 10 + i), ks[i], (enum routing)routing,
                               type ? MIX_BF16 : MIX_F32, tokens);
                    worst = fmax(worst, error_of(b));
                }
            ok_all(worst <= 2e-6, "%s, %d of %d experts: within 2e-6 (rank 0: %.1e)", shapes[shape],
                   ks[i], EXPERTS, worst);
        }
}

/* A token's bits, alone at one owner and among others at another. */
static void bits(struct batch *b, struct batch *one)
{
    float alone[HIDDEN], y[MAX_TOKENS * HIDDEN];
    int tokens[8] = {0}, bad = 0;

    for (int n = 1; n <= MAX_TOKENS; n += n < 8 ? 1 : 11) {
        int rc, t = (n * 5) % n;

        for (int i = 0; i < size; i++)
            tokens[i] = mix_split(n, size, i).count;
        make_batch(b, (uint32_t)n, 3, RANDOM, MIX_F32, tokens);
        for (int owner = 0; owner < size; owner++) {
            float from[HIDDEN], with[HIDDEN] = {0};
            int at = t - first_of(b);

            memset(tokens, 0, sizeof tokens);
            tokens[owner] = 1;
            make_batch(one, 0, 3, RANDOM, MIX_F32, tokens);
            memcpy(one->x, b->x[t], sizeof one->x[0]);
            memcpy(one->y, b->y[t], sizeof one->y[0]);
            memcpy(one->expert, b->expert + 3 * t, sizeof(int32_t) * 3);
            memcpy(one->weight, b->weight + 3 * t, sizeof(float) * 3);
            rc = exchange(alone, one);
            rc = rc ? rc : exchange(y, b);
            bad += rc != MIX_OK;
            memset(from, 0, sizeof from);
            if (owner == me)
                memcpy(from, alone, sizeof from);
            if (at >= 0 && at < b->tokens[me])
                memcpy(with, y + at * HIDDEN, sizeof with);
            MPI_Allreduce(MPI_IN_PLACE, from, HIDDEN, MPI_INT, MPI_BOR, MPI_COMM_WORLD);
            MPI_Allreduce(MPI_IN_PLACE, with, HIDDEN, MPI_INT, MPI_BOR, MPI_COMM_WORLD);
            bad += memcmp(from, with, sizeof from) != 0;
        }
    }
    ok_all(bad == 0, "a token's bits are the same alone, among others, at another owner");
}

/* The planner counts on this. */
static void counted_bytes(void)
{
    struct mix_exchange *e = NULL;
    struct mix_exchange_config config = {.dev = dev,
                                         .group = group,
                                         .type = MIX_BF16,
                                         .hidden = HIDDEN,
                                         .experts = EXPERTS,
                                         .k = 2,
                                         .max_tokens = MAX_TOKENS,
                                         .max_owned = 17};
    size_t before = mix_dev_allocated(dev), used;

    if (mix_exchange_open(&e, &config) == MIX_OK) {
        used = mix_dev_allocated(dev) - before;
        ok_all(used == mix_exchange_bytes(&config, size), "it takes %zu bytes, as it says", used);
    }
    mix_exchange_close(e);
    ok_all(mix_dev_allocated(dev) == before, "and gives them back");
}

static void refused(struct batch *b)
{
    int tokens[8], rc;
    float y[MAX_TOKENS * HIDDEN];

    mix_log_level(MIX_LOG_SILENT);
    owners(tokens, 0);
    make_batch(b, 1, 2, RANDOM, MIX_F32, tokens);
    for (int t = 0; t < b->total; t++)
        b->expert[2 * t] = EXPERTS;
    rc = exchange(y, b);
    ok_all(rc == MIX_EBUG, "an expert that does not exist is refused");
    mix_log_level(MIX_LOG_INFO);
}

int main(void)
{
    struct batch *b = calloc(2, sizeof *b);
    int world[8];

    if (!b || rig_comm(&comm) != MIX_OK)
        return 1;
    size = mix_comm_size(comm);
    me = mix_comm_rank(comm);
    for (int i = 0; i < size; i++)
        world[i] = i;
    if (me > 0)
        tap_mute();
    if (mix_dev_open(&dev, "cpu", 0, 1) != MIX_OK ||
        mix_group_open(&group, comm, "test", world, size) != MIX_OK)
        return 1;
    against_double(b);
    bits(b, b + 1);
    counted_bytes();
    refused(b);
    mix_group_close(group);
    mix_dev_close(dev);
    free(b);
    rig_comm_close(comm);
    return tap_done();
}
