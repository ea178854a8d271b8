/* row_pairs.c: the same rows twice. */
#include "support/row_pairs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backend/rows_form.h"
#include "cuda/rows.h"

/* ---- the lists ---- */

/* Floats do not look at groups. */
const rkv_row_format pair_formats[PAIR_FORMATS] = {
    {.form = RKV_ROWS_F32}, {.form = RKV_ROWS_F16}, {.form = RKV_ROWS_BF16},
#define GROUPS(form)                                                                                         \
    {form, RKV_AXIS_TOKEN, 0}, {form, RKV_AXIS_TOKEN, 1}, {form, RKV_AXIS_TOKEN, 32},                        \
        {form, RKV_AXIS_TOKEN, 33}, {form, RKV_AXIS_CHANNEL, 1}, {form, RKV_AXIS_CHANNEL, 32}, {             \
        form, RKV_AXIS_CHANNEL, 33                                                                           \
    }
    GROUPS(RKV_ROWS_INT8),  GROUPS(RKV_ROWS_INT4),
#undef GROUPS
};
pair new_pair(rkv_backend *device, rkv_row_format format, size_t width) {
    pair p = {device, new_rows(NULL, format, width), new_rows(device, format, width), 0, 0};
    p.host_own = rkv_rows_used_bytes(p.host), p.there_own = rkv_rows_used_bytes(p.there);
    return p;
}

void free_pair(pair *p) {
    rkv_rows_free(p->host), rkv_rows_free(p->there);
}

/* ---- device memory ---- */

float *upload(rkv_backend *device, const float *x, size_t n) {
    float *memory = NULL;
    assert_int_equal(device->ops->alloc(device, &memory, n), RKV_OK);
    assert_int_equal(device->ops->upload(device, memory, x, n), RKV_OK);
    return memory;
}

static unsigned char *download(rkv_backend *device, const void *from, size_t bytes) {
    size_t n = (bytes + sizeof(float) - 1) / sizeof(float);
    float *to = malloc((n + 1) * sizeof *to);
    assert_non_null(to);
    if (n) assert_int_equal(device->ops->download(device, to, from, n), RKV_OK);
    return (unsigned char *)to;
}

/* ---- the same bytes ---- */

static void check_records(const pair *p, const rkv_rows_view *v) {
    size_t bytes = v->layout.record_bytes, host_bytes;
    unsigned char *records = download(p->device, v->records, (v->n_encoded + v->record_gap.gap) * bytes);
    for (size_t row = 0; row < v->n_encoded; row++) {
        const unsigned char *record = rkv_rows_record(p->host, row, &host_bytes);
        assert_non_null(record);
        assert_int_equal(bytes, host_bytes);
        if (memcmp(records + rkv_row_place(v->record_gap, row) * bytes, record, bytes) != 0)
            fail_msg("%s, width %zu, group %zu: another record of row %zu", row_form_name(v->form),
                     v->layout.width, v->layout.group, row);
    }
    assert_null(rkv_rows_record(p->host, v->n_encoded, &host_bytes));
    free(records);
}

static void check_groups(const pair *p, const rkv_rows_view *v) {
    size_t affine_bytes = 2 * v->layout.width * sizeof(uint16_t), bytes = sizeof(uint32_t) + affine_bytes;
    unsigned char *groups = download(p->device, v->groups, v->n_groups * bytes);
    size_t g = 0;
    for (size_t row = 0; v->layout.by_channel && row < v->n_encoded; g++) {
        rkv_rows_stretch group = rkv_rows_stretch_at(p->host, row, 1);
        uint32_t start;
        assert_true(g < v->n_groups);
        memcpy(&start, groups + g * bytes, sizeof start);
        assert_int_equal(start, row);
        assert_memory_equal(groups + g * bytes + sizeof start, group.group, affine_bytes);
        row += group.left;
    }
    assert_int_equal(g, v->n_groups);
    free(groups);
}

void check_same(const pair *p) {
    rkv_rows_view v = rkv_cuda_rows_view(p->there);
    assert_int_equal(v.n, rkv_rows_count(p->host));
    assert_int_equal(rkv_rows_count(p->there), v.n);
    assert_int_equal(rkv_rows_used_bytes(p->there) - p->there_own,
                     rkv_rows_used_bytes(p->host) - p->host_own);
    check_records(p, &v);
    check_groups(p, &v);
    float *expected = read_rows(p->host), *found = read_rows(p->there);
    assert_memory_equal(found, expected, v.n * v.layout.width * sizeof *found);
    free(expected), free(found);
}
