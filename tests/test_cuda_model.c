/* test_cuda_model.c: a whole model on the CUDA module's sources, run on the host: the same numbers as on the
 * CPU, nothing left behind, and every failed allocation told. Device memory is out of the library's reach
 * there, so that whoever takes it for ordinary memory crashes. With the name of a device ("cuda") the same on
 * that device, but for the failures. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rankkv/rankkv.h>

#include "cuda/open.h"
#include "cuda_host/gpu.h"
#include "cuda_host/host_device.h"
#include "cuda_host/host_model.h"
#include "model/model.h"
#include "support/kept_layers.h"
#include "support/temporary.h"
#include "support/tiny_model.h"

#define T   70
#define NEW 64 /* greedy tokens, of which the host makes some */

static const char *named_device; /* NULL: the host */
static size_t n_new = 12;

static int32_t ids[T + NEW];

static int make_model(void **state) {
    (void)state;
    return tiny_model_begin(ids, T);
}

static void assert_close(const float *a, const float *b, size_t n, double tolerance) {
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)a[i] - (double)b[i]) <= tolerance))
            fail_msg("element %zu is %.9g, not %.9g", i, (double)a[i], (double)b[i]);
}

static rkv_prefill_result prefill(rkv_model *model, size_t n, rkv_layer_fn on_layer, void *user) {
    rkv_prefill_options options = {
        .losses = true, .attention = on_layer != NULL, .on_layer = on_layer, .user = user};
    rkv_prefill_result result;
    if (rkv_prefill(model, ids, n, &options, &result) != RKV_OK) fail_msg("%s", rkv_message());
    return result;
}

static void assert_same_prefill(rkv_model *cpu, rkv_model *device, size_t n) {
    rkv_prefill_result a = prefill(cpu, n, NULL, NULL), b = prefill(device, n, NULL, NULL);
    assert_close(b.last_logits, a.last_logits, a.n_vocab, 1e-3);
    for (size_t t = 0; t + 1 < n; t++)
        assert_true(fabs(a.token_nll[t] - b.token_nll[t]) < 1e-4);
    rkv_prefill_result_clear(&a);
    rkv_prefill_result_clear(&b);
}

/* Weights resident and streamed, prompts of one token and of many. */
static void test_same_logits_and_losses(void **state) {
    (void)state;
    static const size_t lengths[] = {1, 2, T};
    for (int w = 0; w < 2; w++) {
        rkv_weights weights = w ? RKV_WEIGHTS_STREAMED : RKV_WEIGHTS_RESIDENT;
        rkv_model *cpu = host_model_open("cpu", weights), *device = host_model_open(named_device, weights);
        for (size_t i = 0; i < 3; i++)
            assert_same_prefill(cpu, device, lengths[i]);
        rkv_model_close(cpu);
        rkv_model_close(device);
        assert_int_equal(host_device_live(), 0);
    }
}

/* ---- forms of weights ---- */

/* Types of the embedding, of Q, K, V, output, gate, up and down of two layers, and of the output: one for
 * all; joined matrices of one form, which is another's in the next layer; joined matrices of several. */
static const char *const types[][17] = {
    {"F16"},
    {"BF16"},
    {"Q4_0"},
    {"Q4_1"},
    {"Q8_0"},
    {"Q5_1"},
    {"Q4_0", "F16", "F16", "F16", "Q4_1", "Q8_0", "Q8_0", "BF16", "Q4_1", "Q4_1", "Q4_1", "Q8_0", "F16",
     "F16", "Q4_0", "Q8_0"},
    {"Q4_0", "Q8_0", "BF16", "Q5_0", "Q4_1"},
};
#define N_TYPES (sizeof types / sizeof *types)

static void write_model(const char *const *in_turn) {
    tiny_model_options options = {.in_turn = in_turn};
    assert_int_equal(tiny_model_write(temporary_path("tiny.gguf"), &options), RKV_OK);
}

static void leave_default_model(void) {
    assert_int_equal(tiny_model_write(temporary_path("tiny.gguf"), NULL), RKV_OK);
}

static void test_every_form_of_weights(void **state) {
    (void)state;
    static const size_t lengths[] = {1, 4, 5, 17};
    for (size_t i = 0; i < 2 * N_TYPES; i++) {
        rkv_weights weights = i % 2 ? RKV_WEIGHTS_STREAMED : RKV_WEIGHTS_RESIDENT;
        write_model(types[i / 2]);
        rkv_model *cpu = host_model_open("cpu", weights), *device = host_model_open(named_device, weights);
        for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++)
            assert_same_prefill(cpu, device, lengths[l]);
        rkv_model_close(cpu);
        rkv_model_close(device);
        assert_int_equal(host_device_live(), 0);
    }
    leave_default_model();
}

