/* test_report_layers.c: what a page shows of a prompt's layers: attention coded within its step, its blocks
 * and floor, the spectrum and the attention received, against plain loops. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <rankkv/rankkv.h>

#include "core/file.h"
#include "core/random.h"
#include "support/page.h"
#include "support/temporary.h"
#include "support/tiny_model.h"
#include "viz/attention_code.h"

enum { L = 2, H = 3 };

/* Rows that sum to 1, with weights over many octaves. */
static float *make_attention(size_t n) {
    rkv_random random = {n};
    float *a = calloc(H * n * n, sizeof *a);
    assert_non_null(a);
    for (size_t i = 0; i < H * n; i++) {
        float *row = a + i * n, sum = 0;
        for (size_t j = 0; j <= i % n; j++)
            sum += row[j] = exp2f(-(float)rkv_random_below(&random, 1 << 12) / 128);
        for (size_t j = 0; j <= i % n; j++)
            row[j] /= sum;
    }
    return a;
}

static char *make_page(size_t n, const float *attention, const double *sigma) {
    rkv_report *report = NULL;
    rkv_report_layers *layers = NULL;
    assert_int_equal(rkv_report_new(&report, "layers"), RKV_OK);
    assert_int_equal(rkv_report_add_document(report, "analysis", "layers", "{}"), RKV_OK);
    assert_int_equal(rkv_report_layers_new(&layers, L, H, n), RKV_OK);
    for (size_t l = 0; l < L; l++) {
        rkv_layer layer = {.index = l, .n_layers = L, .n_heads = H, .n_kv_heads = 1, .n_tokens = n};
        layer.attention = attention;
        layer.sigma = sigma;
        assert_int_equal(rkv_report_layers_add(layers, &layer), RKV_OK);
    }
    assert_int_equal(rkv_report_add_layers(report, layers), RKV_OK);
    rkv_report_layers_free(layers);
    char *page = NULL;
    size_t length;
    assert_int_equal(rkv_report_save(report, temporary_path("report.html")), RKV_OK);
    assert_int_equal(rkv_read_file(temporary_path("report.html"), (size_t)64 << 20, &page, &length), RKV_OK);
    rkv_report_free(report);
    page_check(page);
    return page;
}

static void *array_of(const char *page, const char *name, size_t *bytes) {
    size_t index = page_find_array(page, name);
    *bytes = page_array_bytes(page, index);
    unsigned char *data = malloc(*bytes);
    assert_non_null(data);
    assert_int_equal(page_array(page, index, data, *bytes), *bytes);
    return data;
}

static double attribute(const char *page, const char *array, const char *name) {
    json_t *manifest = page_json(page, "manifest");
    json_t *row = json_array_get(json_object_get(manifest, "arrays"), page_find_array(page, array));
    double value = json_number_value(json_object_get(json_object_get(row, "attributes"), name));
    json_decref(manifest);
    return value;
}

/* ---- attention ---- */

static float cell_of(const float *a, size_t n, size_t block, size_t row, size_t column) {
    float most = 0;
    for (size_t i = row * block; i < (row + 1) * block && i < n; i++)
        for (size_t j = column * block; j < (column + 1) * block && j <= i; j++)
            most = fmaxf(most, a[i * n + j]);
    return most;
}

static void check_code(double value, unsigned code, double floor, double per_octave) {
    if (code == 0) {
        assert_true(value <= floor * (1 + 1e-5));
        return;
    }
    double read = exp2((code - 255.) / per_octave);
    assert_true(fabs(log2(read / value)) <= 0.5 / per_octave + 1e-5);
}

static const size_t lengths[] = {1, 2, 7, 40, 511, 512, 513, 1100};

static void test_attention_within_its_step(void **state) {
    (void)state;
    for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++) {
        size_t n = lengths[k], bytes, at = 0;
        float *a = make_attention(n);
        char *page = make_page(n, a, NULL);
        unsigned char *code = array_of(page, "attention", &bytes);
        size_t cells = (size_t)attribute(page, "attention", "cells");
        size_t block = (size_t)attribute(page, "attention", "block");
        double floor = attribute(page, "attention", "floor");
        assert_int_equal(block, (n + 511) / 512);
        assert_int_equal(cells, (n + block - 1) / block);
        assert_int_equal(bytes, L * H * cells * (cells + 1) / 2);
        assert_true(floor < 1e-8); /* so little text has room for all of it */
        for (size_t h = 0; h < L * H; h++)
            for (size_t i = 0; i < cells; i++)
                for (size_t j = 0; j <= i; j++)
                    check_code((double)cell_of(a + h % H * n * n, n, block, i, j), code[at++], floor, 8);
        free(code);
        free(page);
        free(a);
    }
}

