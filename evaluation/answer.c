/* answer.c: questions put to caches: losses, hits, and how far predictions are from the full cache's. */
#include "evaluation/answer.h"

#include <string.h>

#include "core/clock.h"
#include "core/fail.h"
#include "core/memory.h"
#include "model/model.h"

/* ---- what can be asked ---- */

static rkv_status check_ids(const int32_t *ids, size_t n, size_t n_vocab) {
    for (size_t i = 0; i < n; i++)
        if (ids[i] < 0 || (size_t)ids[i] >= n_vocab)
            return rkv_fail(RKV_DATA, "token %zu is %d: the vocabulary has 0 to %zu", i, (int)ids[i],
                            n_vocab - 1);
    return RKV_OK;
}

static rkv_status check_question(const rkv_window *w, const rkv_question *q, const rkv_model_info *model) {
    if (q->first_scored >= q->n) return rkv_fail(RKV_USAGE, "none of its %zu tokens is scored", q->n);
    if (w->n_context + q->n > model->n_context)
        return rkv_fail(RKV_USAGE, "%zu tokens of context and %zu of question exceed the model's %zu",
                        w->n_context, q->n, model->n_context);
    return check_ids(q->ids, q->n, model->n_vocab);
}

static rkv_status check_window(const rkv_window *w, const rkv_model_info *model) {
    if (w->n_context == 0) return rkv_fail(RKV_USAGE, "window %s: has no context", w->name);
    if (w->n_questions == 0) return rkv_fail(RKV_USAGE, "window %s: asks nothing", w->name);
    rkv_status status = check_ids(w->context, w->n_context, model->n_vocab);
    if (status) return rkv_fail_within(status, "window %s", w->name);
    for (size_t q = 0; !status && q < w->n_questions; q++) {
        status = check_question(w, &w->questions[q], model);
        if (status) rkv_fail_within(status, "window %s, question %zu", w->name, q);
    }
    return status;
}

rkv_status rkv_windows_check(const rkv_windows *windows, const rkv_model *model) {
    rkv_status status = windows->n ? RKV_OK : rkv_fail(RKV_USAGE, "there is no window to evaluate on");
    for (size_t w = 0; !status && w < windows->n; w++)
        status = check_window(&windows->items[w], rkv_model_get_info(model));
    return status;
}

/* ---- the full cache ---- */

size_t rkv_longest_question(const rkv_window *w, size_t first, size_t end) {
    size_t longest = first;
    for (size_t q = first + 1; q < end; q++)
        if (w->questions[q].n > w->questions[longest].n) longest = q;
    return longest;
}

static size_t room_for_one(const rkv_window *w, size_t n_vocab) {
    return w->questions[rkv_longest_question(w, 0, w->n_questions)].n * n_vocab;
}

size_t rkv_answers_bytes(const rkv_window *w, size_t n_vocab) {
    size_t bytes = room_for_one(w, n_vocab) * sizeof(float);
    for (size_t q = 0; q < w->n_questions; q++)
        bytes += rkv_reference_bytes(w->questions[q].n - w->questions[q].first_scored, n_vocab);
    return bytes;
}

static rkv_status make_reference(rkv_answers *a, rkv_session *full, size_t question) {
    const rkv_question *q = &a->window->questions[question];
    size_t n_vocab = rkv_model_get_info(a->model)->n_vocab;
    bool is_left_out = a->rehearses && question != rkv_longest_question(a->window, 0, a->window->n_questions);
    rkv_status status = is_left_out ? RKV_OK : rkv_session_foresee(full, q->ids, q->n, a->logits);
    if (status || a->rehearses) return status;
    return rkv_reference_make(&a->references[question], a->logits + q->first_scored * n_vocab,
                              q->n - q->first_scored, n_vocab);
}

