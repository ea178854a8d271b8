/* weights.h: the tensors of a model, found and checked in the file, and put into device memory when they are
 * needed: matrices in the file's own form where the backend holds it, else decoded to float32. */
#ifndef RKV_MODEL_WEIGHTS_H
#define RKV_MODEL_WEIGHTS_H

#include "backend/backend.h"
#include "model/config.h"

/* One layer's matrices in device memory, [out, in]. Q, K, V are one matrix, gate and up another: fewer,
 * larger products. */
typedef struct rkv_layer_weights {
    rkv_matrix *qkv;           /* [(H+2G) D, E] */
    rkv_matrix *attention_out; /* [E, H D] */
    rkv_matrix *gate_up;       /* [2F, E] */
    rkv_matrix *down;          /* [E, F] */
} rkv_layer_weights;

/* One layer's vectors in device memory: small, so they stay. */
typedef struct rkv_layer_vectors {
    float *attention_norm; /* [E] */
    float *qkv_bias;       /* [(H+2G) D]; NULL when the model has none */
    float *ffn_norm;       /* [E] */
} rkv_layer_vectors;

/* Where the tensors lie in the file: found and checked once. */
typedef struct rkv_layer_tensors {
    const rkv_gguf_tensor *attention_norm, *q, *k, *v, *q_bias, *k_bias, *v_bias, *attention_out;
    const rkv_gguf_tensor *ffn_norm, *gate, *up, *down;
} rkv_layer_tensors;

/* Up to three tensors, one below the other; NULL past the last. */
typedef struct rkv_joined_tensors {
    const rkv_gguf_tensor *part[3];
} rkv_joined_tensors;

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

/* The form in which a backend holds these, as one matrix: theirs, or float32 where they differ or it does not
 * know theirs. */
rkv_weight_form rkv_joined_form(const rkv_backend *backend, rkv_joined_tensors tensors);

/* Puts a layer's matrices into *weights, allocating what is NULL there or holds another form;
 * rkv_layer_weights_clear frees. */
rkv_status rkv_layer_weights_load(rkv_layer_weights *weights, rkv_backend *backend,
                                  const rkv_layer_tensors *tensors);
void rkv_layer_weights_clear(rkv_layer_weights *weights, rkv_backend *backend);

/* The same of its vectors. */
rkv_status rkv_layer_vectors_load(rkv_layer_vectors *vectors, rkv_backend *backend,
                                  const rkv_layer_tensors *tensors);
void rkv_layer_vectors_clear(rkv_layer_vectors *vectors, rkv_backend *backend);

/* Where a row of a matrix tensor begins in the file. */
const void *rkv_tensor_row(const rkv_gguf_tensor *tensor, size_t row);

/* Decodes a tensor of one row, or one row of a matrix tensor, into device memory [in]. */
rkv_status rkv_tensor_load_row(rkv_backend *backend, const rkv_gguf_tensor *tensor, size_t row, float *to);

/* Decodes the rows ids [n] of a matrix tensor, one below the other, into device memory [n, in]. */
rkv_status rkv_tensor_load_rows(rkv_backend *backend, const rkv_gguf_tensor *tensor, const int32_t *ids,
                                size_t n, float *to);

/* Puts rows [first, first + rows) of a matrix tensor into the rows of matrix from `to` on. */
rkv_status rkv_tensor_load_matrix(rkv_backend *backend, const rkv_gguf_tensor *tensor, size_t first,
                                  size_t rows, rkv_matrix *matrix, size_t to);

/* Bytes of one layer's weights, and of the whole model's, as a backend holds them. */
size_t rkv_layer_weights_bytes(const rkv_backend *backend, const rkv_layer_tensors *tensors);
size_t rkv_model_weights_bytes(const rkv_backend *backend, const rkv_model_tensors *tensors,
                               const rkv_config *config);

#endif
