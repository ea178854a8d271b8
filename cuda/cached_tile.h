/* cached_tile.h: some entries of a cache as numbers in a block's shared memory: whole fours of rows and of
 * columns, zeros after the last, and rows one number further apart, so that a warp's lanes find 32 rows in as
 * many banks. */
#ifndef RKV_CUDA_CACHED_TILE_H
#define RKV_CUDA_CACHED_TILE_H

#include <stdbool.h>

#include "cuda/row_number.h"
#include "cuda/warp_rows.h"

#define RKV_TILE_THREADS 256
#define RKV_TILE_WARPS   (RKV_TILE_THREADS / RKV_WARP)

typedef struct rkv_tile {
    size_t first;           /* row of the cache */
    unsigned n;             /* rows */
    const unsigned *places; /* [n] of those rows' records, and */
    const unsigned *groups; /* [n] their groups (rkv_row_group) */
    float *to;
    unsigned stride;
} rkv_tile;

RKV_DEVICE unsigned rkv_fours(size_t n) {
    return (unsigned)((n + 3) / 4);
}

/* How far apart a tile's rows are. */
RKV_DEVICE unsigned rkv_tile_stride(size_t width) {
    return 4 * rkv_fours(width) + 1;
}

RKV_DEVICE unsigned rkv_least(size_t a, size_t b) {
    return (unsigned)(a < b ? a : b);
}

RKV_DEVICE unsigned rkv_warp_of_block(void) {
    return threadIdx.x / RKV_WARP;
}

/* ---- out of the cache ---- */

/* Encoded rows. A warp has four at a time, so that a lane waits for four numbers at once; for that no branch
 * may lie between them: callers say what they know of the view. */
RKV_DEVICE void rkv_tile_read_encoded(rkv_rows_view v, rkv_tile t) {
    unsigned width = (unsigned)v.layout.width;
    for (unsigned e = 4 * rkv_warp_of_block(); e < t.n; e += 4 * RKV_TILE_WARPS)
        for (unsigned i = (unsigned)rkv_lane(); i < 4 * rkv_fours(width); i += RKV_WARP) {
            float x[4];
            for (unsigned k = 0; k < 4; k++) {
                unsigned row = rkv_least(e + k, t.n - 1);
                const unsigned char *record = v.records + t.places[row] * v.layout.record_bytes;
                x[k] = rkv_row_encoded(&v, record, t.groups[row], rkv_least(i, width - 1));
            }
            for (unsigned k = 0; k < 4; k++)
                t.to[(e + k) * t.stride + i] = e + k < t.n && i < width ? x[k] : 0;
        }
}

/* Rows of which some wait in the tail. */
RKV_DEVICE void rkv_tile_read_tail(rkv_rows_view v, rkv_tile t) {
    unsigned width = (unsigned)v.layout.width;
    for (unsigned e = rkv_warp_of_block(); e < 4 * rkv_fours(t.n); e += RKV_TILE_WARPS)
        for (unsigned i = (unsigned)rkv_lane(); i < 4 * rkv_fours(width); i += RKV_WARP)
            t.to[e * t.stride + i] =
                e < t.n && i < width ? rkv_row_number(&v, t.first + e, t.groups[e], i) : 0;
}

RKV_DEVICE void rkv_tile_read_floats(rkv_rows_view v, rkv_row_form form, rkv_tile t) {
    v.form = form;
    rkv_tile_read_encoded(v, t);
}

RKV_DEVICE void rkv_tile_read_codes(rkv_rows_view v, rkv_row_form form, size_t bits, rkv_tile t) {
    bool by_channel = v.layout.by_channel, whole = v.layout.group == v.layout.width;
    v.form = form, v.layout.bits = bits, v.layout.by_channel = false;
    if (by_channel) {
        v.layout.by_channel = true;
        rkv_tile_read_encoded(v, t);
    } else if (whole) {
        v.layout.group = v.layout.width;
        rkv_tile_read_encoded(v, t);
    } else {
        rkv_tile_read_encoded(v, t);
    }
}

/* Each form has loops of its own. */
RKV_DEVICE void rkv_tile_read(const rkv_rows_view *rows, rkv_tile t) {
    if (t.first + t.n > rows->n_encoded)
        rkv_tile_read_tail(*rows, t);
    else if (rows->form == RKV_ROWS_F32)
        rkv_tile_read_floats(*rows, RKV_ROWS_F32, t);
    else if (rows->form == RKV_ROWS_F16)
        rkv_tile_read_floats(*rows, RKV_ROWS_F16, t);
    else if (rows->form == RKV_ROWS_BF16)
        rkv_tile_read_floats(*rows, RKV_ROWS_BF16, t);
    else if (rows->form == RKV_ROWS_INT8)
        rkv_tile_read_codes(*rows, RKV_ROWS_INT8, 8, t);
    else
        rkv_tile_read_codes(*rows, RKV_ROWS_INT4, 4, t);
}

/* ---- what becomes of keys ---- */

/* Rows x [n, rank] of a tile through the basis [rank, d], to another tile. A thread has four rows' numbers of
 * one column. */
RKV_DEVICE void rkv_tile_expand(const float *basis, unsigned rank, unsigned d, unsigned n, const float *x,
                                float *to) {
    unsigned wide = 4 * rkv_fours(d), stride = rkv_tile_stride(rank);
    for (unsigned item = threadIdx.x; item < rkv_fours(n) * wide; item += RKV_TILE_THREADS) {
        unsigned e = item / wide * 4, column = item % wide;
        float sum[4] = {0, 0, 0, 0};
        for (unsigned i = 0; column < d && i < rank; i++) {
            float factor = basis[i * d + column];
            for (unsigned k = 0; k < 4; k++)
                sum[k] += x[(e + k) * stride + i] * factor;
        }
        for (unsigned k = 0; k < 4; k++)
            to[(e + k) * rkv_tile_stride(d) + column] = sum[k];
    }
}

/* A warp turns x [d] by cosines and sines [d/2, 2]. */
RKV_DEVICE void rkv_turn(const float *rotation, bool adjacent, unsigned d, float *x) {
    unsigned pairs = d / 2, step = adjacent ? 2 : 1, to_partner = adjacent ? 1 : pairs;
    for (unsigned i = (unsigned)rkv_lane(); i < pairs; i += RKV_WARP) {
        float *a = x + step * i, *b = a + to_partner, u = *a, v = *b;
        float cosine = rotation[2 * i], sine = rotation[2 * i + 1];
        *a = u * cosine - v * sine;
        *b = u * sine + v * cosine;
    }
}

#endif