rkv_status rkv_answers_begin(rkv_answers *out, rkv_model *model, const rkv_window *window,
                             rkv_progress progress) {
    *out = (rkv_answers){.model = model, .window = window, .rehearses = rkv_model_backend(model)->rehearses};
    rkv_session *full = NULL;
    rkv_session_options options = {.method = "full", .progress = progress};
    size_t n_vocab = rkv_model_get_info(model)->n_vocab;
    rkv_status status = rkv_alloc_raw(&out->logits, room_for_one(window, n_vocab), sizeof *out->logits);
    if (!status) status = rkv_alloc(&out->references, window->n_questions, sizeof *out->references);
    if (!status) status = rkv_session_new(&full, model, &options);
    if (!status) status = rkv_session_prefill(full, window->context, window->n_context);
    for (size_t q = 0; !status && q < window->n_questions; q++)
        status = make_reference(out, full, q);
    rkv_session_free(full);
    return status;
}

void rkv_answers_end(rkv_answers *answers) {
    for (size_t q = 0; answers->references && q < answers->window->n_questions; q++)
        rkv_reference_clear(&answers->references[q]);
    free(answers->references);
    free(answers->logits);
    *answers = (rkv_answers){0};
}

/* ---- an answer ---- */

static rkv_status foresee(rkv_answers *a, rkv_session *session, size_t question, rkv_verdicts *sums) {
    const rkv_question *q = &a->window->questions[question];
    size_t n_vocab = rkv_model_get_info(a->model)->n_vocab;
    rkv_status status = rkv_session_foresee(session, q->ids, q->n, a->logits);
    if (!status && !a->rehearses)
        rkv_judge(&a->references[question], 0, a->logits + q->first_scored * n_vocab,
                  q->ids + q->first_scored, q->n - q->first_scored, sums);
    return status;
}

/* Token by token; the last need not be read. */
static rkv_status stream(rkv_answers *a, rkv_session *session, size_t question, rkv_verdicts *sums) {
    const rkv_question *q = &a->window->questions[question];
    rkv_status status = RKV_OK;
    for (size_t i = 0; !status && i < q->n; i++) {
        if (i >= q->first_scored && !a->rehearses)
            rkv_judge(&a->references[question], i - q->first_scored, rkv_session_logits(session), q->ids + i,
                      1, sums);
        if (i + 1 < q->n) status = rkv_session_decode(session, q->ids[i]);
    }
    return status;
}

rkv_status rkv_answer(rkv_answers *answers, rkv_session *session, rkv_protocol protocol, size_t question,
                      rkv_cell *cell) {
    const rkv_question *q = &answers->window->questions[question];
    rkv_verdicts sums = {0};
    rkv_cache_stats stats;
    rkv_status status = rkv_session_get_stats(session, &stats);
    double start = rkv_now_s();
    if (!status && protocol == RKV_PROTOCOL_STREAMING)
        status = stream(answers, session, question, &sums);
    else if (!status)
        status = foresee(answers, session, question, &sums);
    if (status) return status;
    double n = (double)sums.n;
    cell->task = q->task;
    cell->query_aware = answers->window->query_aware;
    cell->depth = q->depth;
    cell->entries = stats.n_entries;
    cell->bytes = stats.allocated_bytes;
    cell->kv_bytes = stats.kv_bytes;
    cell->n_scored = sums.n;
    cell->n_right = sums.n_right;
    cell->loss = sums.loss / n;
    cell->kl = sums.kl / n;
    cell->agreement = (double)sums.n_agreeing / n;
    cell->compress_s = stats.compress_s;
    cell->answer_s = rkv_now_s() - start;
    return RKV_OK;
}

rkv_status rkv_answer_generate(rkv_answers *answers, rkv_session *session, size_t n, rkv_cell *cell) {
    rkv_generation made = {0};
    size_t length;
    rkv_generate_options how = {.n_tokens = n, .ignore_end = answers->rehearses};
    rkv_status status = rkv_session_generate(session, &how, &made);
    if (!status && !answers->rehearses)
        status = rkv_detokenize(answers->model, made.ids, made.n, &cell->text, &length);
    rkv_free(made.ids);
    return status;
}
