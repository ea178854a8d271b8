/* test_forward.c: the forward pass through a hook: many tokens at once or one by one, weights decoded or read
 * in the file, positions. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rankkv/rankkv.h>

#include "io/tensor_type.h"
#include "model/forward.h"
#include "support/plain_cache.h"
#include "support/temporary.h"
#include "support/tiny_model.h"

#define T 12

static int32_t ids[T];
static float logits[2][512];

static int make(void **state) {
    (void)state;
    temporary_make();
    for (size_t i = 0; i < T; i++)
        ids[i] = (int32_t)(TINY_MODEL_FIRST_BYTE + i * 37 % 250);
    assert_true(tiny_model_n_vocab() <= sizeof *logits / sizeof **logits);
    return 0;
}

static rkv_model *open_type(const char *type, rkv_weights weights) {
    rkv_model *model;
    rkv_model_options options = {.weights = weights};
    const char *path = temporary_path("tiny.gguf");
    if (tiny_model_write(path, &(tiny_model_options){.type = type, .seed = 5}) ||
        rkv_model_open(&model, path, &options))
        fail_msg("%s", rkv_message());
    return model;
}

static rkv_forward *forward_of(rkv_model *model) {
    rkv_forward *forward;
    if (rkv_forward_new(&forward, model, T)) fail_msg("%s", rkv_message());
    return forward;
}

/* Logits are about 1 in size, and rounding reaches them through two layers: measured below 5e-6. */
#define TOLERANCE 5e-5

static void assert_close(const char *what, const float *a, const float *b, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)a[i] - (double)b[i]) <= TOLERANCE))
            fail_msg("%s: number %zu is %.9g and %.9g", what, i, (double)a[i], (double)b[i]);
}

/* The prompt in passes of `step` tokens; logits of the last. */
static void run_in_steps(rkv_model *model, size_t step, float *out) {
    rkv_forward *forward = forward_of(model);
    plain_cache cache = plain_cache_new(model, T);
    for (size_t t = 0; t < T; t += step)
        plain_cache_run(&cache, forward, ids + t, T - t < step ? T - t : step, (int64_t)t, false, out);
    plain_cache_clear(&cache);
    rkv_forward_free(forward);
}

/* ---- the same in every way ---- */

/* Whatever the weights' type: passes of 1 to 4 tokens may read the file, longer ones decode. */
static void test_steps_of_any_length(void **state) {
    (void)state;
    const rkv_tensor_type *type;
    for (size_t i = 0; (type = rkv_tensor_type_at(i)); i++) {
        rkv_model *model = open_type(type->name, RKV_WEIGHTS_RESIDENT);
        rkv_prefill_result whole;
        assert_int_equal(rkv_prefill(model, ids, T, NULL, &whole), RKV_OK);
        for (size_t step = 1; step <= T; step += step < 5 ? 1 : T - 5) {
            char what[64];
            snprintf(what, sizeof what, "%s in steps of %zu", type->name, step);
            run_in_steps(model, step, logits[0]);
            assert_close(what, logits[0], whole.last_logits, whole.n_vocab);
        }
        rkv_prefill_result_clear(&whole);
        rkv_model_close(model);
    }
}

/* Streamed or resident, before and after a long pass: the same bits. */
static void test_same_bits_whatever_ran_before(void **state) {
    (void)state;
    const rkv_tensor_type *type;
    size_t bytes = tiny_model_n_vocab() * sizeof(float);
    for (size_t i = 0; (type = rkv_tensor_type_at(i)); i++)
        for (size_t step = 1; step <= T; step += 5) {
            rkv_model *resident = open_type(type->name, RKV_WEIGHTS_RESIDENT);
            rkv_model *streamed = open_type(type->name, RKV_WEIGHTS_STREAMED);
            run_in_steps(resident, step, logits[0]);
            run_in_steps(streamed, step, logits[1]);
            assert_memory_equal(logits[0], logits[1], bytes);
            run_in_steps(resident, T, logits[1]);
            run_in_steps(resident, step, logits[1]);
            assert_memory_equal(logits[0], logits[1], bytes);
            rkv_model_close(resident);
            rkv_model_close(streamed);
        }
}

