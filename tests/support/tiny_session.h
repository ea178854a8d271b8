/* tiny_session.h: sessions on the tiny model, every step recounted; for the test programs of sessions. */
#ifndef RKV_TESTS_TINY_SESSION_H
#define RKV_TESTS_TINY_SESSION_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <rankkv/rankkv.h>

#include "support/temporary.h"
#include "support/tiny_model.h"

/* Tokens of the prompt, new ones, and the model's shape. */
#define T       100
#define L       2
#define G       2
#define D       16
#define NEW     30
#define N_VOCAB tiny_model_n_vocab()

static int32_t ids[T + NEW];
static rkv_model *model;

static inline int make_model(void **state) {
    (void)state;
    temporary_make();
    for (size_t i = 0; i < T + NEW; i++)
        ids[i] = (int32_t)(TINY_MODEL_FIRST_BYTE + i * i * 7 % 250);
    if (tiny_model_write(temporary_path("tiny.gguf"), NULL) != RKV_OK) return 1;
    return rkv_model_open(&model, temporary_path("tiny.gguf"), &(rkv_model_options){.device = "cpu"}) !=
           RKV_OK;
}

static inline int remove_model(void **state) {
    (void)state;
    rkv_model_close(model);
    temporary_remove();
    return 0;
}

static inline void ok(rkv_status status) {
    if (status != RKV_OK) fail_msg("%s", rkv_message());
}

static inline rkv_session *open_session(rkv_session_options options) {
    rkv_session *s;
    options.verify = true;
    ok(rkv_session_new(&s, model, &options));
    return s;
}

static inline void decode(rkv_session *s, size_t first, size_t n) {
    for (size_t i = 0; i < n; i++)
        ok(rkv_session_decode(s, ids[first + i]));
}

/* A specification of the method that works at small budgets. */
static inline const char *small_spec(const rkv_method *method) {
    static char spec[64];
    bool window = false;
    for (const rkv_method_option *o = method->options; o->name; o++)
        window |= strcmp(o->name, "window") == 0;
    snprintf(spec, sizeof spec, "%s%s", method->name, window ? ":window=8" : "");
    return spec;
}

static inline rkv_head_cache head_of(const rkv_session *s, size_t layer, size_t head) {
    rkv_head_cache h;
    ok(rkv_session_get_head(s, layer, head, &h));
    return h;
}

static inline rkv_cache_stats stats_of(const rkv_session *s) {
    rkv_cache_stats stats;
    ok(rkv_session_get_stats(s, &stats));
    return stats;
}

static inline double largest_difference(const float *a, const float *b, size_t n) {
    double largest = 0;
    for (size_t i = 0; i < n; i++)
        largest = fmax(largest, fabs((double)a[i] - (double)b[i]));
    return largest;
}

#endif
