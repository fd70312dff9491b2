/* exp.c - the exponential of exp.h against double precision. */
#include "kernels/exp.h"

#include "tap.h"

#include <float.h>

static float of_bits(uint32_t bits)
{
    float f;

    memcpy(&f, &bits, sizeof f);
    return f;
}

/* Units in the last place between mix_exp(x) and exp(x). */
static double error(float x)
{
    double want = exp((double)x);
    int exponent;

    frexp(want, &exponent);
    return fabs((double)mix_exp(x) - want) / ldexp(1.0, exponent - FLT_MANT_DIG);
}

int main(void)
{
    double most = 0, at = 0;
    bool rises = true;

    /* Every 97th float of both signs up to the ends of the range. */
    for (uint32_t bits = 0; of_bits(bits) <= 88.72f; bits += 97)
        for (int sign = 0; sign < 2; sign++) {
            float x = sign ? -of_bits(bits) : of_bits(bits);
            double e = x < -86.5f ? 0 : error(x);

            if (e > most)
                most = e, at = x;
        }
    ok(most < 2, "exp is within 2 units in the last place (%.3f at %g)", most, at);
    for (float x = -86.5f; x < 88.0f; x += 0.01f)
        rises = rises && mix_exp(x) < mix_exp(x + 0.01f);
    ok(rises, "exp rises");
    ok(mix_exp(0) == 1.0f && mix_exp(-0.0f) == 1.0f, "exp(0) is exactly 1");
    ok(mix_exp(-INFINITY) == 0.0f, "exp(-inf) is 0: a masked score");
    ok(mix_exp(-86.6f) == 0.0f && mix_exp(-FLT_MAX) == 0.0f, "below -86.5 it is 0");
    ok(isinf(mix_exp(INFINITY)) && isinf(mix_exp(88.73f)) && isinf(mix_exp(FLT_MAX)),
       "beyond 88.72 it is infinity");
    ok(isfinite(mix_exp(88.72f)), "not at 88.72");
    ok(isnan(mix_exp(NAN)) && isnan(mix_exp(-NAN)), "a NaN stays one");
    return tap_done();
}
