/* steps.c: the prompt, one more token, and what a continuation would cost. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compressors/executor.h"
#include "core/clock.h"
#include "core/fail.h"
#include "core/memory.h"

/* A step that fails half-way leaves layers of different length: the session can then only be freed. */
static rkv_status check_usable(const rkv_session *s, bool has_prompt) {
    if (s->failed) return rkv_fail(RKV_USAGE, "an earlier step of this session failed: open a new one");
    if (has_prompt && s->n_seen == 0) return rkv_fail(RKV_USAGE, "the session has read no prompt yet");
    if (!has_prompt && s->n_seen > 0)
        return rkv_fail(RKV_USAGE, "the session has read a prompt of %zu tokens already", s->n_seen);
    return RKV_OK;
}

/* The phase for a text of n tokens; true when it is another than before. */
static bool enter_phase(rkv_session *s, size_t n) {
    size_t phase = s->phase;
    while (s->phase + 1 < s->schedule.n_phases && s->schedule.phases[s->phase + 1].from <= n)
        s->phase++;
    return s->phase != phase;
}

/* Adds ids [n] to the text. */
static rkv_status read_tokens(rkv_session *s, const int32_t *ids, size_t n) {
    if (n > INT32_MAX - s->n_seen)
        return rkv_fail(RKV_USAGE, "a text of more than %d tokens has no positions", INT32_MAX);
    if (s->kinds) {
        rkv_status status = rkv_grow(&s->tokens, &s->tokens_capacity, s->n_seen + n, sizeof *s->tokens);
        if (status) return status;
        for (size_t i = 0; i < n; i++)
            s->tokens[s->n_seen + i] = s->kinds[ids[i]];
    }
    s->n_seen += n;
    return RKV_OK;
}

static bool wants_record(const rkv_session *s) {
    return s->options.verify || s->options.on_event;
}

/* ---- the prompt ---- */

/* One pass over the prompt, for several sessions. */
typedef struct prompt_pass {
    rkv_session *const *sessions;
    size_t n_sessions;
    rkv_backend *backend;
    float *sums; /* [H, T] when a method of any session needs it */
} prompt_pass;

static rkv_status take_layer(rkv_session *s, const rkv_projection *p, const float *sums) {
    rkv_layer_record record = {0};
    double start = rkv_now_s();
    rkv_status status = wants_record(s) ? rkv_layer_record_prompt(s, p->shape.n_tokens, &record) : RKV_OK;
    if (!status) status = rkv_layer_take_prompt(s, p, sums);
    rkv_session_account(s, 0, rkv_layer_bytes(s, p->layer));
    s->compress_s += rkv_now_s() - start;
    if (!status && wants_record(s)) status = rkv_layer_report(s, p->layer, &record);
    rkv_layer_record_clear(s, &record);
    return status;
}

static rkv_status attend_prompt(void *user, const rkv_projection *p, float *out) {
    prompt_pass *pass = user;
    rkv_status status =
        pass->backend->ops->attention(pass->backend, p->q, p->k, p->v, &p->shape, NULL, pass->sums, out);
    for (size_t i = 0; !status && i < pass->n_sessions; i++)
        status = take_layer(pass->sessions[i], p, pass->sums);
    return status;
}

