/* several.h: tiny.gguf of the temporary folder on several devices that tests/cuda_host plays, or on GPUs. */
#ifndef RKV_TESTS_SEVERAL_H
#define RKV_TESTS_SEVERAL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <rankkv/analysis.h>

#include "backend/devices.h"
#include "cuda/open.h"
#include "model/model.h"
#include "support/temporary.h"

/* names: "cuda:0,1", of those that are played. */
static inline rkv_status host_devices_open(rkv_backend **out, const char *names) {
    rkv_device_list list;
    rkv_status status = rkv_devices_read(names, &list);
    return status ? status : rkv_devices_open(out, rkv_cuda_open, &list);
}

/* real: the names are GPUs. */
static inline rkv_model *host_model_open_several(const char *names, bool real) {
    rkv_model *model;
    rkv_model_options options = {.device = real ? names : "cpu", .weights = RKV_WEIGHTS_RESIDENT};
    if (rkv_model_open(&model, temporary_path("tiny.gguf"), &options)) fail_msg("%s", rkv_message());
    if (real) return model;
    rkv_backend_close(model->backend); /* no weights are decoded yet: it can be exchanged */
    assert_int_equal(host_devices_open(&model->backend, names), RKV_OK);
    return model;
}

/* To the bit. */
static inline void assert_same_analysis(const rkv_analysis *a, const rkv_analysis *b) {
    size_t L = a->model.n_layers, H = a->model.n_heads;
    assert_int_equal(a->n_tokens, b->n_tokens);
    assert_string_equal(a->prompt_name, b->prompt_name);
    for (rkv_metric m = 0; m < RKV_METRIC_COUNT; m++) {
        size_t n = L * (rkv_metric_get_info(m)->per_kv_head ? a->model.n_kv_heads : H);
        assert_memory_equal(a->metric[m], b->metric[m], n * sizeof(double));
    }
    assert_memory_equal(a->layer_rank, b->layer_rank, L * sizeof(double));
    assert_memory_equal(a->svd_used, b->svd_used, L * H);
    assert_memory_equal(&a->perplexity, &b->perplexity, sizeof(double));
}

#endif
