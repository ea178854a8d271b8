/* row_lists.c: lists of rows for tests. */
#include "support/row_lists.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- forms ---- */

static const char *const form_names[] = {
#define NAME(symbol, name, bits) name,
    RKV_ROW_FORM_LIST(NAME)
#undef NAME
};
static const size_t form_bits[] = {
#define BITS(symbol, name, bits) bits,
    RKV_ROW_FORM_LIST(BITS)
#undef BITS
};

static const rkv_row_format groupings[] = {
    {.axis = RKV_AXIS_TOKEN, .group = 0},    {.axis = RKV_AXIS_TOKEN, .group = 1},
    {.axis = RKV_AXIS_TOKEN, .group = 7},    {.axis = RKV_AXIS_TOKEN, .group = 32},
    {.axis = RKV_AXIS_TOKEN, .group = 1000}, {.axis = RKV_AXIS_CHANNEL, .group = 1},
    {.axis = RKV_AXIS_CHANNEL, .group = 5},  {.axis = RKV_AXIS_CHANNEL, .group = 32},
    {.axis = RKV_AXIS_CHANNEL, .group = 128}};
#define N_GROUPINGS (sizeof groupings / sizeof *groupings)

size_t row_format_count(void) {
    return RKV_ROW_FORM_COUNT * N_GROUPINGS;
}

rkv_row_format row_format_at(size_t i) {
    rkv_row_format format = groupings[i % N_GROUPINGS];
    format.form = (rkv_row_form)(i / N_GROUPINGS);
    return format;
}

const char *row_form_name(rkv_row_form form) {
    return form_names[form];
}

size_t row_form_bits(rkv_row_form form) {
    return form_bits[form];
}

bool rows_are_integers(const rkv_row_format *format) {
    return form_bits[format->form] <= 8;
}

bool rows_by_channel(const rkv_row_format *format) {
    return rows_are_integers(format) && format->axis == RKV_AXIS_CHANNEL;
}

/* ---- lists ---- */

float *random_rows(rkv_random *dice, size_t n, size_t width) {
    float *x = malloc((n * width + 1) * sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n * width; i++) {
        size_t channel = i % width;
        x[i] = (float)(4 * rkv_random_unit(dice) - 2);
        if (channel % 11 == 3) x[i] = 30 * x[i] + 50;
    }
    return x;
}

rkv_rows *new_rows(rkv_backend *where, rkv_row_format format, size_t width) {
    rkv_rows *rows = NULL;
    assert_int_equal(where ? where->ops->rows_new(where, &format, width, &rows)
                           : rkv_rows_new(&rows, &format, width),
                     RKV_OK);
    return rows;
}

rkv_rows *filled_rows(rkv_backend *where, rkv_row_format format, size_t width, const float *x, size_t n) {
    rkv_rows *rows = new_rows(where, format, width);
    assert_int_equal(rkv_rows_append(rows, x, n, width), RKV_OK);
    assert_int_equal(rkv_rows_count(rows), n);
    return rows;
}

float *read_rows(const rkv_rows *rows) {
    size_t n = rkv_rows_count(rows), width = rkv_rows_width(rows);
    float *x = malloc((n * width + 1) * sizeof *x);
    assert_non_null(x);
    assert_int_equal(rkv_rows_read(rows, 0, n, x), RKV_OK);
    return x;
}

void pick_rows(float *x, size_t width, const uint32_t *index, size_t n) {
    for (size_t i = 0; i < n; i++)
        memmove(x + i * width, x + index[i] * width, width * sizeof *x);
}

size_t random_part(rkv_random *dice, size_t count, size_t share, uint32_t *index) {
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (rkv_random_below(dice, 10) < share) index[n++] = (uint32_t)i;
    return n;
}