static void test_codes_of_single_values(void **state) {
    (void)state;
    static const struct {
        float value;
        unsigned code;
    } rows[] = {{1, 255}, {0.5f, 247}, {0.25f, 239}, {0, 0}, {1e-30f, 0}, {NAN, 0}, {2, 255}, {0x1p-31f, 7}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t code = 9;
        rkv_code_grid grid = rkv_code_grid_for(1);
        assert_int_equal(rkv_code_head(&grid, &rows[i].value, &code), RKV_OK);
        assert_int_equal(code, rows[i].code);
    }
}

/* Whatever the codes are, those above the floor deflate to about what was asked for, or less. */
static void test_floor_keeps_the_size(void **state) {
    (void)state;
    size_t count[256] = {0}, n = 100000;
    rkv_random random = {7};
    for (size_t i = 0; i < n; i++)
        count[1 + rkv_random_below(&random, 100)]++;
    unsigned last = 256;
    for (double bytes = 100; bytes < 2e5; bytes *= 2) {
        unsigned floor = rkv_code_floor(count, bytes);
        assert_true(floor >= 1 && floor <= last);
        last = floor;
    }
    assert_int_equal(last, 1);
    assert_int_equal(rkv_code_floor(count, 0), 101); /* all are 0 then */
    memset(count, 0, sizeof count);
    assert_int_equal(rkv_code_floor(count, 10), 1);
}

/* Noise does not compress: the floor has to rise, and the page holds to its size all the same. */
static void test_a_page_of_noise_is_not_larger(void **state) {
    (void)state;
    enum { NOISY_LAYERS = 24, N = 512 };
    float *a = make_attention(N);
    rkv_report *report = NULL;
    rkv_report_layers *layers = NULL;
    assert_int_equal(rkv_report_new(&report, "noise"), RKV_OK);
    assert_int_equal(rkv_report_add_document(report, "analysis", "noise", "{}"), RKV_OK);
    assert_int_equal(rkv_report_layers_new(&layers, NOISY_LAYERS, H, N), RKV_OK);
    for (size_t l = 0; l < NOISY_LAYERS; l++) {
        rkv_layer layer = {.index = l, .n_layers = NOISY_LAYERS, .n_heads = H, .n_tokens = N, .attention = a};
        assert_int_equal(rkv_report_layers_add(layers, &layer), RKV_OK);
    }
    assert_int_equal(rkv_report_add_layers(report, layers), RKV_OK);
    assert_int_equal(rkv_report_save(report, temporary_path("noise.html")), RKV_OK);
    char *page = NULL;
    size_t length;
    assert_int_equal(rkv_read_file(temporary_path("noise.html"), (size_t)64 << 20, &page, &length), RKV_OK);
    assert_true(attribute(page, "attention", "floor") > 1e-8);
    assert_true(length < (size_t)9200000);
    free(page);
    rkv_report_layers_free(layers);
    rkv_report_free(report);
    free(a);
}

/* ---- spectrum and received ---- */

static void test_received_is_a_mean_over_queries(void **state) {
    (void)state;
    enum { N = 40 };
    size_t bytes;
    float *a = make_attention(N);
    char *page = make_page(N, a, NULL);
    float *received = array_of(page, "received", &bytes);
    assert_int_equal(bytes, L * H * N * sizeof *received);
    for (size_t h = 0; h < L * H; h++)
        for (size_t j = 0; j < N; j++) {
            double sum = 0;
            for (size_t i = j; i < N; i++)
                sum += (double)a[(h % H * N + i) * N + j];
            assert_true(fabs((double)received[h * N + j] - sum / (double)(N - j)) <= 1e-6);
        }
    free(received);
    free(page);
    free(a);
}

static void test_spectrum_is_thinned(void **state) {
    (void)state;
    for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++) {
        size_t n = lengths[k], bytes, most = n < 128 ? n : 128;
        float *a = make_attention(n);
        double *sigma = calloc(H * n, sizeof *sigma);
        assert_non_null(sigma);
        for (size_t i = 0; i < H * n; i++)
            sigma[i] = (double)(H * n - i);
        char *page = make_page(n, a, sigma);
        float *spectrum = array_of(page, "spectrum", &bytes);
        assert_int_equal(bytes, L * H * most * sizeof *spectrum);
        json_t *manifest = page_json(page, "manifest");
        json_t *row = json_array_get(json_object_get(manifest, "arrays"), page_find_array(page, "spectrum"));
        json_t *index = json_object_get(json_object_get(row, "attributes"), "index");
        assert_int_equal(json_array_size(index), most);
        for (size_t i = 0; i < most; i++) {
            size_t at = (size_t)json_integer_value(json_array_get(index, i));
            assert_true(at < n && (i >= 64 || at == i));
            if (i) assert_true(at > (size_t)json_integer_value(json_array_get(index, i - 1)));
            for (size_t h = 0; h < L * H; h++)
                assert_true(spectrum[h * most + i] == (float)sigma[h % H * n + at]);
        }
        assert_int_equal(json_integer_value(json_array_get(index, most - 1)), n - 1);
        json_decref(manifest);
        free(spectrum);
        free(page);
        free(sigma);
        free(a);
    }
}

