/* prefill.c: the prompt: one pass over it, for one session or several. */
#include <stdlib.h>
#include <string.h>

#include "compressors/executor.h"
#include "core/clock.h"
#include "core/fail.h"
#include "core/memory.h"

/* One pass over the prompt, for several sessions. */
typedef struct prompt_pass {
    rkv_session *const *sessions;
    size_t n_sessions;
    rkv_backend *backend;
    rkv_attention_sums sums; /* when a method of any session needs them */
} prompt_pass;

static rkv_status take_layer(rkv_session *s, const rkv_projection *p, const rkv_attention_sums *sums) {
    rkv_layer_record record = {0};
    double start = rkv_now_s();
    rkv_status status =
        rkv_session_wants_record(s) ? rkv_layer_record_prompt(s, p->shape.n_tokens, &record) : RKV_OK;
    if (!status) status = rkv_layer_take_prompt(s, p, sums);
    rkv_session_account(s, 0, rkv_layer_bytes(s, p->layer));
    s->compress_s += rkv_now_s() - start;
    if (!status && rkv_session_wants_record(s)) status = rkv_layer_report(s, p->layer, &record);
    rkv_layer_record_clear(s, &record);
    return status;
}

/* Whoever looks at what a device made waits for the layer's attention, whose time is not the methods'. */
static rkv_status wait_for_attention(const prompt_pass *pass, const rkv_projection *p) {
    for (size_t i = 0; i < pass->n_sessions; i++)
        if (rkv_layer_looks(pass->sessions[i], p->layer, p->shape.n_tokens))
            return pass->backend->ops->wait(pass->backend);
    return RKV_OK;
}

static rkv_status attend_prompt(void *user, const rkv_projection *p, float *out) {
    prompt_pass *pass = user;
    rkv_status status =
        pass->backend->ops->attention(pass->backend, p->q, p->k, p->v, &p->shape, NULL, &pass->sums, out);
    if (!status) status = wait_for_attention(pass, p);
    for (size_t i = 0; !status && i < pass->n_sessions; i++)
        status = take_layer(pass->sessions[i], p, &pass->sums);
    return status;
}

static rkv_status begin_prompt(rkv_session *s, const int32_t *ids, size_t n) {
    rkv_status status = rkv_session_check_usable(s, false);
    if (!status) status = rkv_model_check_prompt(s->model, ids, n);
    if (!status && !s->logits)
        status = rkv_alloc_raw(&s->logits, s->model->config.n_vocab, sizeof *s->logits);
    if (!status) status = rkv_session_make_budgets(s, n);
    return status;
}

/* All that can be refused is refused before the first session takes the prompt. */
static rkv_status begin_all(rkv_session *const *sessions, size_t n_sessions, const int32_t *ids, size_t n) {
    rkv_status status = RKV_OK;
    for (size_t i = 0; !status && i < n_sessions; i++) {
        status = begin_prompt(sessions[i], ids, n);
        if (!status && sessions[i]->model != sessions[0]->model)
            status = rkv_fail(RKV_USAGE, "session %zu is on another model than the first", i);
        for (size_t k = 0; !status && k < i; k++)
            if (sessions[k] == sessions[i])
                status = rkv_fail(RKV_USAGE, "sessions %zu and %zu are the same one", k, i);
    }
    return status;
}

static rkv_status take_tokens(const prompt_pass *pass, const int32_t *ids, size_t n) {
    rkv_status status = RKV_OK;
    for (size_t i = 0; !status && i < pass->n_sessions; i++) {
        rkv_session_enter_phase(pass->sessions[i], n);
        status = rkv_session_read_tokens(pass->sessions[i], ids, n);
    }
    return status;
}

/* After the pass, which ended with `status`. */
static rkv_status finish_prompt(rkv_session *s, const float *logits, rkv_status status) {
    if (!status && s->logits != logits)
        memcpy(s->logits, logits, s->model->config.n_vocab * sizeof *s->logits);
    if (!status && s->options.verify) status = rkv_session_verify_bytes(s);
    if (rkv_session_is_settled(s)) rkv_session_drop_states(s);
    s->failed = status != RKV_OK;
    s->step = 1;
    return status;
}

/* From here on a failure leaves sessions that have taken a part of the prompt. */
static rkv_status run_prompt(rkv_forward *forward, prompt_pass *pass, const int32_t *ids, size_t n) {
    rkv_session *first = pass->sessions[0];
    double start = rkv_now_s(), load_s = 0;
    rkv_pass p = {.ids = ids,
                  .n = n,
                  .attend = attend_prompt,
                  .user = pass,
                  .last_logits = first->logits,
                  .progress = first->options.progress};
    rkv_status status = take_tokens(pass, ids, n);
    if (!status) status = rkv_forward_run(forward, &p, &load_s);
    double prefill_s = rkv_now_s() - start - load_s;
    rkv_status result = status;
    for (size_t i = 0; i < pass->n_sessions; i++) {
        rkv_status finished = finish_prompt(pass->sessions[i], first->logits, status);
        pass->sessions[i]->prefill_s = prefill_s;
        if (!result) result = finished;
    }
    return result;
}

/* The first method that would like far sums has them at its distance. */
static const rkv_stage *find_far(const rkv_session *s) {
    for (size_t p = 0; p < s->schedule.n_phases; p++)
        for (size_t i = 0; i < s->schedule.phases[p].pipeline.n_stages; i++) {
            const rkv_stage *stage = &s->schedule.phases[p].pipeline.stages[i];
            if (stage->method->ops->far_distance) return stage;
        }
    return NULL;
}

static rkv_status make_sums(prompt_pass *pass, size_t n) {
    size_t size = pass->sessions[0]->shape.n_heads * n;
    const rkv_stage *far = NULL;
    unsigned needs = 0;
    for (size_t i = 0; i < pass->n_sessions; i++) {
        needs |= pass->sessions[i]->schedule.needs;
        if (!far) far = find_far(pass->sessions[i]);
    }
    rkv_status status = RKV_OK;
    if (needs & RKV_NEEDS_SUMS) status = rkv_alloc_raw(&pass->sums.all, size, sizeof(float));
    if (far && !status) status = rkv_alloc_raw(&pass->sums.far, size, sizeof(float));
    if (far) pass->sums.distance = far->method->ops->far_distance(&far->values, n);
    return status;
}

rkv_status rkv_session_prefill_all(rkv_session *const *sessions, size_t n_sessions, const int32_t *ids,
                                   size_t n) {
    if (n_sessions == 0) return rkv_fail(RKV_USAGE, "no session to read the prompt into");
    rkv_model *model = sessions[0]->model;
    prompt_pass pass = {.sessions = sessions, .n_sessions = n_sessions, .backend = model->backend};
    rkv_forward *forward = NULL;
    rkv_status status = begin_all(sessions, n_sessions, ids, n);
    if (!status) status = make_sums(&pass, n);
    if (!status) status = rkv_forward_new(&forward, model, n);
    if (!status) status = run_prompt(forward, &pass, ids, n);
    rkv_forward_free(forward);
    free(pass.sums.far);
    free(pass.sums.all);
    return status;
}

rkv_status rkv_session_prefill(rkv_session *s, const int32_t *ids, size_t n) {
    return rkv_session_prefill_all(&s, 1, ids, n);
}
