/* test_bare.c: keys and values without a model: every dtype and method there and back, what is measured, what
 * is refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <omp.h>

#include "compressors/method.h"
#include "core/random.h"
#include "io/dtype.h"
#include "support/failing_allocator.h"

static const rkv_kv_random_options plain = {.seed = 3, .outlier_scale = 1};

/* Keys, values, and what was restored of them. */
typedef struct kv {
    rkv_kv_tensor keys, values, restored_keys, restored_values;
    rkv_kv_report report;
} kv;

static rkv_kv_tensor make_tensor(rkv_dtype dtype, size_t batch, size_t heads, size_t tokens, size_t dim,
                                 uint64_t seed) {
    rkv_kv_tensor tensor = {NULL, dtype, batch, heads, tokens, dim};
    const rkv_kv_random_options options = {seed, dim > 4 ? 4 : 0, 10};
    if (rkv_kv_random(&tensor, &options)) fail_msg("%s", rkv_message());
    return tensor;
}

static kv make(rkv_dtype dtype, size_t batch, size_t heads, size_t tokens, size_t dim) {
    kv out = {.keys = make_tensor(dtype, batch, heads, tokens, dim, 1)};
    out.values = make_tensor(dtype, batch, heads, tokens, dim, 2);
    out.restored_keys = make_tensor(dtype, batch, heads, tokens, dim, 3);
    out.restored_values = make_tensor(dtype, batch, heads, tokens, dim, 4);
    return out;
}

static void clear(kv *t) {
    rkv_kv_tensor *all[] = {&t->keys, &t->values, &t->restored_keys, &t->restored_values};
    for (size_t i = 0; i < 4; i++)
        rkv_free(all[i]->data);
}

static rkv_status run(kv *t, const char *method, size_t budget) {
    const rkv_kv_options options = {.method = method, .budget = budget, .seed = 5};
    return rkv_kv_compress(&t->keys, &t->values, &options, &t->restored_keys, &t->restored_values,
                           &t->report);
}

static void run_well(kv *t, const char *method, size_t budget) {
    if (run(t, method, budget)) fail_msg("%s: %s", method, rkv_message());
}

static double element(const rkv_kv_tensor *tensor, size_t i) {
    float value;
    const rkv_dtype_info *info = rkv_dtype_get(tensor->dtype);
    info->to_floats((const char *)tensor->data + i * info->bytes, &value, 1);
    return value;
}

static size_t count(const rkv_kv_tensor *tensor) {
    return tensor->batch * tensor->heads * tensor->tokens * tensor->dim;
}

/* Whether an entry (a row of dim elements) was restored: evicted ones are zero. */
static bool is_kept(const rkv_kv_tensor *restored, size_t row) {
    for (size_t d = 0; d < restored->dim; d++)
        if (element(restored, row * restored->dim + d) != 0) return true;
    return false;
}

/* ---- there and back ---- */

/* What the report says, counted again in the tensors. */
static void check_report(const kv *t, const char *method) {
    const rkv_kv_tensor *original[] = {&t->keys, &t->values},
                        *restored[] = {&t->restored_keys, &t->restored_values};
    const double said[] = {t->report.key_error, t->report.value_error};
    size_t dim = t->keys.dim, bytes = rkv_dtype_get(t->keys.dtype)->bytes;
    for (int k = 0; k < 2; k++) {
        double error = 0, norm = 0;
        size_t kept = 0;
        for (size_t row = 0; row < count(original[k]) / dim; row++) {
            if (!is_kept(restored[k], row)) continue;
            kept++;
            for (size_t i = row * dim; i < (row + 1) * dim; i++) {
                error += pow(element(restored[k], i) - element(original[k], i), 2);
                norm += pow(element(original[k], i), 2);
            }
        }
        assert_int_equal(t->report.n_kept, kept);
        if (fabs(said[k] - sqrt(error / norm)) > 1e-9)
            fail_msg("%s: %g, not %g", method, said[k], sqrt(error / norm));
    }
    assert_int_equal(t->report.original_bytes, 2 * bytes * count(&t->keys));
    assert_true(t->report.compress_s > 0 && t->report.restore_s > 0);
    assert_true(t->report.compressed_bytes > 0);
}

