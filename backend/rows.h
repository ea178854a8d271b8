/* rows.h: the keys or the values of one head's cache: rows of `width` numbers, appended at the end, read in
 * tiles of float32, and taken out. A list lies in host memory, or in that of a device (backend.h), where its
 * attention reads it.
 *
 * Forms: 32- and 16-bit floats, and whole numbers of 8 or 4 bits with a scale and a zero point:
 *     x = zero + scale code,  code = round((x - zero) / scale),  zero = min x,  scale = (max x - min x) /
 * (2^bits - 1) over a group: `group` neighbouring numbers of one row (axis token), or one number of `group`
 * consecutive rows (axis channel; KIVI, Liu et al. 2024). Scale and zero are float16 and count in the bytes.
 * Zero is rounded down to float16 and scale up: every number is within scale / 2 of what is read back. Equal
 * numbers that float16 can hold: scale 0. Numbers beyond a form's range (65504 for F16, INT8 and INT4) become
 * its largest. NaN: the float forms keep it, the others refuse it, and infinities too (of what comes out of a
 * device's own memory, which nobody looks at, the group reads as NaN). By channel, rows that
 * do not fill a group yet wait in float32 and are encoded together when they do; taking rows out of a group
 * leaves the others' codes, scale and zero as they are; scales and zeros go with their group's last row. */
#ifndef RKV_BACKEND_ROWS_H
#define RKV_BACKEND_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include <rankkv/status.h>

#define RKV_ROW_FORM_LIST(X)                                                                                 \
    X(RKV_ROWS_F32, "f32", 32)                                                                               \
    X(RKV_ROWS_F16, "f16", 16)                                                                               \
    X(RKV_ROWS_BF16, "bf16", 16)                                                                             \
    X(RKV_ROWS_INT8, "int8", 8)                                                                              \
    X(RKV_ROWS_INT4, "int4", 4)

typedef enum rkv_row_form {
#define RKV_ROW_FORM_ENUM(symbol, name, bits) symbol,
    RKV_ROW_FORM_LIST(RKV_ROW_FORM_ENUM)
#undef RKV_ROW_FORM_ENUM
        RKV_ROW_FORM_COUNT
} rkv_row_form;

typedef enum rkv_row_axis { RKV_AXIS_TOKEN, RKV_AXIS_CHANNEL } rkv_row_axis;

typedef struct rkv_row_format {
    rkv_row_form form;
    rkv_row_axis axis; /* of INT8 and INT4 */
    size_t group;      /* numbers that share a scale; token: 0 or above width means the whole row */
} rkv_row_format;

typedef struct rkv_rows rkv_rows;

/* An empty list in host memory. The caller frees *out. RKV_USAGE: width 0, channel groups of 0 rows. */
rkv_status rkv_rows_new(rkv_rows **out, const rkv_row_format *format, size_t width);
void rkv_rows_free(rkv_rows *rows);
/* In the same memory. */
rkv_status rkv_rows_copy(rkv_rows **out, const rkv_rows *rows);
/* The same of several lists of one memory; on failure there are none. */
rkv_status rkv_rows_copy_all(rkv_rows **out, const rkv_rows *const *rows, size_t n_lists);

size_t rkv_rows_count(const rkv_rows *rows);
size_t rkv_rows_width(const rkv_rows *rows);
const rkv_row_format *rkv_rows_format(const rkv_rows *rows);

/* Adds rows x [n, width], `stride` floats apart. On failure nothing was added. RKV_DATA: INT8 and INT4 with a
 * number that is not finite. An empty list takes room for exactly n rows; a longer one grows by
 * RKV_ROWS_SLACK rows or an eighth, whichever is more. */
rkv_status rkv_rows_append(rkv_rows *rows, const float *x, size_t n, size_t stride);
/* The same with x in the memory that the list lies in. */
rkv_status rkv_rows_append_there(rkv_rows *rows, const float *x, size_t n, size_t stride);
/* The same with several lists of one memory: n[i] rows of x[i] to rows[i]. On failure some may have got
 * theirs. */
rkv_status rkv_rows_append_all_there(rkv_rows *const *rows, const float *const *x, const size_t *n,
                                     size_t n_lists, size_t stride);

/* Keeps the rows index [n], ascending, and gives the others' memory back: capacity never exceeds the rows
 * that are there by more than a few (RKV_ROWS_SLACK, or an eighth of them where that is more). For want of
 * memory it cannot fail: what cannot be made smaller stays. Where a device is out of order it fails, and the
 * list can then only be freed. */
#define RKV_ROWS_SLACK 4
rkv_status rkv_rows_keep(rkv_rows *rows, const uint32_t *index, size_t n);
/* The same with several lists of one memory: the rows index[i] [n[i]] of rows[i]. */
rkv_status rkv_rows_keep_all(rkv_rows *const *rows, const uint32_t *const *index, const size_t *n,
                             size_t n_lists);

/* Rows [first, first + n) as float32 into host memory x [n, width]. In host memory it cannot fail. */
rkv_status rkv_rows_read(const rkv_rows *rows, size_t first, size_t n, float *x);
/* The same, rows of x `stride` floats apart; what lies between them is left alone. */
rkv_status rkv_rows_read_apart(const rkv_rows *rows, size_t first, size_t n, float *x, size_t stride);

/* The same into the memory that the list lies in, where it is queued as other work is. */
rkv_status rkv_rows_read_there(const rkv_rows *rows, size_t first, size_t n, float *x);
/* The same with several lists of one memory: all rows of rows[i] to x[i]. */
rkv_status rkv_rows_read_all_there(const rkv_rows *const *rows, float *const *x, size_t n_lists);

/* What the allocator holds for it (the empty list's own few bytes included), and of that what its present
 * rows need: for each row 4 width (F32) or 2 width bytes (F16, BF16), or ceil(width bits / 8) of codes; for
 * each group 4 bytes, by channel 4 width + 4; for each row of a tail 4 width. */
size_t rkv_rows_allocated_bytes(const rkv_rows *rows);
size_t rkv_rows_used_bytes(const rkv_rows *rows);

#endif
