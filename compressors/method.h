/* method.h: the inside of a method: what it is given, and what it answers.
 *
 * A selection sees one layer at a time and gives every entry of every KV head a score; the entries of highest
 * score stay (select.h). It keeps what it must remember of earlier queries in a state of its own. */
#ifndef RKV_COMPRESSORS_METHOD_H
#define RKV_COMPRESSORS_METHOD_H

#include <rankkv/session.h>

#include "backend/backend.h"
#include "model/rope.h"

/* Rows of options that a method can have, and layers that a LAYERS option can name. */
#define RKV_METHOD_OPTIONS     12
#define RKV_OPTION_LAYER_WORDS 8 /* of 64 layers each */

/* The values of a method's options, in the order of its rows. */
typedef struct rkv_option_values {
    double number[RKV_METHOD_OPTIONS];
    uint64_t layers[RKV_OPTION_LAYER_WORDS]; /* of its one LAYERS option */
} rkv_option_values;

static inline size_t rkv_value_size(const rkv_option_values *values, size_t index) {
    return (size_t)values->number[index];
}
/* Layers past the last word are in no set. */
static inline bool rkv_value_has_layer(const rkv_option_values *values, size_t layer) {
    return layer / 64 < RKV_OPTION_LAYER_WORDS && (values->layers[layer / 64] >> (layer % 64) & 1);
}

/* What a token is; bits. */
enum { RKV_TOKEN_IS_SPECIAL = 1, RKV_TOKEN_IS_PUNCTUATION = 2 };

/* New queries of a layer: the prompt's, or one token's. */
typedef struct rkv_observation {
    rkv_backend *backend; /* whose memory q lies in */
    const float *q;       /* [H, m, D] */
    size_t m;
    int64_t first; /* position of the first of them in the text */
    bool rotated;  /* q is rotated by those positions; else not at all */
} rkv_observation;

/* One KV head's entries, ascending by position. */
typedef struct rkv_head_view {
    size_t n;
    /* [n, D], in the memory of the view's backend, whose operations read them; after the prompt NULL unless
     * the method says that it needs them. The rest is the host's. */
    const float *keys, *values;
    const int32_t *positions; /* [n] */
    const float *sums;        /* [H/G, n] attention received so far; NULL unless needed */
    const float
        *far_sums; /* [H/G, n] of that, from queries at least far_distance tokens later; may be NULL */
} rkv_head_view;

/* One layer, as a selection sees it. */
typedef struct rkv_layer_view {
    size_t index, n_layers, n_heads, n_kv_heads, head_dim;
    size_t n_seen;                 /* tokens of the text so far: positions are below it */
    const rkv_head_view *heads;    /* [G] */
    const size_t *budgets;         /* [G] entries that each head may keep, before `share`; n or more: all */
    const rkv_observation *prompt; /* step 0: all queries of the prompt; NULL afterwards */
    size_t far_distance;           /* of the heads' far sums */
    bool cache_positions;          /* keys are rotated by their place in the list instead of their position */
    rkv_group_score group_score;
    const uint8_t *tokens; /* [n_seen] what each token is; NULL unless needed */
    const rkv_rope *rope;  /* NULL for bare tensors */
    rkv_backend *backend;  /* keys, values and the prompt's queries lie in its memory */
    uint64_t seed;         /* the same for every layer and step of a session */
    float *state;          /* [state_size] of this layer; zeroed before step 0 */
} rkv_layer_view;

struct rkv_method_ops {
    bool keeps_all; /* full: every entry stays and there is no budget */
    /* It finds each head's length by itself, and a budget is only a limit. */
    bool finds_length;
    /* The budget that its own options spell (sinks + recent); 0: none. It then stands in for the common
     * option. NULL: 0. */
    size_t (*own_budget)(const rkv_option_values *values);
    /* Entries that it always keeps of a head, within its budget; NULL: 0. */
    size_t (*least)(const rkv_option_values *values);
    /* Whether it leaves a layer as it is, whatever the budget, while the text has n_seen tokens; NULL: no. */
    bool (*skips)(const rkv_option_values *values, size_t layer, size_t n_seen);
    /* Spreads a uniform budget over the layers: budgets [L], all equal on entry, their sum on return the
     * same. NULL: leaves it uniform. Not asked when the caller gives budgets per layer or head. */
    rkv_status (*plan)(const rkv_option_values *values, size_t n_tokens, size_t n_layers, size_t *budgets);
    /* Floats of state that it keeps per layer, of a model of this shape (n_tokens unused); NULL: 0. */
    size_t (*state_size)(const rkv_option_values *values, const rkv_attention_shape *shape);
    /* Shown every batch of new queries, before score; NULL: does not look. */
    rkv_status (*observe)(const rkv_option_values *values, const rkv_observation *new_queries,
                          const rkv_attention_shape *shape, const rkv_rope *rope, float *state);
    /* The far_distance at which it would like to see the attention of a prompt of n tokens. It must do
     * without: entries that went through another stage have no far sums, and methods that read the prompt
     * together have one distance. NULL: it does not look. */
    size_t (*far_distance)(const rkv_option_values *values, size_t n_tokens);
    /* Writes score[g] [heads[g].n]; INFINITY: stays, whatever the others have. NaN counts as the lowest. */
    rkv_status (*score)(const rkv_option_values *values, const rkv_layer_view *view, float *const *score);
    /* Shares budgets [G] of one layer anew between its heads; scores may be read. NULL: leaves them. Budgets
     * above heads[g].n are allowed on entry and return, where all entries stay. */
    rkv_status (*share)(const rkv_option_values *values, const rkv_layer_view *view, float *const *score,
                        size_t *budgets);
    /* What it did to KV head g, in a few words for the log; NULL: nothing to say. */
    void (*note)(const rkv_option_values *values, const float *state, size_t head, char *text, size_t size);

    /* Representations: how keys and values are stored; NULL: leaves that to others. */
    void (*format)(const rkv_option_values *values, rkv_row_format *keys, rkv_row_format *value_rows);
    /* The basis of `rank` orthonormal rows [rank, D], which the caller frees, that rows [n, D] are projected
     * on; gram [D, D] is what `gram` of their backend says of them, and is written over; is_key tells keys
     * from values. NULL: no projection. n = 0 or all rows zero: the first unit vector. */
    rkv_status (*fit)(const rkv_option_values *values, bool is_key, double *gram, size_t n, size_t head_dim,
                      float **basis, size_t *rank);
};

#endif