/* Every method of the table that can, in every dtype, alone and after a window. */
static void test_every_method(void **state) {
    (void)state;
    const rkv_method *method;
    size_t n = 0;
    for (rkv_dtype dtype = RKV_DTYPE_F32; rkv_dtype_name(dtype); dtype++) {
        kv t = make(dtype, 2, 3, 50, 16);
        for (size_t m = 0; (method = rkv_method_at(m)); m++) {
            char spec[64];
            bool bare = !(method->needs & (RKV_NEEDS_QUERIES | RKV_NEEDS_SUMS | RKV_NEEDS_TOKENS));
            if (!bare) {
                assert_int_equal(run(&t, method->name, 20), RKV_USAGE);
                continue;
            }
            run_well(&t, method->name, 20);
            check_report(&t, method->name);
            snprintf(spec, sizeof spec, "window:budget=30+%s", method->name);
            run_well(&t, spec, 20);
            check_report(&t, spec);
            assert_true(t.report.n_kept <= 30 * 6);
            n++;
        }
        clear(&t);
    }
    assert_true(n >= 3 * 8);
}

/* Without a representation, what stays comes back bit for bit. */
static void test_same_bits(void **state) {
    (void)state;
    static const struct {
        const char *method;
        size_t budget, first; /* the first entry that stays */
    } cases[] = {{NULL, 0, 0},
                 {"full", 0, 0},
                 {"window", 12, 28},
                 {"window:budget=7", 12, 33},
                 {"window:ratio=0.5", 12, 20},
                 {"window:ratio=0.001", 12, 39}, /* one at least, as in a session */
                 {"window+window:budget=5", 12, 35},
                 {"window", 100, 0}};
    for (rkv_dtype dtype = RKV_DTYPE_F32; rkv_dtype_name(dtype); dtype++) {
        kv t = make(dtype, 1, 2, 40, 10);
        size_t row = 10 * rkv_dtype_get(dtype)->bytes;
        for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
            run_well(&t, cases[c].method, cases[c].budget);
            assert_true(t.report.key_error == 0 && t.report.value_error == 0);
            assert_int_equal(t.report.n_kept, 2 * (40 - cases[c].first));
            for (size_t i = 0; i < 80; i++) {
                const char *was = (char *)t.keys.data + i * row, *is = (char *)t.restored_keys.data + i * row;
                if (i % 40 >= cases[c].first)
                    assert_memory_equal(is, was, row);
                else
                    assert_false(is_kept(&t.restored_keys, i));
            }
        }
        clear(&t);
    }
}

/* A ratio means what it does in a session: 29 of 100, though 0.29 times 100 is a little less in double. */
static void test_ratio(void **state) {
    (void)state;
    kv t = make(RKV_DTYPE_F32, 1, 1, 100, 4);
    run_well(&t, "window:ratio=0.29", 0);
    assert_int_equal(t.report.n_kept, 29);
    clear(&t);
}