/* Up to four tokens read weights as they lie: one kernel, and no memory. More have them decoded. */
static void test_few_tokens_decode_nothing(void **state) {
    (void)state;
    enum { N = 40, K = 64 };
    rkv_backend *b;
    rkv_matrix *matrix;
    float *x, *y;
    assert_int_equal(rkv_cuda_open(&b, 0), RKV_OK);
    assert_int_equal(b->ops->matrix_new(b, RKV_WEIGHT_Q4_1, N, K, &matrix), RKV_OK);
    assert_int_equal(b->ops->alloc(b, &x, 5 * K), RKV_OK);
    assert_int_equal(b->ops->alloc(b, &y, 5 * N), RKV_OK);
    size_t held = host_device_bytes();
    for (size_t m = 1; m <= 5; m++) {
        size_t launches = host_device_launches();
        assert_int_equal(b->ops->matmul(b, x, m, matrix, 0, N, false, y), RKV_OK);
        assert_int_equal(host_device_launches() - launches, 1);
        assert_int_equal(host_device_peak(0), held + (m > 4 ? N * K * sizeof *x : 0));
    }
    b->ops->release(b, x), b->ops->release(b, y);
    b->ops->matrix_free(b, matrix);
    rkv_backend_close(b);
}

/* Each matrix and vector of the file is one copy, in whatever form. */
static void test_copies_of_weights(void **state) {
    (void)state;
    for (size_t i = 0; i < N_TYPES; i++) {
        write_model(types[i]);
        rkv_model *device = host_model_open(NULL, RKV_WEIGHTS_RESIDENT);
        size_t copies[3];
        for (size_t run = 0; run < 3; run++) {
            copies[run] = host_device_copies();
            if (run == 2) break;
            rkv_prefill_result result = prefill(device, 5, NULL, NULL);
            rkv_prefill_result_clear(&result);
        }
        size_t first = copies[1] - copies[0], second = copies[2] - copies[1];
        assert_int_equal(first - second, device->config.n_layers * 9 + 2);
        rkv_model_close(device);
    }
    leave_default_model();
}

/* Copies of a pass over n tokens once all weights are there; its logits are the host's. */
static size_t copies_of_pass(size_t n_more, size_t n) {
    tiny_model_options options = {.n_embd = 8, .n_more = n_more};
    assert_int_equal(tiny_model_write(temporary_path("tiny.gguf"), &options), RKV_OK);
    rkv_model *cpu = host_model_open("cpu", RKV_WEIGHTS_RESIDENT);
    rkv_model *device = host_model_open(NULL, RKV_WEIGHTS_RESIDENT);
    assert_same_prefill(cpu, device, n);
    size_t copies = host_device_copies();
    rkv_prefill_result result = prefill(device, n, NULL, NULL);
    copies = host_device_copies() - copies;
    assert_int_equal(result.n_vocab, tiny_model_n_vocab() + n_more);
    rkv_prefill_result_clear(&result);
    rkv_model_close(device);
    rkv_model_close(cpu);
    return copies;
}

/* Logits of a token cross in one copy, however large the vocabulary; those of a prompt are made in parts. */
static void test_copies_of_logits(void **state) {
    (void)state;
    assert_int_equal(copies_of_pass(5000, 1), copies_of_pass(0, 1));
    assert_true(copies_of_pass(5000, 5) > copies_of_pass(0, 5));
    leave_default_model();
}

/* What stays on the device is the file's own bytes where it can be, and what was reckoned with. */
static void test_bytes_of_weights(void **state) {
    (void)state;
    for (size_t i = 0; i < N_TYPES; i++) {
        write_model(types[i]);
        rkv_model *device = host_model_open(NULL, RKV_WEIGHTS_RESIDENT);
        rkv_prefill_result result = prefill(device, 5, NULL, NULL);
        const rkv_gguf_tensor *down = device->tensors.layers[0].down;
        rkv_weight_form form = down->type->form ? down->type->form : RKV_WEIGHT_F32;
        assert_int_equal(device->layers[0].down->form, form);
        assert_int_equal(host_device_bytes() - HOST_DEVICE_OPENED,
                         rkv_model_weights_bytes(device->backend, &device->tensors, &device->config));
        rkv_prefill_result_clear(&result);
        rkv_model_close(device);
    }
    leave_default_model();
}

static int32_t best(const float *logits, size_t n) {
    size_t at = 0;
    for (size_t i = 1; i < n; i++)
        if (logits[i] > logits[at]) at = i;
    return (int32_t)at;
}

