/* decode.c: one more token: it joins the cache, attends to it, and then the methods evict. */
#include "compressors/executor.h"
#include "core/clock.h"

static rkv_status observe(rkv_session *s, const rkv_projection *p) {
    size_t m = p->shape.n_tokens;
    const rkv_observation query = {.backend = s->model->backend,
                                   .q = p->q,
                                   .m = m,
                                   .first = (int64_t)(s->n_seen - m),
                                   .rotated = s->options.positions == RKV_POSITIONS_ORIGINAL};
    return rkv_session_observes(s) ? rkv_layer_observe(s, p->layer, &query) : RKV_OK;
}

/* Who looks at what a device made waits for it: for its attention, too, whose time is not the methods'. */
static rkv_status wait_for_attention(const rkv_session *s) {
    const unsigned looked_at = RKV_NEEDS_QUERIES | RKV_NEEDS_KEYS | RKV_NEEDS_VALUES;
    rkv_backend *backend = s->model->backend;
    if (rkv_session_is_settled(s) || !(s->schedule.needs & looked_at)) return RKV_OK;
    return backend->ops->wait(backend);
}

static rkv_status evict(rkv_session *s, const rkv_projection *p) {
    if (rkv_session_is_settled(s)) return RKV_OK;
    rkv_status status = observe(s, p);
    if (!status && s->changes_phase) return rkv_layer_change_phase(s, p->layer);
    if (!status && rkv_session_evicts(s)) status = rkv_layer_evict(s, p->layer);
    return status;
}

static rkv_status attend_step(void *user, const rkv_projection *p, float *out) {
    rkv_session *s = user;
    rkv_entries *heads = s->layers[p->layer].heads;
    rkv_layer_record record = {0};
    size_t before = rkv_layer_bytes(s, p->layer), grown;
    rkv_status status = rkv_layer_append(heads, p, (int64_t)(s->n_seen - p->shape.n_tokens));
    if (!status) status = rkv_layer_attend(s, heads, p, true, out);
    if (!status) status = wait_for_attention(s);
    rkv_session_account(s, before, grown = rkv_layer_bytes(s, p->layer));
    double start = rkv_now_s();
    if (!status && rkv_session_wants_record(s)) status = rkv_layer_record_take(s, p->layer, &record);
    if (!status) status = evict(s, p);
    rkv_session_account(s, grown, rkv_layer_bytes(s, p->layer));
    s->compress_s += rkv_now_s() - start;
    if (!status && rkv_session_wants_record(s)) status = rkv_layer_report(s, p->layer, &record);
    rkv_layer_record_clear(s, &record);
    return status;
}

rkv_status rkv_session_decode(rkv_session *s, int32_t id) {
    rkv_status status = rkv_session_check_usable(s, true);
    if (!status) status = rkv_session_check_ids(s, &id, 1);
    if (!status && !s->forward) status = rkv_forward_new(&s->forward, s->model, 1);
    if (!status) status = rkv_session_make_rotation(s, 1);
    if (!status) status = rkv_session_read_tokens(s, &id, 1);
    if (status) return status;
    s->changes_phase = rkv_session_enter_phase(s, s->n_seen);
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
