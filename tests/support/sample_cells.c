/* sample_cells.c: cells of an evaluation made up for tests, and whether two are the same. */
#include "support/sample_cells.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <math.h>

#include <cmocka.h>

rkv_cell sample_cell(size_t setting, size_t window, size_t question) {
    const double s = (double)setting, w = (double)window, q = (double)question;
    return (rkv_cell){
        .setting = setting,
        .window = window,
        .question = question,
        .task = question ? RKV_TASK_RECALL : RKV_TASK_NATURAL,
        .query_aware = window % 2,
        .depth = question ? q / 10 : NAN,
        .total = 1000 * (setting + 1),
        .entries = 1000 * (setting + 1) - window,
        .bytes = 524288 * (setting + 1),
        .kv_bytes = 500000 * (setting + 1),
        .n_scored = 7 + question,
        .n_right = question % 3 ? 7 + question : 3,
        .loss = 3 + 0.1 * s + sin(w + q),
        .kl = setting ? 0.01 * s + 1e-3 * w : 0,
        .agreement = setting ? 1 - 1 / (3 + s + w) : 1,
        .compress_s = 0.25 + w,
        .answer_s = 1.0 / 3,
    };
}

static void same_count(const char *name, size_t a, size_t b) {
    if (a != b) fail_msg("%s: %zu and %zu", name, a, b);
}

static void same_number(const char *name, double a, double b) {
    if (a != b && !(isnan(a) && isnan(b))) fail_msg("%s: %.17g and %.17g", name, a, b);
}

#define COUNT(member)  same_count(#member, a->member, b->member)
#define NUMBER(member) same_number(#member, a->member, b->member)

void assert_same_cell(const rkv_cell *a, const rkv_cell *b, bool times) {
    COUNT(setting), COUNT(window), COUNT(question), COUNT(task), COUNT(query_aware);
    COUNT(total), COUNT(entries), COUNT(bytes), COUNT(kv_bytes), COUNT(n_scored), COUNT(n_right);
    NUMBER(depth), NUMBER(loss), NUMBER(kl), NUMBER(agreement);
    if (times) NUMBER(compress_s), NUMBER(answer_s);
    assert_int_equal(a->text == NULL, b->text == NULL);
    if (a->text) assert_string_equal(a->text, b->text);
}