/* A layer without singular values leaves the whole spectrum out. */
static void test_what_is_missing_is_left_out(void **state) {
    (void)state;
    float *a = make_attention(7);
    char *page = make_page(7, a, NULL);
    json_t *manifest = page_json(page, "manifest");
    assert_int_equal(json_array_size(json_object_get(manifest, "arrays")), 2);
    json_decref(manifest);
    free(page);
    free(a);
}

static void test_layers_that_do_not_fit(void **state) {
    (void)state;
    rkv_report *report = NULL;
    rkv_report_layers *layers = NULL;
    float *a = make_attention(7);
    assert_int_equal(rkv_report_layers_new(&layers, 0, H, 7), RKV_USAGE);
    assert_int_equal(rkv_report_layers_new(&layers, SIZE_MAX / 2, H, 7), RKV_NO_MEMORY);
    assert_null(layers);
    assert_int_equal(rkv_report_layers_new(&layers, L, H, 7), RKV_OK);
    rkv_layer good = {.index = 0, .n_layers = L, .n_heads = H, .n_tokens = 7, .attention = a}, bad = good;
    bad.index = 1;
    assert_int_equal(rkv_report_layers_add(layers, &bad), RKV_USAGE);
    bad = good;
    bad.n_tokens = 6;
    assert_int_equal(rkv_report_layers_add(layers, &bad), RKV_USAGE);
    bad = good;
    bad.attention = NULL;
    assert_int_equal(rkv_report_layers_add(layers, &bad), RKV_USAGE);
    assert_int_equal(rkv_report_layers_add(layers, &good), RKV_OK);
    assert_int_equal(rkv_report_new(&report, "x"), RKV_OK);
    assert_int_equal(rkv_report_add_document(report, "analysis", "x", "{}"), RKV_OK);
    assert_int_equal(rkv_report_add_layers(report, layers), RKV_USAGE);
    assert_non_null(strstr(rkv_message(), "1 of 2 layers"));
    rkv_report_free(report);
    rkv_report_layers_free(layers);
    rkv_report_layers_free(NULL);
    free(a);
}

/* ---- the analysis hands singular values out ---- */

static rkv_status compare_rank(void *user, const rkv_layer *layer) {
    size_t *seen = user;
    assert_non_null(layer->sigma);
    for (size_t h = 0; h < layer->n_heads; h++) {
        const double *s = layer->sigma + h * layer->n_tokens;
        assert_true(rkv_effective_rank_of_sigma(s, layer->n_tokens) == layer->erank[h]);
        for (size_t i = 1; i < layer->n_tokens; i++)
            assert_true(s[i] <= s[i - 1]);
        ++*seen;
    }
    return RKV_OK;
}

static void test_ranks_are_of_the_singular_values(void **state) {
    (void)state;
    enum { N = 50 };
    int32_t ids[N];
    size_t seen = 0;
    rkv_model *model = NULL;
    rkv_analysis *analysis = NULL;
    for (size_t i = 0; i < N; i++)
        ids[i] = (int32_t)(TINY_MODEL_FIRST_BYTE + i * i * 7 % 250);
    assert_int_equal(tiny_model_write(temporary_path("tiny.gguf"), NULL), RKV_OK);
    assert_int_equal(
        rkv_model_open(&model, temporary_path("tiny.gguf"), &(rkv_model_options){.device = "cpu"}), RKV_OK);
    for (size_t n = 1; n <= N; n += N - 1) {
        rkv_analyze_options options = {.on_layer = compare_rank, .user = &seen};
        assert_int_equal(rkv_analyze(&analysis, model, ids, n, &options), RKV_OK);
        rkv_analysis_free(analysis);
    }
    assert_int_equal(seen, 2 * 2 * 4);
    rkv_model_close(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attention_within_its_step),
        cmocka_unit_test(test_codes_of_single_values),
        cmocka_unit_test(test_floor_keeps_the_size),
        cmocka_unit_test(test_a_page_of_noise_is_not_larger),
        cmocka_unit_test(test_received_is_a_mean_over_queries),
        cmocka_unit_test(test_spectrum_is_thinned),
        cmocka_unit_test(test_what_is_missing_is_left_out),
        cmocka_unit_test(test_layers_that_do_not_fit),
        cmocka_unit_test(test_ranks_are_of_the_singular_values),
    };
    return cmocka_run_group_tests_name("report_layers", tests, temporary_set_up, temporary_tear_down);
}