/* The parts work in the order written: a window of what keeps low norms is not low norms of a window. */
static void test_order(void **state) {
    (void)state;
    kv t = make(RKV_DTYPE_F32, 1, 1, 60, 8);
    bool kept[2][60];
    const char *const specs[] = {"knorm:budget=20+window:budget=10", "window:budget=20+knorm:budget=10"};
    for (int k = 0; k < 2; k++) {
        run_well(&t, specs[k], 0);
        assert_int_equal(t.report.n_kept, 10);
        for (size_t i = 0; i < 60; i++)
            kept[k][i] = is_kept(&t.restored_keys, i);
    }
    size_t early[2] = {0};
    for (size_t i = 0; i < 40; i++)
        for (int k = 0; k < 2; k++)
            early[k] += kept[k][i];
    assert_int_equal(early[1], 0);
    assert_true(early[0] > 0);
    run_well(&t, "int4:group=4+window:budget=10", 0); /* scales of all entries ... */
    double all = t.report.key_error;
    run_well(&t, "window:budget=10+int4:group=4", 0); /* ... or of those that stay */
    assert_true(all > 0 && all != t.report.key_error);
    run_well(&t, "lowrank:rank=3+int8", 0);
    double both = t.report.value_error;
    run_well(&t, "lowrank:rank=3", 0);
    assert_true(both > t.report.value_error && both < t.report.value_error + 0.01);
    clear(&t);
}

/* ---- bytes ---- */

/* The reference points: 2, 4 and 8 times fewer bytes than 16 bits take, less what scales and zero points take
 * (32 bits a group), and 0.1 % for the lists themselves. */
static void test_bytes(void **state) {
    (void)state;
    static const struct {
        const char *method;
        double ratio;
    } cases[] = {
        {"full", 1},
        {"window:budget=256", 2},
        {"int8", 16.0 / (8 + 32.0 / 64)},
        {"int8+window:budget=256", 2 * 16.0 / (8 + 32.0 / 64)},
        {"window:budget=256+int4", 2 * 16.0 / (4 + 32.0 / 32)},
        {"int8:group=128", 16.0 / (8 + 32.0 / 128)},
        {"window:budget=256+int8:group=128", 2 * 16.0 / (8 + 32.0 / 128)},
        {"window:budget=256+int4:group=128", 2 * 16.0 / (4 + 32.0 / 128)},
        {"lowrank:rank=32+bf16", 512 * 128.0 / (512 * 32 + 32 * 128 * 2)},
    };
    for (rkv_dtype dtype = RKV_DTYPE_F16; dtype <= RKV_DTYPE_BF16; dtype++) {
        kv t = make(dtype, 1, 2, 512, 128);
        for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
            run_well(&t, cases[c].method, 0);
            double ratio = (double)t.report.original_bytes / (double)t.report.compressed_bytes;
            if (!(ratio <= cases[c].ratio && ratio > 0.98 * cases[c].ratio))
                fail_msg("%s: %g, not %g", cases[c].method, ratio, cases[c].ratio);
        }
        clear(&t);
    }
}

/* The same whatever the threads, and without tensors to restore into. */
static void test_threads(void **state) {
    (void)state;
    kv t = make(RKV_DTYPE_BF16, 3, 5, 33, 12);
    rkv_kv_report one, none;
    const rkv_kv_options options = {.method = "random+int4", .budget = 16, .seed = 9, .repeats = 2};
    int threads = omp_get_max_threads();
    omp_set_num_threads(1);
    assert_int_equal(rkv_kv_compress(&t.keys, &t.values, &options, NULL, NULL, &one), RKV_OK);
    omp_set_num_threads(4);
    assert_int_equal(rkv_kv_compress(&t.keys, &t.values, &options, &t.restored_keys, NULL, &none), RKV_OK);
    omp_set_num_threads(threads);
    assert_true(one.key_error == none.key_error && one.value_error == none.value_error);
    assert_int_equal(one.compressed_bytes, none.compressed_bytes);
    size_t differ = 0; /* heads draw different entries */
    for (size_t i = 0; i < 33; i++)
        differ += is_kept(&t.restored_keys, i) != is_kept(&t.restored_keys, 33 + i);
    assert_true(differ > 0);
    clear(&t);
}

/* ---- random tensors ---- */

