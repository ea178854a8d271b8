/* answer.h: one question, put to what a session's cache has left of the context. */
#ifndef RKV_EVALUATION_ANSWER_H
#define RKV_EVALUATION_ANSWER_H

#include "evaluation/judge.h"

/* What answers to a window's questions share. */
typedef struct rkv_answers {
    const rkv_model *model;
    const rkv_window *window;
    rkv_reference *references; /* [n_questions] what the full cache foresees */
    float *logits;             /* [longest question, V] room for one answer */
    bool rehearses; /* nothing is computed: of questions the longest alone is put, nothing is judged */
} rkv_answers;

/* The longest of a window's questions [first, end). */
size_t rkv_longest_question(const rkv_window *window, size_t first, size_t end);

/* Bytes that answers to the window's questions take of the host's memory. */
size_t rkv_answers_bytes(const rkv_window *window, size_t n_vocab);

/* Reads the window's context into a full cache and asks it everything, which is what answers are held
 * against. rkv_answers_end is due whatever the result. */
rkv_status rkv_answers_begin(rkv_answers *out, rkv_model *model, const rkv_window *window,
                             rkv_progress progress);
void rkv_answers_end(rkv_answers *answers);

/* Fills cell's measurements from the session's answer to a question. Streaming reads the question into the
 * session; prefill leaves it as it is. */
rkv_status rkv_answer(rkv_answers *answers, rkv_session *session, rkv_protocol protocol, size_t question,
                      rkv_cell *cell);

/* cell->text: n greedy tokens after what the session has read, which they are added to. */
rkv_status rkv_answer_generate(rkv_answers *answers, rkv_session *session, size_t n, rkv_cell *cell);

/* Whether windows can be put to a model: RKV_USAGE or RKV_DATA names window, question and what is wrong. */
rkv_status rkv_windows_check(const rkv_windows *windows, const rkv_model *model);

#endif
