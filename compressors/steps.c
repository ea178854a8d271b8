/* steps.c: what the prompt, a further token and a continuation have in common: the text as it grows, and
 * attention to the cache. */
#include <stdlib.h>

#include "compressors/executor.h"
#include "core/fail.h"
#include "core/memory.h"
#include "model/host_copy.h"

/* ---- the text ---- */

rkv_status rkv_session_check_usable(const rkv_session *s, bool has_prompt) {
    if (s->failed) return rkv_fail(RKV_USAGE, "an earlier step of this session failed: open a new one");
    if (has_prompt && s->n_seen == 0) return rkv_fail(RKV_USAGE, "the session has read no prompt yet");
    if (!has_prompt && s->n_seen > 0)
        return rkv_fail(RKV_USAGE, "the session has read a prompt of %zu tokens already", s->n_seen);
    return RKV_OK;
}

bool rkv_session_enter_phase(rkv_session *s, size_t n) {
    size_t phase = s->phase;
    while (s->phase + 1 < s->schedule.n_phases && s->schedule.phases[s->phase + 1].from <= n)
        s->phase++;
    return s->phase != phase;
}

rkv_status rkv_session_read_tokens(rkv_session *s, const int32_t *ids, size_t n) {
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

rkv_status rkv_session_check_ids(const rkv_session *s, const int32_t *ids, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (ids[i] < 0 || (size_t)ids[i] >= s->model->config.n_vocab)
            return rkv_fail(RKV_USAGE, "token %zu is %d: the vocabulary has 0 to %zu", i, (int)ids[i],
                            s->model->config.n_vocab - 1);
    return RKV_OK;
}

bool rkv_session_wants_record(const rkv_session *s) {
    return s->options.verify || s->options.on_event;
}

/* ---- attention to the cache ---- */

static size_t longest_head(const rkv_session *s) {
    size_t longest = 0;
    for (size_t l = 0; l < rkv_session_layers(s); l++)
        for (size_t g = 0; g < s->shape.n_kv_heads; g++)
            if (s->layers[l].heads[g].n > longest) longest = s->layers[l].heads[g].n;
    return longest;
}

rkv_status rkv_session_make_rotation(rkv_session *s, size_t n) {
    size_t places = longest_head(s) + n;
    if (s->options.positions != RKV_POSITIONS_CACHE || places <= s->rotation_places) return RKV_OK;
    size_t d = s->shape.head_dim, room = places + places / 2;
    rkv_backend *backend = s->model->backend;
    float *angles = NULL, *rotation = NULL;
    rkv_status status = rkv_alloc_raw(&angles, room * d, sizeof *angles);
    for (size_t i = 0; !status && i < room; i++)
        rkv_rope_angles(&s->model->rope, (int64_t)i, angles + i * d);
    if (!status) status = rkv_device_copy_new(&rotation, backend, angles, room * d);
    free(angles);
    if (status) return status;
    backend->ops->release(backend, s->rotation);
    s->rotation = rotation;
    s->rotation_places = room;
    return RKV_OK;
}

rkv_status rkv_layer_append(rkv_entries *heads, const rkv_projection *p, int64_t first) {
    size_t m = p->shape.n_tokens;
    int32_t *positions = NULL;
    rkv_status status = rkv_alloc_raw(&positions, m, sizeof *positions);
    for (size_t i = 0; !status && i < m; i++)
        positions[i] = (int32_t)(first + (int64_t)i);
    if (!status) status = rkv_entries_append_all_there(heads, p->shape.n_kv_heads, p->k, p->v, positions, m);
    free(positions);
    return status;
}

rkv_status rkv_layer_attend(const rkv_session *s, const rkv_entries *heads, const rkv_projection *p,
                            bool sums, float *out) {
    rkv_backend *backend = s->model->backend;
    rkv_cached_head *cached = NULL;
    rkv_status status = rkv_alloc(&cached, p->shape.n_kv_heads, sizeof *cached);
    if (status) return status;
    for (size_t g = 0; g < p->shape.n_kv_heads; g++)
        cached[g] = (rkv_cached_head){.keys = heads[g].keys.rows,
                                      .values = heads[g].values.rows,
                                      .key_basis = heads[g].keys.there_basis,
                                      .value_basis = heads[g].values.there_basis,
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
