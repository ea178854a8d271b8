/* host_model.h: tiny.gguf of the temporary folder on a device that tests/cuda_host plays, or on another. */
#ifndef RKV_TESTS_HOST_MODEL_H
#define RKV_TESTS_HOST_MODEL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cuda/open.h"
#include "model/model.h"
#include "support/temporary.h"

/* device NULL: the first one that is played. No weights are decoded before they are needed, so that it can
 * still take the CPU's place. */
static inline rkv_model *host_model_open(const char *device, rkv_weights weights) {
    rkv_model *model;
    rkv_model_options options = {.device = device ? device : "cpu", .weights = weights};
    if (rkv_model_open(&model, temporary_path("tiny.gguf"), &options)) fail_msg("%s", rkv_message());
    if (device) return model;
    rkv_backend_close(model->backend);
    assert_int_equal(rkv_cuda_open(&model->backend, 0), RKV_OK);
    return model;
}

#endif
