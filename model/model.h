/* model.h: the inside of an rkv_model. */
#ifndef RKV_MODEL_MODEL_H
#define RKV_MODEL_MODEL_H

#include "backend/backend.h"
#include "io/gguf.h"
#include "model/config.h"
#include "model/rope.h"
#include "model/tokenizer.h"
#include "model/weights.h"

struct rkv_model {
    rkv_model_info info; /* strings owned by the model */
    rkv_gguf *file;
    rkv_tokenizer *tokenizer;
    rkv_backend *backend; /* NULL when opened for its vocabulary alone */
    rkv_config config;
    rkv_model_tensors tensors;
    rkv_rope rope;
    rkv_weights weights; /* as the options said */
    rkv_precision precision;
    bool resident;              /* matrices are kept on the device */
    rkv_layer_vectors *vectors; /* [L] loaded so far */
    rkv_layer_weights *layers;  /* [L] loaded so far, when resident; one scratch layer when streamed */
    rkv_matrix *output;         /* [V, E], when resident; NULL until needed */
    float *output_norm;         /* [E], loaded at first use */
};

/* The backend that the model computes on; never NULL once weights are there. */
rkv_backend *rkv_model_backend(const rkv_model *model);

/* What the origin of a signal, which names no device, says of products that were less than float32: ",
 * products in tf32"; of others nothing. */
#define RKV_PRODUCTS_SIZE 32
void rkv_model_say_products(const rkv_model *model, char text[RKV_PRODUCTS_SIZE]);

/* Gives back everything on the device. */
void rkv_model_release_weights(rkv_model *model);

/* RKV_USAGE for a model that was opened for its vocabulary alone. */
rkv_status rkv_model_check_weights(const rkv_model *model);

/* What rkv_prefill refuses of ids [n] before it works: nothing, too many, outside the vocabulary. */
rkv_status rkv_model_check_prompt(const rkv_model *model, const int32_t *ids, size_t n);

#endif