static void test_same_greedy_tokens(void **state) {
    (void)state;
    rkv_model *models[] = {host_model_open("cpu", RKV_WEIGHTS_AUTO),
                           host_model_open(named_device, RKV_WEIGHTS_AUTO)};
    int32_t found[2][NEW];
    enum { FROM = 8 };
    int32_t kept[NEW];
    memcpy(kept, ids + FROM, sizeof kept);
    for (size_t m = 0; m < 2; m++)
        for (size_t i = 0; i < n_new; i++) {
            rkv_prefill_result r = prefill(models[m], FROM + i, NULL, NULL);
            ids[FROM + i] = found[m][i] = best(r.last_logits, r.n_vocab);
            rkv_prefill_result_clear(&r);
        }
    memcpy(ids + FROM, kept, sizeof kept);
    assert_memory_equal(found[0], found[1], n_new * sizeof found[0][0]);
    rkv_model_close(models[0]);
    rkv_model_close(models[1]);
}

/* ---- layers ---- */

/* The layer function of a prefill sees ordinary memory. */
static void test_layers_are_shown(void **state) {
    (void)state;
    rkv_model *cpu = host_model_open("cpu", RKV_WEIGHTS_AUTO),
              *device = host_model_open(named_device, RKV_WEIGHTS_AUTO);
    kept_layers a = {0}, b = {0};
    rkv_prefill_result x = prefill(cpu, T, kept_layers_add, &a), y = prefill(device, T, kept_layers_add, &b);
    kept_layers_assert_same(&a, &b);
    rkv_prefill_result_clear(&x);
    rkv_prefill_result_clear(&y);
    kept_layers_clear(&a);
    kept_layers_clear(&b);
    rkv_model_close(cpu);
    rkv_model_close(device);
}

/* The whole analysis: ranks and metrics on the device, layers shown after they were ranked. */
static void test_same_analysis(void **state) {
    (void)state;
    rkv_model *cpu = host_model_open("cpu", RKV_WEIGHTS_AUTO),
              *device = host_model_open(named_device, RKV_WEIGHTS_AUTO);
    if (!device->backend->ops->singular_values || !device->backend->ops->row_metrics) {
        rkv_model_close(cpu);
        rkv_model_close(device);
        printf("skipped: the device has no effective ranks\n");
        skip();
    }
    kept_layers a = {0}, b = {0};
    rkv_analysis *x, *y;
    rkv_analyze_options options = {.on_layer = kept_layers_add, .user = &a};
    assert_int_equal(rkv_analyze(&x, cpu, ids, T, &options), RKV_OK);
    options.user = &b;
    if (rkv_analyze(&y, device, ids, T, &options) != RKV_OK) fail_msg("%s", rkv_message());
    kept_layers_assert_same(&a, &b);
    assert_string_equal(y->device, rkv_model_device(device));
    assert_true(fabs(x->perplexity / y->perplexity - 1) < 1e-5);
    /* Attention itself differs by the forward pass's rounding, which the ranks of attention follow. */
    for (size_t h = 0; h < x->model.n_layers * x->model.n_heads; h++) {
        assert_true(fabs(x->metric[RKV_ERANK][h] / y->metric[RKV_ERANK][h] - 1) < 1e-5);
        assert_true(fabs(x->metric[RKV_ROW_PERPLEXITY][h] / y->metric[RKV_ROW_PERPLEXITY][h] - 1) < 1e-4);
    }
    rkv_analysis_free(x);
    rkv_analysis_free(y);
    kept_layers_clear(&a);
    kept_layers_clear(&b);
    rkv_model_close(cpu);
    rkv_model_close(device);
    assert_int_equal(host_device_live(), 0);
}

/* ---- failures ---- */

static rkv_status see_nothing(void *user, const rkv_layer *layer) {
    (void)user, (void)layer;
    return RKV_OK;
}

static rkv_analysis *analysis_of(rkv_model *model, const rkv_analyze_options *options, size_t *launches) {
    rkv_analysis *a;
    *launches = host_device_launches();
    if (rkv_analyze(&a, model, ids, T, options)) fail_msg("%s", rkv_message());
    *launches = host_device_launches() - *launches;
    return a;
}

/* Layers that nobody sees are ranked together, as many as the device has use for: of this model two, and the
 * last one alone. It is the same to the bit, with fewer launches. */
static void test_layers_are_ranked_together(void **state) {
    (void)state;
    static const tiny_model_options shape = {.n_layers = 5};
    assert_int_equal(tiny_model_write(temporary_path("tiny.gguf"), &shape), RKV_OK);
    rkv_model *device = host_model_open(NULL, RKV_WEIGHTS_RESIDENT);
    size_t n_heads = rkv_model_get_info(device)->n_heads, together, apart;
    assert_int_equal(device->backend->matrices_at_once, 2 * n_heads);
    for (rkv_aggregate g = 0; g < RKV_AGGREGATE_COUNT; g++) {
        rkv_analyze_options options = {.aggregate = g, .on_layer = see_nothing};
        rkv_analysis_free(analysis_of(device, &options, &apart)); /* all weights are there from now on */
        rkv_analysis *x = analysis_of(device, &options, &apart);
        options.on_layer = NULL;
        rkv_analysis *y = analysis_of(device, &options, &together);
        for (rkv_metric m = 0; m < RKV_METRIC_COUNT; m++) {
            size_t n = x->model.n_layers *
                       (rkv_metric_get_info(m)->per_kv_head ? x->model.n_kv_heads : x->model.n_heads);
            assert_memory_equal(x->metric[m], y->metric[m], n * sizeof **x->metric);
        }
        assert_memory_equal(x->layer_rank, y->layer_rank, x->model.n_layers * sizeof *x->layer_rank);
        assert_true(together < apart);
        rkv_analysis_free(x);
        rkv_analysis_free(y);
    }
    rkv_model_close(device);
    assert_int_equal(host_device_live(), 0);
    leave_default_model();
}

