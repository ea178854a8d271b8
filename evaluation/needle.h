/* needle.h: sentences that hold an answer, and the questions that ask for it, as tokens. */
#ifndef RKV_EVALUATION_NEEDLE_H
#define RKV_EVALUATION_NEEDLE_H

#include <rankkv/eval.h>

#include "core/random.h"

typedef struct rkv_needle {
    int32_t *sentence; /* [n_sentence], begins with a space: for a place where a sentence has ended */
    size_t n_sentence;
    int32_t *question; /* [n_question]: the question (n_asked tokens), the answer's beginning, the answer */
    size_t n_question, n_asked;
    size_t first_scored; /* of the question: the first token of the answer, a space before it left out */
} rkv_needle;

/* How many needles of a task have keys of their own. */
size_t rkv_needle_limit(rkv_task task);

/* Draws n needles (at most the limit) whose keys and values differ. RKV_USAGE: the model's vocabulary cannot
 * spell them, or cuts them so that a token is part question, part answer. The caller frees each of *out. */
rkv_status rkv_needles_draw(rkv_needle *out, size_t n, rkv_task task, const rkv_model *model,
                            rkv_random *random);
void rkv_needle_clear(rkv_needle *needle);

#endif
