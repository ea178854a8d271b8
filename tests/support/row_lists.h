/* row_lists.h: lists of rows for tests: every form with every kind of group, in ordinary memory or a
 * device's. */
#ifndef RKV_TESTS_ROW_LISTS_H
#define RKV_TESTS_ROW_LISTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/backend.h"
#include "core/random.h"

/* Every form with every kind of group; a new form comes in by itself. */
rkv_row_format row_format_at(size_t i);
size_t row_format_count(void);

const char *row_form_name(rkv_row_form form);
size_t row_form_bits(rkv_row_form form);
bool rows_are_integers(const rkv_row_format *format);
bool rows_by_channel(const rkv_row_format *format);

/* About what keys look like: values around 0 of size 1, some channels 30 times that and off centre; to be
 * freed. */
float *random_rows(rkv_random *dice, size_t n, size_t width);

/* An empty list, or one with x [n, width]; where NULL: in ordinary memory. The running test fails where it
 * cannot be made. */
rkv_rows *new_rows(rkv_backend *where, rkv_row_format format, size_t width);
rkv_rows *filled_rows(rkv_backend *where, rkv_row_format format, size_t width, const float *x, size_t n);

/* All of them; to be freed. */
float *read_rows(const rkv_rows *rows);

/* The rows index [n] of x [.., width], to the front. */
void pick_rows(float *x, size_t width, const uint32_t *index, size_t n);

/* A random part of count rows; `share` of 10 stay. */
size_t random_part(rkv_random *dice, size_t count, size_t share, uint32_t *index);

#endif
