/* config.h: what a model's layers are made of, read from the GGUF file. */
#ifndef RKV_MODEL_CONFIG_H
#define RKV_MODEL_CONFIG_H

#include "backend/backend.h"
#include "io/gguf.h"

/* An architecture: one row of the table in config.c. What files of one architecture still vary in (biases, a
 * separate output matrix) is seen from the tensors that they hold. */
typedef struct rkv_architecture {
    const char *name;         /* general.architecture; the prefix of its metadata keys */
    rkv_rope_pairing pairing; /* as its converter left the rows of Q and K */
} rkv_architecture;

typedef struct rkv_config {
    const rkv_architecture *architecture;
    size_t n_layers, n_heads, n_kv_heads, head_dim, n_embd, n_ff, n_vocab, n_context;
    float norm_eps;
    double rope_base;  /* theta of the rotation */
    double rope_scale; /* positions are divided by it (linear scaling); 1: none */
} rkv_config;

/* Reads and checks the configuration. RKV_DATA: an unknown architecture, a missing or impossible value, or a
 * feature that this program does not compute (experts, YaRN scaling): the message names file, key and value.
 */
rkv_status rkv_config_read(rkv_config *out, const rkv_gguf *file);

/* The row of the table, in order; NULL past the end. */
const rkv_architecture *rkv_architecture_at(size_t index);

#endif
