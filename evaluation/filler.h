/* filler.h: text that answers are hidden in, and where its sentences end. */
#ifndef RKV_EVALUATION_FILLER_H
#define RKV_EVALUATION_FILLER_H

#include <rankkv/model.h>

#include "core/random.h"

/* Places are counts of tokens before them: place p lies between ids[p - 1] and ids[p]. */
typedef struct rkv_filler {
    const int32_t *ids; /* [n], borrowed */
    size_t n;
    size_t *ends; /* [n_ends] places where a sentence has ended and white space follows, ascending */
    size_t n_ends;
} rkv_filler;

/* Finds the ends in the tokens' bytes. RKV_USAGE: an id outside the vocabulary. */
rkv_status rkv_filler_open(rkv_filler *out, const rkv_model *model, const int32_t *ids, size_t n);
void rkv_filler_clear(rkv_filler *filler);

/* Draws where a stretch of `length` tokens, at most n, is to end: at a sentence's end where one is far enough
 * into the text, else anywhere. */
size_t rkv_filler_draw_end(const rkv_filler *filler, size_t length, rkv_random *random);

/* The sentence's end in [from, to] that lies nearest to place `wanted`, which is in there too; `wanted`
 * itself when there is none. Of two as near, the earlier. */
size_t rkv_filler_nearest_end(const rkv_filler *filler, size_t from, size_t to, size_t wanted);

#endif
