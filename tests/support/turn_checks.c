/* turn_checks.c: rows turned by positions, against the plain loop. */
#include "support/turn_checks.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/device_data.h"
#include "support/plain_ops.h"

#define U 0x1p-24 /* float32's unit roundoff */

/* More lists than a launch has. */
enum { LISTS = 35, FAR = 1 << 20 };

/* Some lists in host memory, and the same in a device's. */
typedef struct lists {
    rkv_backend *backend;
    rkv_turning task; /* its lists are `there` */
    rkv_turned_rows here[LISTS], there[LISTS];
} lists;

/* Positions near and far, before and behind. */
static int32_t *draw_positions(size_t n) {
    int32_t *by = malloc((n + 1) * sizeof *by);
    for (size_t i = 0; i < n; i++)
        by[i] = (int32_t)rkv_random_below(&dice, i % 3 ? 2 * FAR + 1 : 9) - (i % 3 ? FAR : 4);
    if (n) by[0] = FAR;
    return by;
}

static void lists_new(lists *s, rkv_backend *b, size_t d, size_t n_lists) {
    static const size_t lengths[] = {7, 0, 1, 131, 64, 2};
    double *frequency = malloc((d / 2 + 1) * sizeof *frequency);
    for (size_t i = 0; i < d / 2; i++)
        frequency[i] = pow(10000, -2.0 * (double)i / (double)d);
    *s = (lists){.backend = b,
                 .task = {.lists = s->there, .n_lists = n_lists, .head_dim = d, .frequency = frequency}};
    for (size_t i = 0; i < n_lists; i++) {
        size_t n = lengths[i % 6], each = 1 + i % 4 / 2 * 2, cells = each * n * d;
        rkv_turned_rows *here = &s->here[i], *there = &s->there[i];
        float *rows = random_floats(cells);
        int32_t *by = i % 2 ? NULL : draw_positions(n);
        float *from = on_device(b, rows, cells);
        *here = (rkv_turned_rows){.from = rows, .each = each, .n = n, .by = by};
        *there = *here;
        there->from = from;
        there->to = i % 3 ? from : empty_device(b, cells);
    }
}

static void lists_free(lists *s) {
    rkv_backend *b = s->backend;
    for (size_t i = 0; i < s->task.n_lists; i++) {
        if (s->there[i].to != s->there[i].from) b->ops->release(b, s->there[i].to);
        b->ops->release(b, (float *)s->there[i].from);
        free((float *)s->here[i].from), free((int32_t *)s->here[i].by);
    }
    free((double *)s->task.frequency);
}

/* Cosine and sine are rounded to float32, the products and their sum as well: of x cos - y sin that is at
 * most 3 U (|x cos| + |y sin|) <= 3 U r, r the length of the pair (x, y), and a little for what is of order
 * U^2 and the rounding of cosine and sine in float64. Both begin with the same float64 angle. */
static void assert_list(const lists *s, size_t index, const float *got) {
    const rkv_turned_rows *list = &s->here[index];
    size_t d = s->task.head_dim, cells = list->each * list->n * d;
    bool adjacent = s->task.pairing == RKV_ROPE_ADJACENT;
    double *expected = malloc((cells + 1) * sizeof *expected);
    plain_turn_rows(&s->task, list, expected);
    for (size_t i = 0; i < cells; i++) {
        size_t at = i % d, half = d / 2;
        size_t other = adjacent ? at ^ 1 : at < half ? at + half : at - half;
        bool lone = at >= 2 * half;
        double pair = lone ? 0 : hypot((double)list->from[i], (double)list->from[i - at + other]);
        if (!(fabs((double)got[i] - expected[i]) <= 3.01 * U * pair))
            fail_msg("turn on %s: D = %zu, list %zu of %zu rows, number %zu is %.9g, not %.9g",
                     s->backend->ops->name, d, index, list->n, i, (double)got[i], expected[i]);
    }
    free(expected);
}

static void assert_lists(lists *s) {
    rkv_backend *b = s->backend;
    assert_int_equal(b->ops->turn(b, &s->task), RKV_OK);
    for (size_t i = 0; i < s->task.n_lists; i++) {
        const rkv_turned_rows *there = &s->there[i];
        size_t cells = there->each * there->n * s->task.head_dim;
        float *got = malloc((cells + 1) * sizeof *got);
        assert_int_equal(b->ops->download(b, got, there->to, cells), RKV_OK);
        assert_list(s, i, got);
        /* what is turned where it is lies there again for the next turn */
        assert_int_equal(b->ops->upload(b, (float *)there->from, s->here[i].from, cells), RKV_OK);
        free(got);
    }
}

/* Both pairings, there and back; widths with a number in no pair, and with more pairs than a launch has; more
 * lists than that of the narrow ones. */
void check_turn(rkv_backend *b) {
    static const size_t widths[] = {1, 2, 5, 6, 64, 67, 128, 256, 257, 302};
    for (size_t i = 0; i < 4 * sizeof widths / sizeof *widths; i++) {
        lists s;
        lists_new(&s, b, widths[i / 4], widths[i / 4] < 7 ? LISTS : 4);
        s.task.pairing = i % 2 ? RKV_ROPE_HALVES : RKV_ROPE_ADJACENT;
        s.task.back = i % 4 / 2;
        assert_lists(&s);
        lists_free(&s);
    }
    assert_int_equal(b->ops->turn(b, &(rkv_turning){.head_dim = 4}), RKV_OK); /* no lists */
}

/* A bad number spoils its own pair. */
void check_turn_of_bad_values(rkv_backend *b) {
    enum { D = 6, N = 3 };
    float rows[N * D] = {[D + 4] = NAN, [2 * D] = INFINITY}, got[N * D];
    static const double frequency[D / 2] = {1, 0.1, 0.01};
    float *device = on_device(b, rows, N * D);
    const rkv_turned_rows list = {device, device, 1, N, NULL};
    const rkv_turning task = {
        .lists = &list, .n_lists = 1, .head_dim = D, .frequency = frequency, .pairing = RKV_ROPE_HALVES};
    assert_int_equal(b->ops->turn(b, &task), RKV_OK);
    assert_int_equal(b->ops->download(b, got, device, N * D), RKV_OK);
    for (size_t i = 0; i < N * D; i++) {
        bool bad = i == D + 1 || i == D + 4 || i == 2 * D || i == 2 * D + 3;
        assert_true(bad ? !isfinite(got[i]) : got[i] == 0);
    }
    b->ops->release(b, device);
}
