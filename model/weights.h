/* weights.h: the tensors of a model, found and checked in the file, and decoded to float32 when they are
 * needed. */
#ifndef RKV_MODEL_WEIGHTS_H
#define RKV_MODEL_WEIGHTS_H

#include "backend/backend.h"
#include "model/config.h"

/* One layer's weights in device memory, matrices [out, in]. Q, K, V are one matrix, gate and up another:
 * fewer, larger products. */
typedef struct rkv_layer_weights {
    float *attention_norm;     /* [E] */
    rkv_matrix *qkv;           /* [(H+2G) D, E] */
    float *qkv_bias;           /* [(H+2G) D]; NULL when the model has none */
    rkv_matrix *attention_out; /* [E, H D] */
    float *ffn_norm;           /* [E] */
    rkv_matrix *gate_up;       /* [2F, E] */
    rkv_matrix *down;          /* [E, F] */
} rkv_layer_weights;

/* Where the tensors lie in the file: found and checked once. */
typedef struct rkv_layer_tensors {
    const rkv_gguf_tensor *attention_norm, *q, *k, *v, *q_bias, *k_bias, *v_bias, *attention_out;
    const rkv_gguf_tensor *ffn_norm, *gate, *up, *down;
} rkv_layer_tensors;

typedef struct rkv_model_tensors {
    const rkv_gguf_tensor *embedding;    /* [V, E] */
    const rkv_gguf_tensor *output_norm;  /* [E] */
    const rkv_gguf_tensor *output;       /* [V, E]; the embedding when tied */
    const rkv_gguf_tensor *rope_factors; /* [D/2] or NULL: what each pair's frequency is divided by */
    rkv_layer_tensors *layers;           /* [L] */
} rkv_model_tensors;

/* Finds every tensor and checks its shape against config; sets config->n_vocab from the embedding. RKV_DATA
 * names the tensor that is missing or has another shape. rkv_model_tensors_clear frees. */
rkv_status rkv_model_tensors_find(rkv_model_tensors *out, const rkv_gguf *file, rkv_config *config);
void rkv_model_tensors_clear(rkv_model_tensors *tensors);

/* Decodes a layer into *weights, allocating what is NULL there; rkv_layer_weights_clear frees. */
rkv_status rkv_layer_weights_load(rkv_layer_weights *weights, rkv_backend *backend,
                                  const rkv_layer_tensors *tensors);
void rkv_layer_weights_clear(rkv_layer_weights *weights, rkv_backend *backend);

/* Decodes a tensor of one row, or one row of a matrix tensor, into device memory [in]. */
rkv_status rkv_tensor_load_row(rkv_backend *backend, const rkv_gguf_tensor *tensor, size_t row, float *to);

/* Decodes rows [first, first + rows) of a matrix tensor to the rows of matrix from `to` on. */
rkv_status rkv_tensor_load_matrix(rkv_backend *backend, const rkv_gguf_tensor *tensor, size_t first,
                                  size_t rows, rkv_matrix *matrix, size_t to);

/* Bytes of one layer's weights, and of the whole model's, decoded. */
size_t rkv_layer_weights_bytes(const rkv_config *config);
size_t rkv_model_weights_bytes(const rkv_config *config);

#endif
