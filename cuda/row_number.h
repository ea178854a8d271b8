/* row_number.h: numbers of a list of rows (cuda/rows.h) as kernels read them. */
#ifndef RKV_CUDA_ROW_NUMBER_H
#define RKV_CUDA_ROW_NUMBER_H

#include "backend/rows_number.h"
#include "cuda/kernel.h"
#include "cuda/rows.h"

/* Where a group's record begins: its first row, and after that `width` scales and as many zeros. */
RKV_DEVICE const unsigned char *rkv_row_group_record(const rkv_rows_view *v, size_t group) {
    return v->groups + group * (sizeof(uint32_t) + v->layout.width * sizeof(rkv_affine));
}

RKV_DEVICE uint32_t rkv_row_group_start(const rkv_rows_view *v, size_t group) {
    return *(const uint32_t *)(const void *)rkv_row_group_record(v, group);
}

/* The group that holds an encoded row; 0: there are none, or the row is in the tail. None has more rows than
 * `group`: it is not before the row's share. */
RKV_DEVICE size_t rkv_row_group(const rkv_rows_view *v, size_t row) {
    if (!v->layout.by_channel || row >= v->n_encoded) return 0;
    size_t low = (uint32_t)row / (uint32_t)v->layout.group, high = v->n_groups;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (rkv_row_group_start(v, middle) <= row)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* Number i of an encoded row of whole numbers. A record may begin at any byte. */
RKV_DEVICE float rkv_row_coded(const rkv_rows_view *v, const unsigned char *record, size_t group, size_t i) {
    const rkv_row_layout *layout = &v->layout;
    uint32_t scale, zero;
    if (layout->by_channel) {
        const uint16_t *scales =
            (const uint16_t *)(const void *)(rkv_row_group_record(v, group) + sizeof(uint32_t));
        scale = scales[i], zero = scales[layout->width + i];
    } else {
        uint32_t of = layout->group == layout->width ? 0 : (uint32_t)i / (uint32_t)layout->group;
        const unsigned char *pair = record + of * sizeof(rkv_affine);
        scale = pair[0] | (uint32_t)pair[1] << 8, zero = pair[2] | (uint32_t)pair[3] << 8;
        record += layout->group == layout->width ? sizeof(rkv_affine)
                                                 : rkv_token_groups(layout) * sizeof(rkv_affine);
    }
    size_t half = rkv_codes_half(layout);
    uint32_t code = layout->bits == 8 ? record[i] : i < half ? record[i] & 15u : record[i - half] >> 4;
    return rkv_half_to_float(zero) + rkv_half_finite(scale) * (float)code;
}

/* Number i of an encoded row in any form, from its record; group: of rkv_row_group. */
RKV_DEVICE float rkv_row_encoded(const rkv_rows_view *v, const unsigned char *record, size_t group,
                                 size_t i) {
    const uint16_t *halves = (const uint16_t *)(const void *)record;
    switch (v->form) {
    case RKV_ROWS_F32:
        return ((const float *)(const void *)record)[i];
    case RKV_ROWS_F16:
        return rkv_half_to_float(halves[i]);
    case RKV_ROWS_BF16:
        return rkv_bfloat_to_float(halves[i]);
    default:
        return rkv_row_coded(v, record, group, i);
    }
}

/* The same of any row, those of the tail included. */
RKV_DEVICE float rkv_row_number(const rkv_rows_view *v, size_t row, size_t group, size_t i) {
    if (row >= v->n_encoded)
        return v->tail[rkv_row_place(v->tail_gap, row - v->n_encoded) * v->layout.width + i];
    const unsigned char *record = v->records + rkv_row_place(v->record_gap, row) * v->layout.record_bytes;
    return rkv_row_encoded(v, record, group, i);
}

#endif
