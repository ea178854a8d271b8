/* prefill.h: prefill for callers that work on the model's device. */
#ifndef RKV_MODEL_PREFILL_H
#define RKV_MODEL_PREFILL_H

#include "model/layer_window.h"
#include "model/model.h"

/* As rkv_prefill; who watches sees attention, keys and values where they are made: device memory of the
 * model's backend. They cross to the host only when options has a layer function. watch may be NULL. */
rkv_status rkv_prefill_watched(rkv_model *model, const int32_t *ids, size_t n,
                               const rkv_prefill_options *options, const rkv_layer_watch *watch,
                               rkv_prefill_result *out);

/* How many numbers the attention [H,T,T] of a layer is, which a prefill of n tokens keeps on the device.
 * RKV_NO_MEMORY: more than can be. */
rkv_status rkv_prefill_attention_size(const rkv_model *model, size_t n, size_t *out);

#endif
