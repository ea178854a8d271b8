/* forward_parts.h: what the files of the forward pass share: forward.c runs the layers, forward_output.c
 * makes logits of what they leave. */
#ifndef RKV_MODEL_FORWARD_PARTS_H
#define RKV_MODEL_FORWARD_PARTS_H

#include "model/forward.h"

/* Device memory unless said; n of a pass's tokens is at most T. */
struct rkv_forward {
    rkv_model *model;
    rkv_backend *backend;
    size_t longest;       /* T */
    float *x;             /* [T, E] residual stream */
    float *normed;        /* [T, E] */
    float *wide;          /* [T, max((H+2G) D, 2F)]: queries, keys and values, or gate and up */
    float *narrow;        /* [T, max(H D, F)]: heads' outputs, or the feed-forward layer's */
    float *q, *k, *v;     /* [H,T,D], [G,T,D], [G,T,D] */
    float *rotation;      /* [T, D/2, 2] cosine and sine */
    float *host_rotation; /* what is uploaded to rotation; the same where memory is shared */
    double load_s;        /* of the pass that runs: time spent decoding weights */
};

/* The last logits and the losses that a pass asks for, of the tokens that the layers left in x. */
rkv_status rkv_forward_output(rkv_forward *forward, const rkv_pass *pass);

#endif
