/* exp.h - exp in fp32, without branches, so that loops over it become vector code.
 *
 * Within 2 units in the last place of exp for -86.5 <= x <= 88.72 (tests/kernels/exp.c
 * compares every 97th float with double precision); 0 below, infinity above, so
 * exp(-inf) = 0; a NaN stays one.
 *
 * x = n ln2 + r with |r| <= ln2 / 2, exp(x) = 2^n (1 + r + r^2 q(r)); q is the
 * least-maximum fit of degree 4 (relative error 3.1e-9).  ln2 is taken off in two parts
 * (Cody and Waite), of which n * the first is exact.  n comes out of the low bits
 * of x / ln2 + 1.5 * 2^23. */
#ifndef MIX_KERN_EXP_H
#define MIX_KERN_EXP_H

#include <math.h>
#include <stdint.h>
#include <string.h>

static inline __attribute__((always_inline)) float mix_exp(float x)
{
    const float low = -86.5f, high = 88.73f, round = 12582912.0f;
    float in = x < low ? low : x, t, n, r, q, scale, y;
    uint32_t bits;

    in = in > high ? high : in;
    t = in * 1.44269502f + round;
    n = t - round;
    r = in - n * 0.693359375f;
    r = r - n * -2.12194440e-4f;
    q = 0.0013814174f;
    q = q * r + 0.0083689215f;
    q = q * r + 0.041668408f;
    q = q * r + 0.1666652f;
    q = q * r + 0.49999994f;
    q = q * r + 1.0f;
    q = q * r + 1.0f;
    /* 2^(n - 1), so that n = 128 is no overflow before the result is one. */
    memcpy(&bits, &t, sizeof bits);
    bits = (bits << 23) + (126u << 23);
    memcpy(&scale, &bits, sizeof scale);
    y = (q + q) * scale;
    return x < low ? 0.0f : y;
}

#endif