/* Steps of one token leave weights undecoded where matvec knows their form. */
static void test_single_tokens_decode_nothing(void **state) {
    (void)state;
    const rkv_tensor_type *type;
    for (size_t i = 0; (type = rkv_tensor_type_at(i)); i++) {
        rkv_model *model = open_type(type->name, RKV_WEIGHTS_RESIDENT);
        run_in_steps(model, 1, logits[0]);
        assert_int_equal(model->layers[1].down != NULL, type->form == RKV_WEIGHT_OTHER);
        assert_int_equal(model->output != NULL, type->form == RKV_WEIGHT_OTHER);
        rkv_model_close(model);
    }
}

/* ---- positions ---- */

/* Attention sees differences of positions only. */
static void test_shifted_positions_change_nothing(void **state) {
    (void)state;
    rkv_model *model = open_type("F32", RKV_WEIGHTS_RESIDENT);
    rkv_forward *forward = forward_of(model);
    const int64_t shifts[] = {0, 1, 1000, -3};
    for (size_t i = 0; i < sizeof shifts / sizeof *shifts; i++) {
        plain_cache cache = plain_cache_new(model, T);
        plain_cache_run(&cache, forward, ids, T - 1, shifts[i], false, logits[i > 0]);
        plain_cache_run(&cache, forward, ids + T - 1, 1, shifts[i] + T - 1, false, logits[i > 0]);
        if (i) assert_close("shifted", logits[1], logits[0], tiny_model_n_vocab());
        plain_cache_clear(&cache);
    }
    rkv_forward_free(forward);
    rkv_model_close(model);
}

/* Turning what an unrotated pass leaves gives what a rotated one leaves: by `turn` in one go, by the angles
 * of the position, or among other rows. */
static void assert_turned(const rkv_model *model, const float *plain, const float *rotated,
                          int64_t position) {
    const rkv_rope *rope = &model->rope;
    size_t d = rope->head_dim;
    int32_t by = (int32_t)position;
    float turned[64], rotated_too[64], angles[64];
    assert_true(d <= 64);
    memcpy(turned, plain, d * sizeof *turned);
    memcpy(rotated_too, plain, d * sizeof *turned);
    rkv_rope_turn(rope, position, turned);
    rkv_rope_angles(rope, position, angles);
    rkv_rope_rotate(rope, angles, rotated_too);
    assert_close("turned", turned, rotated, d);
    assert_memory_equal(turned, rotated_too, d * sizeof *turned);
    const rkv_turned_rows row = {plain, rotated_too, 1, 1, &by};
    assert_int_equal(rkv_rope_turn_rows(rope, model->backend, &row, 1, false), RKV_OK);
    assert_memory_equal(turned, rotated_too, d * sizeof *turned);
    rkv_rope_turn(rope, -position, turned);
    assert_close("turned back", turned, plain, d);
}

static void test_unrotated_keys_can_be_turned(void **state) {
    (void)state;
    enum { FIRST = 40 };
    rkv_model *model = open_type("F32", RKV_WEIGHTS_RESIDENT);
    const rkv_config *c = &model->config;
    rkv_forward *forward = forward_of(model);
    plain_cache rotated = plain_cache_new(model, T), plain = plain_cache_new(model, T);
    plain_cache_run(&rotated, forward, ids, T, FIRST, false, logits[0]);
    plain_cache_run(&plain, forward, ids, T, FIRST, true, logits[1]);
    for (size_t t = 0; t < T; t++) {
        for (size_t g = 0; g < c->n_kv_heads; g++)
            assert_turned(model, plain_cache_row(&plain, plain.keys, 0, g, t),
                          plain_cache_row(&rotated, rotated.keys, 0, g, t), FIRST + (int64_t)t);
        for (size_t h = 0; h < c->n_heads; h++)
            assert_turned(model, plain.queries + (h * T + t) * c->head_dim,
                          rotated.queries + (h * T + t) * c->head_dim, FIRST + (int64_t)t);
    }
    assert_memory_equal(plain.values, rotated.values, c->n_kv_heads * T * c->head_dim * sizeof(float));
    plain_cache_clear(&rotated);
    plain_cache_clear(&plain);
    rkv_forward_free(forward);
    rkv_model_close(model);
}

