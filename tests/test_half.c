/* test_half.c: half precision against a slow specification: the table of all halves, searched for the
 * nearest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "core/half.h"
#include "core/random.h"

static double value_of[0x7C00]; /* of the finite halves >= 0, ascending as their bits do */

static int set_up(void **state) {
    (void)state;
    for (int bits = 0; bits < 0x7C00; bits++) {
        int exponent = bits >> 10, fraction = bits & 0x3FF;
        value_of[bits] = exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);
    }
    return 0;
}

/* The definition of IEEE 754: the nearest value, ties to the even one; infinity is where 65536 would be. */
static uint16_t specified_half(float value) {
    uint16_t sign = signbit(value) ? 0x8000 : 0;
    double x = fabs((double)value);
    int low = 0, high = 0x7C00; /* value_of[low] <= x, and x < the one at high */
    if (x >= 65536) return sign | 0x7C00;
    while (high - low > 1) {
        int middle = (low + high) / 2;
        if (value_of[middle] <= x)
            low = middle;
        else
            high = middle;
    }
    double above = high == 0x7C00 ? 65536 : value_of[high], down = x - value_of[low], up = above - x;
    return sign | (uint16_t)(down < up || (down == up && low % 2 == 0) ? low : high);
}

static void check_rounding(const float *values, size_t n) {
    uint16_t fast[64], plain[64];
    rkv_floats_to_halves(values, fast, n);
    rkv_floats_to_halves_plain(values, plain, n);
    for (size_t i = 0; i < n; i++) {
        if (!isnan(values[i]))
            assert_int_equal(plain[i], specified_half(values[i]));
        else
            assert_true((plain[i] & 0x7FFF) > 0x7E00 - 1);
        assert_int_equal(fast[i], plain[i]);
    }
}

static void test_every_half_survives(void **state) {
    (void)state;
    static uint16_t halves[65536], back[65536];
    static float fast[65536], plain[65536];
    for (int i = 0; i < 65536; i++)
        halves[i] = (uint16_t)i;
    rkv_halves_to_floats(halves, fast, 65536);
    rkv_halves_to_floats_plain(halves, plain, 65536);
    assert_memory_equal(fast, plain, sizeof fast);
    rkv_floats_to_halves(fast, back, 65536);
    for (int i = 0; i < 65536; i++) {
        int magnitude = i & 0x7FFF;
        if (magnitude < 0x7C00) assert_true((double)fabsf(fast[i]) == value_of[magnitude]);
        if (magnitude < 0x7C00) {
            float one = rkv_half_finite((uint16_t)i);
            assert_memory_equal(&one, &fast[i], sizeof one);
        }
        assert_int_equal(!!signbit(fast[i]), i >> 15);
        assert_int_equal(back[i], magnitude > 0x7C00 ? i | 0x0200 : i); /* a NaN becomes quiet */
    }
}

/* Around every half and every midpoint of two: there, and one float below and above. */
static void test_ties_and_their_neighbours(void **state) {
    (void)state;
    for (int i = 0; i < 0x7C00; i++) {
        float here = (float)value_of[i];
        float middle = (float)((value_of[i] + (i + 1 < 0x7C00 ? value_of[i + 1] : 65536)) / 2);
        float values[18] = {here,   nextafterf(here, -1e9f),   nextafterf(here, 1e9f),
                            middle, nextafterf(middle, -1e9f), nextafterf(middle, 1e9f)};
        for (int k = 0; k < 6; k++)
            values[6 + k] = -values[k];
        check_rounding(values, 18);
    }
}

static void test_random_floats(void **state) {
    (void)state;
    rkv_random random = {20260101};
    for (int round = 0; round < 20000; round++) {
        float values[64];
        for (int i = 0; i < 64; i++) { /* any bits; or an exponent in and around the range of halves */
            uint32_t bits = (uint32_t)rkv_random_next(&random);
            if (i % 2) bits = (bits & 0x807FFFFFu) | (uint32_t)(100 + rkv_random_below(&random, 45)) << 23;
            memcpy(&values[i], &bits, sizeof bits);
        }
        check_rounding(values, 1 + rkv_random_below(&random, 64));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_half_survives),
        cmocka_unit_test(test_ties_and_their_neighbours),
        cmocka_unit_test(test_random_floats),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