static void test_random(void **state) {
    (void)state;
    enum { T = 2000, D = 16 };
    rkv_kv_tensor a = {NULL, RKV_DTYPE_F32, 1, 2, T, D}, b = a, c = a;
    const rkv_kv_random_options outliers = {7, 3, 20}, other = {8, 3, 20};
    assert_int_equal(rkv_kv_random(&a, &outliers), RKV_OK);
    assert_int_equal(rkv_kv_random(&b, &outliers), RKV_OK);
    assert_int_equal(rkv_kv_random(&c, &other), RKV_OK);
    assert_memory_equal(a.data, b.data, 2 * T * D * sizeof(float));
    assert_memory_not_equal(a.data, c.data, 2 * T * D * sizeof(float));
    for (size_t h = 0; h < 2; h++) {
        size_t n_large = 0;
        for (size_t d = 0; d < D; d++) {
            double sum = 0, square = 0;
            for (size_t t = 0; t < T; t++) {
                double x = element(&a, (h * T + t) * D + d);
                sum += x / T;
                square += x * x / T;
            }
            bool large = square > 20;
            n_large += large;
            double deviation = sqrt(square) / (large ? 20 : 1);
            if (fabs(deviation - 1) > 0.08 || fabs(sum) > 0.12 * (large ? 20 : 1))
                fail_msg("channel %zu: mean %g, deviation %g", d, sum, deviation);
        }
        assert_int_equal(n_large, 3);
    }
    rkv_free(a.data);
    rkv_free(b.data);
    rkv_free(c.data);
}

/* ---- refusals ---- */

static void expect(rkv_status got, rkv_status wanted, const char *words) {
    if (got != wanted || !strstr(rkv_message(), words))
        fail_msg("%s, not \"%s\": \"%s\"", rkv_status_meaning(got), words, rkv_message());
}

static void test_refusals(void **state) {
    (void)state;
    kv t = make(RKV_DTYPE_F16, 1, 2, 8, 4);
    expect(run(&t, "snapkv", 4), RKV_USAGE, "snapkv looks at queries");
    expect(run(&t, "fastgen", 4), RKV_USAGE, "fastgen looks at");
    expect(run(&t, "window", 0), RKV_USAGE, "window has no budget");
    expect(run(&t, "streaming-llm", 2), RKV_USAGE, "below the");
    expect(run(&t, "windw", 4), RKV_USAGE, "windw");
    expect(run(&t, "streaming-llm:ratio=0.01", 0), RKV_USAGE, "budget 1 is below");
    kv wrong = t;
    wrong.values.dim = 2;
    expect(run(&wrong, "full", 0), RKV_USAGE, "values [1, 2, 8, 2] f16 differ from keys [1, 2, 8, 4] f16");
    wrong = t;
    wrong.restored_keys.dtype = RKV_DTYPE_BF16;
    expect(run(&wrong, "full", 0), RKV_USAGE, "restored keys");
    wrong = t;
    wrong.keys.heads = wrong.values.heads = 0;
    wrong.restored_keys.heads = wrong.restored_values.heads = 0;
    expect(run(&wrong, "full", 0), RKV_USAGE, "heads is 0");
    wrong = t;
    wrong.keys.dtype = (rkv_dtype)9;
    expect(run(&wrong, "full", 0), RKV_USAGE, "dtype 9");
    wrong = t;
    wrong.keys.data = NULL;
    expect(run(&wrong, "full", 0), RKV_USAGE, "keys: there is no data");
    clear(&t);
}

