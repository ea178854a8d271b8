/* device_data.c: random numbers, and host arrays in a backend's device memory. */
#include "support/device_data.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

rkv_random dice = {42};

float *random_floats(size_t n) {
    float *x = malloc((n + 1) * sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(2 * rkv_random_unit(&dice) - 1);
    return x;
}

float *empty_device(rkv_backend *b, size_t n) {
    float *memory = NULL;
    assert_int_equal(b->ops->alloc(b, &memory, n), RKV_OK);
    return memory;
}

float *random_attention(size_t n) {
    float *a = calloc(n * n, sizeof *a);
    for (size_t i = 0; i < n; i++) {
        double total = 0, sharp = 12 * rkv_random_unit(&dice);
        for (size_t j = 0; j <= i; j++)
            total += (double)(a[i * n + j] =
                                  j > 0 && j % 17 == 3 ? 0 : (float)exp(sharp * rkv_random_unit(&dice)));
        for (size_t j = 0; j <= i; j++)
            a[i * n + j] = (float)((double)a[i * n + j] / total);
    }
    return a;
}

float *on_device(rkv_backend *b, const float *host, size_t n) {
    float *memory = empty_device(b, n);
    assert_int_equal(b->ops->upload(b, memory, host, n), RKV_OK);
    return memory;
}
