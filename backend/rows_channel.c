/* rows_channel.c: rows as whole numbers with a scale and a zero per channel of a group of rows. Channels are
 * taken a piece at a time, whose scales and zeros stay at hand as float32 for all rows of the group. */
#include <string.h>

#include "backend/rows_affine.h"
#include "backend/rows_codes.h"
#include "core/simd.h"

#define PIECE ((size_t)128)

size_t rkv_channel_group_bytes(const rkv_row_layout *layout) {
    return layout->width * sizeof(rkv_affine);
}

RKV_CLONES static void ranges_of(const float *x, size_t rows, size_t stride, size_t n, float *low,
                                 float *high) {
    memcpy(low, x, n * sizeof *x);
    memcpy(high, x, n * sizeof *x);
    for (size_t row = 1; row < rows; row++)
        for (size_t i = 0; i < n; i++) {
            float value = x[row * stride + i];
            low[i] = value < low[i] ? value : low[i];
            high[i] = value > high[i] ? value : high[i];
        }
}

/* Codes of channels [0, n) of one row, at `codes`, in one part of their bytes. */
RKV_CLONES static void put_codes(const float *x, size_t n, const float *zero, const float *inverse,
                                 float levels, rkv_codes_part part, unsigned char *codes) {
    if (part == RKV_CODES_UPPER)
        for (size_t i = 0; i < n; i++)
            codes[i] |= (unsigned char)(rkv_code_of(x[i], zero[i], inverse[i], levels) << 4);
    else
        for (size_t i = 0; i < n; i++)
            codes[i] = rkv_code_of(x[i], zero[i], inverse[i], levels);
}

/* Channels [from, to), at most PIECE. */
static void encode_piece(const rkv_row_layout *layout, const float *x, size_t stride, rkv_codes_run run,
                         unsigned char *group, unsigned char *records) {
    float low[PIECE], high[PIECE], inverse[PIECE], levels = rkv_levels(layout);
    uint16_t *scales = (uint16_t *)(void *)group, *zeros = scales + layout->width;
    size_t n = run.to - run.from;
    ranges_of(x + run.from, layout->group, stride, n, low, high);
    for (size_t i = 0; i < n; i++) {
        rkv_affine affine = rkv_affine_of(low[i], high[i], levels);
        scales[run.from + i] = affine.scale;
        zeros[run.from + i] = affine.zero;
        low[i] = rkv_half_finite(affine.zero);
        inverse[i] = rkv_affine_inverse(affine);
    }
    for (size_t row = 0; row < layout->group; row++)
        put_codes(x + row * stride + run.from, n, low, inverse, levels, run.part,
                  records + row * layout->record_bytes + run.byte);
}

static void decode_piece(const rkv_row_layout *layout, const unsigned char *group,
                         const unsigned char *records, size_t rows, rkv_codes_run run, float *x,
                         size_t stride) {
    float scale[PIECE], zero[PIECE];
    const uint16_t *scales = (const uint16_t *)(const void *)group, *zeros = scales + layout->width;
    size_t n = run.to - run.from;
    for (size_t i = 0; i < n; i++) {
        scale[i] = rkv_half_finite(scales[run.from + i]);
        zero[i] = rkv_half_finite(zeros[run.from + i]);
    }
    rkv_codes_block block = rkv_codes_block_of(&run, records, layout->record_bytes, rows);
    rkv_codes_reader_of(rkv_tile_best())->by_number(&block, scale, zero, x + run.from, stride);
}

void rkv_channel_encode(const rkv_row_layout *layout, const float *x, size_t stride, unsigned char *group,
                        unsigned char *records) {
    for (size_t from = 0; from < layout->width; from += PIECE) {
        rkv_codes_run run[2];
        size_t to = layout->width - from < PIECE ? layout->width : from + PIECE;
        size_t n = rkv_codes_runs(layout, from, to, run);
        for (size_t i = 0; i < n; i++)
            encode_piece(layout, x, stride, run[i], group, records);
    }
}

void rkv_channel_decode(const rkv_row_layout *layout, const unsigned char *group,
                        const unsigned char *records, size_t n, float *x, size_t stride) {
    for (size_t from = 0; from < layout->width; from += PIECE) {
        rkv_codes_run run[2];
        size_t to = layout->width - from < PIECE ? layout->width : from + PIECE;
        size_t runs = rkv_codes_read_runs(layout, from, to, run);
        for (size_t i = 0; i < runs; i++)
            decode_piece(layout, group, records, n, run[i], x, stride);
    }
}

const rkv_row_codec rkv_rows_channel = {NULL, NULL};