static void test_not_finite(void **state) {
    (void)state;
    static const uint32_t bad[][2] = {[RKV_DTYPE_F32] = {0x7F800000u, 0xFFC00001u},
                                      [RKV_DTYPE_F16] = {0x7C00u, 0xFE01u},
                                      [RKV_DTYPE_BF16] = {0xFF80u, 0x7F81u}};
    for (rkv_dtype dtype = RKV_DTYPE_F32; rkv_dtype_name(dtype); dtype++)
        for (int k = 0; k < 2; k++) {
            kv t = make(dtype, 2, 3, 5, 7);
            size_t at = ((1 * 3 + 2) * 5 + 4) * 7 + 6, bytes = rkv_dtype_get(dtype)->bytes;
            memcpy((char *)t.values.data + at * bytes, &bad[dtype][k], bytes);
            expect(run(&t, "full", 0), RKV_DATA, "values[1, 2, 4, 6] is not finite");
            memcpy((char *)t.values.data + (at - 40) * bytes, &bad[dtype][k], bytes);
            expect(run(&t, "full", 0), RKV_DATA, "values[1, 1, 4, 1] is not finite");
            clear(&t);
        }
}

/* Numbers that 16 bits cannot hold become the largest that they can, and the error says so. */
static void test_too_large(void **state) {
    (void)state;
    kv t = make(RKV_DTYPE_F32, 1, 1, 64, 4);
    ((float *)t.keys.data)[5] = 1e6f;
    static const char *const methods[] = {"f16", "int8", "int4"};
    for (size_t i = 0; i < 3; i++) {
        run_well(&t, methods[i], 0);
        assert_true(isfinite(t.report.key_error) && t.report.key_error > 0.9);
        for (size_t k = 0; k < count(&t.keys); k++)
            assert_true(isfinite(element(&t.restored_keys, k)));
    }
    clear(&t);
}

static void test_shapes_beyond_memory(void **state) {
    (void)state;
    rkv_kv_tensor t = {NULL, RKV_DTYPE_BF16, (size_t)1 << 20, 1 << 10, 1 << 10, 1 << 10};
    expect(rkv_kv_random(&t, &plain), RKV_NO_MEMORY, "2251799813685248 bytes");
    assert_null(t.data);
    t.batch = SIZE_MAX / 4;
    expect(rkv_kv_random(&t, &plain), RKV_USAGE, "more than memory can have");
    t = (rkv_kv_tensor){NULL, RKV_DTYPE_F32, 1, 1, 1, 3};
    expect(rkv_kv_random(&t, &(rkv_kv_random_options){0, 4, 10}), RKV_USAGE, "4 outlier channels of 3");
    expect(rkv_kv_random(&t, &(rkv_kv_random_options){0, 1, 0}), RKV_USAGE, "outlier scale");
}

static int stop_after_two(void *user, const char *stage, size_t done, size_t total) {
    (void)stage;
    (void)done;
    (void)total;
    return ++*(int *)user > 2;
}

static void test_cancelled(void **state) {
    (void)state;
    kv t = make(RKV_DTYPE_F32, 4, 4, 8, 4);
    int calls = 0, threads = omp_get_max_threads();
    const rkv_kv_options options = {.progress = {stop_after_two, &calls}};
    omp_set_num_threads(1); /* the calling thread alone reports, and might come to no work among several */
    assert_int_equal(rkv_kv_compress(&t.keys, &t.values, &options, NULL, NULL, &t.report), RKV_CANCELLED);
    omp_set_num_threads(threads);
    clear(&t);
}

/* The k-th allocation fails, for every k. */
static void test_memory(void **state) {
    (void)state;
    kv t = make(RKV_DTYPE_BF16, 1, 2, 40, 8);
    omp_set_num_threads(1);
    static const char *const methods[] = {"window+int4", "knorm+lowrank:rank=2+int8"};
    for (size_t i = 0; i < 2; i++)
        for (long k = 0;; k++) {
            allocations_left = k;
            allocation_failed = false;
            rkv_status status = run(&t, methods[i], 20);
            allocations_left = -1;
            if (!allocation_failed) {
                assert_int_equal(status, RKV_OK);
                assert_true(k > 10);
                break;
            }
            assert_true(status == RKV_NO_MEMORY ||
                        status == RKV_OK); /* a list that stays too large is no failure */
        }
    clear(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_method),
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_ratio),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_shapes_beyond_memory),
        cmocka_unit_test(test_cancelled),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
