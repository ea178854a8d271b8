/* forward.h: the forward pass of a model over some tokens. Who calls it keeps the keys and values, and says
 * what the tokens attend to.
 *
 * Letters as in rankkv/model.h; n tokens are processed at once. All pointers are device memory unless said.
 */
#ifndef RKV_MODEL_FORWARD_H
#define RKV_MODEL_FORWARD_H

#include "model/losses.h"
#include "model/model.h"

/* The queries, keys and values of n tokens in one layer, q and k rotated at the tokens' positions (or not at
 * all, where the pass is unrotated). */
typedef struct rkv_projection {
    size_t layer;
    rkv_attention_shape shape;             /* n_tokens = n */
    const float *q;                        /* [H, n, D] */
    const float *k, *v;                    /* [G, n, D] */
    const float *residual;                 /* [n, E] what the block's output is added to */
    const struct rkv_output_place *output; /* for rkv_projection_output */
} rkv_projection;

/* y [m, E] = heads [m, H D] times the layer's output projection, m <= n: what the block would add to the
 * residual stream. For whoever attends, while it does. */
rkv_status rkv_projection_output(const rkv_projection *projection, const float *heads, size_t m, float *y);

/* The attention of one layer: writes out [n, H D]. A status other than RKV_OK ends the pass with it. */
typedef rkv_status (*rkv_attend_fn)(void *user, const rkv_projection *projection, float *out);

/* The working memory of passes over at most `longest` tokens; it may be used again and again. */
typedef struct rkv_forward rkv_forward;

/* RKV_USAGE: the model was opened for its vocabulary alone. RKV_NO_MEMORY. */
rkv_status rkv_forward_new(rkv_forward **out, rkv_model *model, size_t longest);
void rkv_forward_free(rkv_forward *forward);

typedef struct rkv_pass {
    const int32_t *ids; /* [n] host; in the vocabulary (rkv_model_check_prompt) */
    size_t n;           /* 1 .. longest */
    int64_t first;      /* position of the first token; the others follow it */
    bool unrotated;     /* leave q and k as they are: whoever attends rotates them */
    rkv_attend_fn attend;
    void *user;
    float *last_logits; /* [n_vocab] host: of the last token; NULL: not wanted */
    float *all_logits;  /* [n, n_vocab] host: of every token; NULL: not wanted */
    rkv_losses *losses; /* folded over the tokens whose target is not -1; NULL: not wanted */
    rkv_progress progress;
} rkv_pass;

/* Runs the pass. load_s, unless NULL, is increased by the time spent decoding weights. Small n (n = 1 above
 * all) reads weights as they lie in the file where the backend can multiply with that form; others are
 * decoded to float32 as ever. RKV_NO_MEMORY, RKV_CANCELLED, or attend's status. */
rkv_status rkv_forward_run(rkv_forward *forward, const rkv_pass *pass, double *load_s);

#endif