static rkv_status begin_prompt(rkv_session *s, const int32_t *ids, size_t n) {
    rkv_status status = check_usable(s, false);
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
        enter_phase(pass->sessions[i], n);
        status = read_tokens(pass->sessions[i], ids, n);
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

rkv_status rkv_session_prefill_all(rkv_session *const *sessions, size_t n_sessions, const int32_t *ids,
                                   size_t n) {
    if (n_sessions == 0) return rkv_fail(RKV_USAGE, "no session to read the prompt into");
    rkv_model *model = sessions[0]->model;
    prompt_pass pass = {.sessions = sessions, .n_sessions = n_sessions, .backend = model->backend};
    rkv_forward *forward = NULL;
    unsigned needs = 0;
    rkv_status status = begin_all(sessions, n_sessions, ids, n);
    for (size_t i = 0; i < n_sessions; i++)
        needs |= sessions[i]->schedule.needs;
    if (!status && needs & RKV_NEEDS_SUMS)
        status = rkv_alloc_raw(&pass.sums, model->config.n_heads * n, sizeof *pass.sums);
    if (!status) status = rkv_forward_new(&forward, model, n);
    if (!status) status = run_prompt(forward, &pass, ids, n);
    rkv_forward_free(forward);
    free(pass.sums);
    return status;
}

rkv_status rkv_session_prefill(rkv_session *s, const int32_t *ids, size_t n) {
    return rkv_session_prefill_all(&s, 1, ids, n);
}

/* ---- attending to the cache ---- */

/* Rotations for `places` places in the cache. */
static rkv_status make_rotation(rkv_session *s, size_t places) {
    if (s->options.positions != RKV_POSITIONS_CACHE || places <= s->rotation_places) return RKV_OK;
    size_t d = s->shape.head_dim, room = places + places / 2;
    float *rotation = NULL;
    rkv_status status = rkv_alloc_raw(&rotation, room * d, sizeof *rotation);
    if (status) return status;
    for (size_t i = 0; i < room; i++)
        rkv_rope_angles(&s->model->rope, (int64_t)i, rotation + i * d);
    free(s->rotation);
    s->rotation = rotation;
    s->rotation_places = room;
    return RKV_OK;
}

static size_t longest_head(const rkv_session *s) {
    size_t longest = 0;
    for (size_t l = 0; l < rkv_session_layers(s); l++)
        for (size_t g = 0; g < s->shape.n_kv_heads; g++)
            if (s->layers[l].heads[g].n > longest) longest = s->layers[l].heads[g].n;
    return longest;
}

/* Adds the m new tokens to every head, at the positions from `first` on. */
static rkv_status append(rkv_entries *heads, const rkv_projection *p, int64_t first) {
    size_t m = p->shape.n_tokens, d = p->shape.head_dim;
    int32_t *positions = NULL;
    rkv_status status = rkv_alloc_raw(&positions, m, sizeof *positions);
    for (size_t i = 0; !status && i < m; i++)
        positions[i] = (int32_t)(first + (int64_t)i);
    for (size_t g = 0; !status && g < p->shape.n_kv_heads; g++)
        status = rkv_entries_append(&heads[g], p->k + g * m * d, p->v + g * m * d, positions, NULL, m);
    free(positions);
    return status;
}

static rkv_status attend(const rkv_session *s, const rkv_entries *heads, const rkv_projection *p, bool sums,
                         float *out) {
    rkv_backend *backend = s->model->backend;
    rkv_cached_head *cached = NULL;
    rkv_status status = rkv_alloc(&cached, p->shape.n_kv_heads, sizeof *cached);
    if (status) return status;
    for (size_t g = 0; g < p->shape.n_kv_heads; g++)
        cached[g] = (rkv_cached_head){.keys = heads[g].keys.rows,
                                      .values = heads[g].values.rows,
                                      .key_basis = heads[g].keys.basis,
                                      .value_basis = heads[g].values.basis,
                                      .sums = sums ? heads[g].sums : NULL};
    rkv_cached_attention task = {.shape = p->shape,
                                 .q = p->q,
                                 .heads = cached,
                                 .rotation = s->rotation,
                                 .pairing = s->model->rope.pairing,
                                 .out = out};
    status = backend->ops->attend_cached(backend, &task);
    free(cached);
    return status;
}

/* ---- one more token ---- */

static rkv_status evict(rkv_session *s, const rkv_projection *p) {
    rkv_observation query = {.q = p->q,
                             .m = p->shape.n_tokens,
                             .first = (int64_t)(s->n_seen - p->shape.n_tokens),
                             .rotated = s->options.positions == RKV_POSITIONS_ORIGINAL};
    if (rkv_session_is_settled(s)) return RKV_OK;
    rkv_status status = rkv_layer_observe(s, p->layer, &query);
    if (!status && s->changes_phase) return rkv_layer_change_phase(s, p->layer);
    if (!status && rkv_session_evicts(s)) status = rkv_layer_run_stages(s, p->layer, 0, NULL, false);
    return status;
}

static rkv_status attend_step(void *user, const rkv_projection *p, float *out) {
    rkv_session *s = user;
    rkv_entries *heads = s->layers[p->layer].heads;
    rkv_layer_record record = {0};
    size_t before = rkv_layer_bytes(s, p->layer), grown;
    rkv_status status = append(heads, p, (int64_t)(s->n_seen - p->shape.n_tokens));
    if (!status) status = attend(s, heads, p, true, out);
    rkv_session_account(s, before, grown = rkv_layer_bytes(s, p->layer));
    double start = rkv_now_s();
    if (!status && wants_record(s)) status = rkv_layer_record_take(s, p->layer, &record);
    if (!status) status = evict(s, p);
    rkv_session_account(s, grown, rkv_layer_bytes(s, p->layer));
    s->compress_s += rkv_now_s() - start;
    if (!status && wants_record(s)) status = rkv_layer_report(s, p->layer, &record);
    rkv_layer_record_clear(s, &record);
    return status;
}

static rkv_status check_ids(const rkv_session *s, const int32_t *ids, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (ids[i] < 0 || (size_t)ids[i] >= s->model->config.n_vocab)
            return rkv_fail(RKV_USAGE, "token %zu is %d: the vocabulary has 0 to %zu", i, (int)ids[i],
                            s->model->config.n_vocab - 1);
    return RKV_OK;
}

rkv_status rkv_session_decode(rkv_session *s, int32_t id) {
    rkv_status status = check_usable(s, true);
    if (!status) status = check_ids(s, &id, 1);
    if (!status && !s->forward) status = rkv_forward_new(&s->forward, s->model, 1);
    if (!status) status = make_rotation(s, longest_head(s) + 1);
    if (!status) status = read_tokens(s, &id, 1);
    if (status) return status;
    s->changes_phase = enter_phase(s, s->n_seen);
    rkv_pass pass = {.ids = &id,
                     .n = 1,
                     .first = (int64_t)s->n_seen - 1,
                     .unrotated = s->options.positions == RKV_POSITIONS_CACHE,
                     .attend = attend_step,
                     .user = s,
                     .last_logits = s->logits};
    status = rkv_forward_run(s->forward, &pass, NULL);
    if (!status && s->options.verify) status = rkv_session_verify_bytes(s);
    s->failed = status != RKV_OK;
    s->step++;
    return status;
}

/* ---- a continuation ---- */

/* Attention of a continuation: to a copy of the layer's cache that lasts for the call. */
static rkv_status attend_copy(void *user, const rkv_projection *p, float *out) {
    const rkv_session *s = user;
    rkv_entries *heads = NULL;
    rkv_status status = rkv_alloc(&heads, p->shape.n_kv_heads, sizeof *heads);
    for (size_t g = 0; !status && g < p->shape.n_kv_heads; g++)
        status = rkv_entries_copy(&heads[g], &s->layers[p->layer].heads[g]);
    if (!status) status = append(heads, p, (int64_t)s->n_seen);
    if (!status) status = attend(s, heads, p, false, out);
    for (size_t g = 0; heads && g < p->shape.n_kv_heads; g++)
        rkv_entries_clear(&heads[g]);
    free(heads);
    return status;
}

/* -ln softmax(logits)[id]. */
static double loss_of(const float *logits, size_t n, int32_t id) {
    double largest = logits[0], sum = 0;
    for (size_t i = 1; i < n; i++)
        if (logits[i] > largest) largest = logits[i];
    for (size_t i = 0; i < n; i++)
        sum += exp(logits[i] - largest);
    return largest + log(sum) - logits[id];
}

/* One pass over the n tokens ids after the cache; it makes losses or all logits, whichever is not NULL. */
static rkv_status run_continuation(rkv_session *s, const int32_t *ids, size_t n, rkv_losses *losses,
                                   float *logits) {
    rkv_forward *forward = NULL;
    rkv_status status = make_rotation(s, longest_head(s) + n);
    if (!status) status = rkv_forward_new(&forward, s->model, n);
    rkv_pass pass = {.ids = ids,
                     .n = n,
                     .first = (int64_t)s->n_seen,
                     .unrotated = s->options.positions == RKV_POSITIONS_CACHE,
                     .attend = attend_copy,
                     .user = s,
                     .losses = losses,
                     .all_logits = logits,
                     .progress = s->options.progress};
    if (!status) status = rkv_forward_run(forward, &pass, NULL);
    rkv_forward_free(forward);
    return status;
}

static rkv_status check_continuation(const rkv_session *s, const int32_t *ids, size_t n) {
    rkv_status status = check_usable(s, true);
    if (!status && n == 0) status = rkv_fail(RKV_USAGE, "the continuation has no tokens");
    if (!status) status = check_ids(s, ids, n);
    if (!status && n > INT32_MAX - s->n_seen)
        status = rkv_fail(RKV_USAGE, "a text of more than %d tokens has no positions", INT32_MAX);
    return status;
}

/* nll [n - 1] of the tokens after the first; n > 1. */
static rkv_status later_losses(rkv_session *s, const int32_t *ids, size_t n, double *nll) {
    rkv_losses losses = {0};
    double *rest = NULL, perplexity;
    rkv_status status = rkv_losses_new(&losses, ids, n);
    if (!status) status = run_continuation(s, ids, n - 1, &losses, NULL);
    if (!status) status = rkv_losses_finish(&losses, n, &rest, &perplexity);
    if (!status) memcpy(nll, rest, (n - 1) * sizeof *rest);
    free(rest);
    rkv_losses_clear(&losses);
    return status;
}

rkv_status rkv_session_losses(rkv_session *s, const int32_t *ids, size_t n, double *nll) {
    rkv_status status = check_continuation(s, ids, n);
    if (status) return status;
    double first = loss_of(s->logits, s->model->config.n_vocab, ids[0]);
    if (n > 1) status = later_losses(s, ids, n, nll + 1);
    if (!status) nll[0] = first;
    return status;
}

rkv_status rkv_session_foresee(rkv_session *s, const int32_t *ids, size_t n, float *logits) {
    size_t n_vocab = s->model->config.n_vocab;
    rkv_status status = check_continuation(s, ids, n);
    if (!status && n > 1) status = run_continuation(s, ids, n - 1, NULL, logits + n_vocab);
    if (!status) memcpy(logits, s->logits, n_vocab * sizeof *logits);
    return status;
}