/* Both pairings, linear scaling and factors, against the formula. */
static void test_rope_formula(void **state) {
    (void)state;
    const float factors[] = {1, 2, 0.5f, 8};
    const rkv_gguf_tensor tensor = {.type = rkv_tensor_type_find(0), .n_elements = 4, .data = factors};
    for (rkv_rope_pairing pairing = RKV_ROPE_ADJACENT; pairing <= RKV_ROPE_HALVES; pairing++) {
        const rkv_architecture architecture = {"any", pairing};
        const rkv_config c = {
            .architecture = &architecture, .head_dim = 8, .rope_base = 10000, .rope_scale = 4};
        rkv_rope rope;
        assert_int_equal(rkv_rope_make(&rope, &c, &tensor), RKV_OK);
        for (size_t i = 0; i < 4; i++) {
            float row[8] = {0};
            size_t a = pairing == RKV_ROPE_ADJACENT ? 2 * i : i,
                   b = pairing == RKV_ROPE_ADJACENT ? a + 1 : a + 4;
            double angle = 30 * pow(10000, -(double)i / 4) / 4 / (double)factors[i];
            row[a] = 1;
            rkv_rope_turn(&rope, 30, row);
            assert_true(fabs((double)row[a] - cos(angle)) < 1e-7);
            assert_true(fabs((double)row[b] - sin(angle)) < 1e-7);
        }
        rkv_rope_clear(&rope);
        assert_int_equal(rkv_rope_make(&rope, &c, NULL), RKV_OK);
        assert_true(fabs(rope.frequency[1] - 0.1 / 4) < 1e-12);
        rkv_rope_clear(&rope);
    }
}

/* ---- logits and losses ---- */

/* Losses of some tokens only are those tokens' losses of the whole, bit for bit; logits need not be asked
 * for.
 */
static void test_losses_of_some_tokens(void **state) {
    (void)state;
    enum { FROM = 3, TO = 9 };
    rkv_model *model = open_type("Q4_1", RKV_WEIGHTS_RESIDENT);
    rkv_forward *forward = forward_of(model);
    rkv_losses all = {0}, some = {0};
    rkv_losses *const both[] = {&all, &some};
    for (size_t i = 0; i < 2; i++) {
        plain_cache cache = plain_cache_new(model, T);
        rkv_pass pass = {.ids = ids, .n = T, .attend = plain_cache_attend, .user = &cache, .losses = both[i]};
        assert_int_equal(rkv_losses_new(both[i], ids, T), RKV_OK);
        for (size_t t = 0; i && t < T; t++)
            if (t < FROM || t >= TO) some.target[t] = -1;
        assert_int_equal(rkv_forward_run(forward, &pass, NULL), RKV_OK);
        plain_cache_clear(&cache);
    }
    for (size_t t = 0; t < T; t++) {
        assert_int_equal(isfinite(some.maximum[t]) != 0, t >= FROM && t < TO);
        if (t < FROM || t >= TO) continue;
        assert_true(some.maximum[t] == all.maximum[t] && some.sum[t] == all.sum[t] &&
                    some.target_logit[t] == all.target_logit[t]);
    }
    rkv_losses_clear(&all);
    rkv_losses_clear(&some);
    rkv_forward_free(forward);
    rkv_model_close(model);
}

