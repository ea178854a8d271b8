/* test_tensor_type.c: the decoders of all tensor types, held to the Python package gguf and to IEEE 754. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/memory.h"
#include "io/dequantize.h"
#include "io/gguf.h"
#include "io/tensor_type.h"

/* Equal bit for bit (dequantize.h says why no tolerance is needed); any NaN for a NaN. */
static void assert_same_floats(const char *name, const float *values, const float *expected, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (isnan(values[i]) && isnan(expected[i])) continue;
        if (memcmp(values + i, expected + i, sizeof *values) != 0)
            fail_msg("%s: element %zu is %a, expected %a", name, i, (double)values[i], (double)expected[i]);
    }
}

/* The definition of half precision, by arithmetic. */
static float half_by_definition(unsigned bits) {
    int exponent = bits >> 10 & 31, fraction = bits & 1023;
    double sign = bits & 0x8000 ? -1 : 1;
    if (exponent == 31) return (float)(fraction ? NAN : sign * INFINITY);
    if (exponent == 0) return (float)(sign * ldexp(fraction, -24));
    return (float)(sign * ldexp(1024 + fraction, exponent - 25));
}

static void test_every_half(void **state) {
    (void)state;
    for (unsigned bits = 0; bits < 65536; bits++) {
        float value = rkv_half_to_float((uint16_t)bits), expected = half_by_definition(bits);
        assert_same_floats("half", &value, &expected, 1);
        if (isnan(value)) assert_int_equal(signbit(value) != 0, bits >> 15);
    }
}

static void test_table(void **state) {
    (void)state;
    const rkv_tensor_type *type;
    for (size_t i = 0; (type = rkv_tensor_type_at(i)); i++) {
        assert_ptr_equal(rkv_tensor_type_find(type->id), type);
        assert_string_equal(rkv_tensor_type_name(type->id), type->name);
        assert_true(type->block_elements > 0 && type->block_bytes > 0 && type->decode);
    }
    assert_null(rkv_tensor_type_find(4)); /* a type that ggml removed */
    assert_null(rkv_tensor_type_find(UINT32_MAX));
    assert_string_equal(rkv_tensor_type_name(10), "Q2_K");
    assert_string_equal(rkv_tensor_type_name(UINT32_MAX), "unknown");
}

static const rkv_gguf_tensor *oracle(const rkv_gguf *file, const char *type, const char *what) {
    char name[64];
    snprintf(name, sizeof name, "%s.%s", type, what);
    const rkv_gguf_tensor *tensor = rkv_gguf_tensor_find(file, name);
    if (!tensor) fail_msg("tests/data/dequant.gguf has no tensor %s: extend tests/ref/make_dequant.py", name);
    return tensor;
}

/* Decodes from shifted (unaligned) copies, and one block at a time: neither may matter. */
static void check_type(const rkv_gguf *file, const rkv_tensor_type *type) {
    const rkv_gguf_tensor *blocks = oracle(file, type->name, "blocks");
    const rkv_gguf_tensor *expected = oracle(file, type->name, "values");
    assert_ptr_equal(blocks->type, type);
    assert_int_equal(blocks->n_elements, expected->n_elements);
    size_t n = blocks->n_elements;
    float *values;
    unsigned char *shifted;
    assert_int_equal(rkv_alloc(&values, n, sizeof *values), RKV_OK);
    assert_int_equal(rkv_alloc(&shifted, blocks->bytes + 1, 1), RKV_OK);
    type->decode(blocks->data, values, n);
    assert_same_floats(type->name, values, expected->data, n);
    memcpy(shifted + 1, blocks->data, blocks->bytes);
    memset(values, 0xFF, n * sizeof *values);
    for (size_t i = 0; i < n; i += type->block_elements)
        type->decode(shifted + 1 + i / type->block_elements * type->block_bytes, values + i,
                     type->block_elements);
    assert_same_floats(type->name, values, expected->data, n);
    free(values);
    free(shifted);
}

static void test_every_type_decodes_like_gguf_py(void **state) {
    (void)state;
    rkv_gguf *file;
    if (rkv_gguf_open(&file, RKV_TEST_DIR "/data/dequant.gguf")) fail_msg("%s", rkv_message());
    const rkv_tensor_type *type;
    for (size_t i = 0; (type = rkv_tensor_type_at(i)); i++)
        check_type(file, type);
    rkv_gguf_close(file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_half),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_every_type_decodes_like_gguf_py),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
