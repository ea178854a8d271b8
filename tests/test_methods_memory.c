/* test_methods_memory.c: the k-th allocation fails, for every k: specifications, schedules, selections and
 * fits say so, and nothing leaks (the sanitizers' build looks). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "backend/cpu.h"
#include "support/failing_allocator.h"
#include "support/sample_view.h"

/* ---- the calls ---- */

typedef struct trial {
    sample_view *sample;
    rkv_layer_view view;
    const rkv_stage *stage;
    const char *text;
} trial;

static rkv_status parse(trial *t) {
    rkv_status status = rkv_method_check(t->text);
    return status == RKV_USAGE ? RKV_OK : status; /* refused, with all of its message */
}

static rkv_status parse_schedule(trial *t) {
    rkv_schedule schedule;
    rkv_status status = rkv_schedule_parse(&schedule, t->text);
    if (status == RKV_OK) rkv_schedule_clear(&schedule);
    return status == RKV_USAGE ? RKV_OK : status;
}

static rkv_status choose(trial *t) {
    const struct rkv_method_ops *ops = t->stage->method->ops;
    const rkv_option_values *values = &t->stage->values;
    const sample_view *s = t->sample;
    rkv_status status = RKV_OK;
    if (ops->observe) status = ops->observe(values, &s->queries, &s->shape, &s->rope, t->view.state);
    if (!status) status = ops->score(values, &t->view, s->score);
    if (!status && ops->share) status = ops->share(values, &t->view, s->score, s->budget);
    return status;
}

static rkv_status plan(trial *t) {
    size_t budgets[] = {250, 250, 250};
    return t->stage->method->ops->plan(&t->stage->values, 1000, 3, budgets);
}

static rkv_status fit(trial *t) {
    const rkv_head_view *head = &t->view.heads[0];
    float *basis = NULL;
    size_t rank, d = t->view.head_dim;
    double *gram = malloc(d * d * sizeof *gram);
    rkv_status status = rkv_cpu_gram(NULL, &(rkv_head_rows){head->keys, head->n}, 1, d, &gram);
    if (!status)
        status = t->stage->method->ops->fit(&t->stage->values, true, gram, head->n, d, &basis, &rank);
    free(basis), free(gram);
    return status;
}

/* ---- failing, one after the other ---- */

/* The number of allocations that the call makes. */
static long fail_each(rkv_status (*call)(trial *), trial *t, const char *what) {
    for (long k = 0;; k++) {
        allocations_left = k;
        allocation_failed = false;
        rkv_status status = call(t);
        allocations_left = -1;
        if (!allocation_failed) {
            if (status) fail_msg("%s: %s", what, rkv_message());
            return k;
        }
        if (status != RKV_NO_MEMORY) fail_msg("%s: allocation %ld failed, status %d", what, k, (int)status);
    }
}

static void test_parsing(void **state) {
    (void)state;
    assert_true(fail_each(parse, &(trial){.text = "nothing"}, "nothing") > 0);
    assert_true(fail_each(parse, &(trial){.text = "window:nothing=1"}, "window:nothing=1") > 0);
    assert_true(fail_each(parse_schedule, &(trial){.text = "0:full,1:window"}, "schedule") > 0);
    assert_true(fail_each(parse_schedule, &(trial){.text = "0:full,1:w"}, "schedule") > 0);
}

static void try_method(const rkv_method *method, const sample_view_options *options) {
    rkv_pipeline pipeline;
    sample_view s;
    assert_int_equal(rkv_pipeline_parse(&pipeline, method->name), RKV_OK);
    sample_view_make(&s, options);
    const char *first = method->kind == RKV_SELECTION ? method->name : "full";
    sample_view_select(&s, first, 20); /* for its state */
    trial t = {&s, s.view, &pipeline.stages[0], NULL};
    t.view.state = s.state;
    if (method->kind == RKV_SELECTION) fail_each(choose, &t, method->name);
    if (method->ops->plan) fail_each(plan, &t, method->name);
    if (method->ops->fit) fail_each(fit, &t, method->name);
    sample_view_clear(&s);
}

static void test_methods(void **state) {
    (void)state;
    for (size_t i = 0; rkv_method_at(i); i++) {
        try_method(rkv_method_at(i), &(sample_view_options){.seed = i, .n_seen = 90}); /* above any window */
        try_method(rkv_method_at(i), &(sample_view_options){
                                         .seed = i, .n_prompt = 30, .ragged = true, .cache_positions = true});
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parsing),
        cmocka_unit_test(test_methods),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