/* Runs pass over its n tokens, attending to one another. */
static void run_alone(rkv_model *model, rkv_pass pass) {
    rkv_forward *forward = forward_of(model);
    plain_cache cache = plain_cache_new(model, T);
    pass.ids = ids;
    pass.attend = plain_cache_attend;
    pass.user = &cache;
    assert_int_equal(rkv_forward_run(forward, &pass, NULL), RKV_OK);
    plain_cache_clear(&cache);
    rkv_forward_free(forward);
}

/* All logits are those of the last token of every prefix. Asking for them changes nothing else: not one bit.
 */
static void test_all_logits(void **state) {
    (void)state;
    rkv_model *model = open_type("Q4_1", RKV_WEIGHTS_STREAMED);
    size_t n_vocab = tiny_model_n_vocab();
    float *all = malloc(T * n_vocab * sizeof *all);
    rkv_losses losses[2] = {0};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(rkv_losses_new(&losses[i], ids, T), RKV_OK);
        run_alone(model, (rkv_pass){.n = T, .all_logits = i ? all : NULL, .losses = &losses[i]});
    }
    assert_memory_equal(losses[0].sum, losses[1].sum, (T - 1) * sizeof *losses[0].sum);
    assert_memory_equal(losses[0].target_logit, losses[1].target_logit, (T - 1) * sizeof(double));
    for (size_t n = 1; n <= T; n++) {
        run_alone(model, (rkv_pass){.n = n, .last_logits = logits[0]});
        assert_close("a prefix's logits", logits[0], all + (n - 1) * n_vocab, n_vocab);
    }
    run_alone(model, (rkv_pass){.n = T, .last_logits = logits[0], .all_logits = all});
    assert_memory_equal(logits[0], all + (T - 1) * n_vocab, n_vocab * sizeof *all);
    rkv_losses_clear(&losses[0]);
    rkv_losses_clear(&losses[1]);
    free(all);
    rkv_model_close(model);
}

/* ---- refusing and stopping ---- */

static rkv_status refuse(void *user, const rkv_projection *projection, float *out) {
    (void)out;
    *(size_t *)user += 1;
    return projection->layer == 1 ? RKV_IO : RKV_OK;
}

static void test_attention_may_end_the_pass(void **state) {
    (void)state;
    rkv_model *model = open_type("F32", RKV_WEIGHTS_STREAMED);
    rkv_forward *forward = forward_of(model);
    size_t calls = 0;
    double load_s = 1;
    rkv_pass pass = {.ids = ids, .n = 7, .attend = refuse, .user = &calls, .last_logits = logits[0]};
    assert_int_equal(rkv_forward_run(forward, &pass, &load_s), RKV_IO);
    assert_int_equal(calls, 2);
    assert_true(load_s > 1); /* increased, not set */
    rkv_forward_free(forward);
    rkv_model_close(model);
}

static void test_vocabulary_alone_cannot_run(void **state) {
    (void)state;
    rkv_model *model;
    rkv_forward *forward;
    rkv_model_options options = {.vocabulary_only = true};
    rkv_model_close(open_type("F32", RKV_WEIGHTS_AUTO));
    assert_int_equal(rkv_model_open(&model, temporary_path("tiny.gguf"), &options), RKV_OK);
    assert_int_equal(rkv_forward_new(&forward, model, T), RKV_USAGE);
    assert_null(forward);
    rkv_model_close(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps_of_any_length),
        cmocka_unit_test(test_same_bits_whatever_ran_before),
        cmocka_unit_test(test_single_tokens_decode_nothing),
        cmocka_unit_test(test_shifted_positions_change_nothing),
        cmocka_unit_test(test_unrotated_keys_can_be_turned),
        cmocka_unit_test(test_rope_formula),
        cmocka_unit_test(test_losses_of_some_tokens),
        cmocka_unit_test(test_all_logits),
        cmocka_unit_test(test_attention_may_end_the_pass),
        cmocka_unit_test(test_vocabulary_alone_cannot_run),
    };
    return cmocka_run_group_tests(tests, make, temporary_tear_down);
}