/* Device memory that runs out at any allocation is told, and nothing is left behind. */
static void fail_each(rkv_weights weights) {
    size_t k = 1;
    for (;; k++) {
        rkv_model *device = host_model_open(named_device, weights);
        rkv_prefill_options options = {.losses = true, .attention = true};
        rkv_prefill_result result = {0};
        host_device_fail_at(k);
        rkv_status status = rkv_prefill(device, ids, 5, &options, &result);
        bool failed = host_device_fail_at(0) == 0;
        rkv_prefill_result_clear(&result);
        rkv_model_close(device);
        assert_int_equal(host_device_live(), 0);
        assert_int_equal(status, failed ? RKV_NO_MEMORY : RKV_OK);
        if (!failed) break;
        assert_non_null(strstr(rkv_message(), "out of memory on cuda:0 host"));
    }
    assert_true(k > 20);
}

static void test_every_allocation_may_fail(void **state) {
    (void)state;
    for (size_t i = 0; i < N_TYPES; i++) {
        write_model(types[i]);
        fail_each(i % 2 ? RKV_WEIGHTS_STREAMED : RKV_WEIGHTS_RESIDENT);
    }
    leave_default_model();
    fail_each(RKV_WEIGHTS_RESIDENT);
}

static void test_no_such_device(void **state) {
    (void)state;
    rkv_backend *backend;
    assert_int_equal(rkv_cuda_open(&backend, 3), RKV_UNAVAILABLE);
    assert_null(backend);
    assert_non_null(strstr(rkv_message(), "cuda:3"));
}

static void test_precision_is_said(void **state) {
    (void)state;
    rkv_backend *backend;
    assert_int_equal(rkv_cuda_open(&backend, 0), RKV_OK);
    assert_string_equal(backend->device, "cuda:0 host");
    assert_int_equal(backend->ops->set_precision(backend, RKV_PRECISION_TF32), RKV_OK);
    assert_string_equal(backend->device, "cuda:0 host, tf32");
    assert_int_equal(backend->ops->set_precision(backend, RKV_PRECISION_BF16), RKV_OK);
    assert_string_equal(backend->device, "cuda:0 host, bf16");
    assert_int_equal(backend->ops->set_precision(backend, RKV_PRECISION_COUNT), RKV_USAGE);
    rkv_backend_close(backend);
    rkv_model *model;
    rkv_model_options options = {.device = "cpu", .precision = RKV_PRECISION_TF32};
    assert_int_equal(rkv_model_open(&model, temporary_path("tiny.gguf"), &options), RKV_UNAVAILABLE);
    assert_non_null(strstr(rkv_message(), "tf32"));
}

static int test_on_named_device(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_logits_and_losses), cmocka_unit_test(test_every_form_of_weights),
        cmocka_unit_test(test_same_greedy_tokens),     cmocka_unit_test(test_layers_are_shown),
        cmocka_unit_test(test_same_analysis),
    };
    if (!gpu_is_there(named_device)) return GPU_IS_MISSING;
    n_new = NEW;
    return cmocka_run_group_tests(tests, make_model, temporary_tear_down);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_logits_and_losses),
        cmocka_unit_test(test_every_form_of_weights),
        cmocka_unit_test(test_few_tokens_decode_nothing),
        cmocka_unit_test(test_bytes_of_weights),
        cmocka_unit_test(test_copies_of_weights),
        cmocka_unit_test(test_copies_of_logits),
        cmocka_unit_test(test_same_greedy_tokens),
        cmocka_unit_test(test_layers_are_shown),
        cmocka_unit_test(test_same_analysis),
        cmocka_unit_test(test_layers_are_ranked_together),
        cmocka_unit_test(test_every_allocation_may_fail),
        cmocka_unit_test(test_no_such_device),
        cmocka_unit_test(test_precision_is_said),
    };
    named_device = argc > 1 ? argv[1] : NULL;
    return named_device ? test_on_named_device()
                        : cmocka_run_group_tests(tests, make_model, temporary_tear_down);
}
