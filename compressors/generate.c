/* generate.c: tokens, one after the other. */
#include <stdlib.h>

#include "compressors/executor.h"
#include "core/clock.h"
#include "core/fail.h"
#include "core/memory.h"

typedef struct run {
    rkv_session *session;
    const rkv_generate_options *options;
    uint64_t random;
    int32_t end;     /* -1: the model has no end-of-text token */
    size_t capacity; /* of the ids */
} run;

/* Draws a token after the last step, and tells of it. */
static rkv_status draw(run *r, rkv_generation *out) {
    int32_t id;
    rkv_status status =
        rkv_sample(r->session->logits, r->session->model->config.n_vocab, r->options, &r->random, &id);
    if (!status) status = rkv_grow(&out->ids, &r->capacity, out->n + 1, sizeof *out->ids);
    if (status) return status;
    out->ids[out->n++] = id;
    out->ended = id == r->end && !r->options->ignore_end;
    return r->options->on_token ? r->options->on_token(r->options->user, id) : RKV_OK;
}

static rkv_status draw_all(run *r, rkv_generation *out) {
    double start = rkv_now_s();
    rkv_status status = draw(r, out);
    out->first_s = rkv_now_s() - start;
    start = rkv_now_s();
    while (!status && !out->ended && out->n < r->options->n_tokens) {
        status = rkv_session_decode(r->session, out->ids[out->n - 1]);
        if (!status) status = draw(r, out);
    }
    out->decode_s = rkv_now_s() - start;
    return status;
}

rkv_status rkv_session_generate(rkv_session *s, const rkv_generate_options *options, rkv_generation *out) {
    *out = (rkv_generation){0};
    if (!rkv_session_logits(s))
        return rkv_fail(RKV_USAGE, "the session has read no prompt, or a step of it failed");
    if (options->n_tokens == 0) return RKV_OK;
    run r = {.session = s,
             .options = options,
             .random = options->seed,
             .end = rkv_tokenizer_eos(s->model->tokenizer)};
    rkv_status status = draw_all(&r, out);
    if (status) {
        free(out->ids);
        *out = (rkv_generation){0};
    }
    return status;
}
