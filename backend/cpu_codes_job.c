/* cpu_codes_job.c: what the two products of cpu_codes.h share. */
#include "backend/cpu_codes_job.h"

#include <assert.h>
#include <string.h>

#include "core/half.h"
#include "core/simd.h"

/* Halves are padded one by one. */
static size_t packed_width(const rkv_stream *stream, size_t width) {
    return 2 * rkv_whole_lanes(stream, (width + 1) / 2);
}

size_t rkv_codes_room(const rkv_stream *stream, size_t width, size_t m) {
    size_t ld = packed_width(stream, width);
    return m * (2 * ld + RKV_CODES_BLOCK + 2) + 2 * rkv_larger(width, RKV_CODES_BLOCK) +
           RKV_CODES_BLOCK * (ld + RKV_RECORD_HEAD) / sizeof(float);
}

rkv_codes_job rkv_codes_job_new(const rkv_stream *stream, const rkv_rows *rows, size_t m, float *room) {
    rkv_codes_job j = {.stream = stream, .rows = rows, .m = m, .width = rkv_rows_width(rows)};
    j.ld = packed_width(stream, j.width);
    j.packed = room;
    j.folded = j.packed + m * j.ld;
    j.block = j.folded + m * j.ld;
    j.scale = j.block + m * RKV_CODES_BLOCK;
    j.zero = j.scale + rkv_larger(j.width, RKV_CODES_BLOCK);
    j.constant = j.zero + rkv_larger(j.width, RKV_CODES_BLOCK);
    j.sum = j.constant + m;
    j.padded = (unsigned char *)(j.sum + m);
    return j;
}

/* ---- vectors over the numbers of a run, in the order of the kernels ---- */

/* Of a whole byte b = lower + 16 upper, q_l lower + q_u upper = (q_l - q_u / 16) lower + q_u / 16 b: the
 * upper half need not be taken out. */
RKV_CLONES static void pack_both(const float *q, size_t n, float *lower, float *whole) {
    for (size_t i = 0; i < n; i++) {
        whole[i] = q[n + i] * 0.0625f;
        lower[i] = q[i] - whole[i];
    }
}

RKV_CLONES static void unpack_both(const float *lower, const float *whole, size_t n, float *y) {
    for (size_t i = 0; i < n; i++) {
        y[i] = lower[i];
        y[n + i] = (whole[i] - lower[i]) * 0.0625f;
    }
}

/* From q [m, width], rows ldq apart. */
void rkv_codes_pack(const rkv_codes_job *j, const rkv_codes_run *run, const float *q, size_t ldq) {
    size_t numbers = run->to - run->from, half = rkv_whole_lanes(j->stream, numbers / 2);
    for (size_t r = 0; r < j->m; r++) {
        const float *from = q + r * ldq + run->from;
        float *to = j->packed + r * j->ld;
        if (numbers % (2 * j->stream->lanes)) memset(to, 0, j->ld * sizeof *to);
        if (run->part == RKV_CODES_BOTH)
            pack_both(from, numbers / 2, to, to + half);
        else
            memcpy(to, from, numbers * sizeof *to);
    }
}

/* The numbers of vector r, to folded. */
const float *rkv_codes_unpack(const rkv_codes_job *j, const rkv_codes_run *run, size_t r) {
    size_t numbers = run->to - run->from, half = rkv_whole_lanes(j->stream, numbers / 2);
    const float *from = j->packed + r * j->ld;
    if (run->part != RKV_CODES_BOTH) return from;
    unpack_both(from, from + half, numbers / 2, j->folded + r * j->ld);
    return j->folded + r * j->ld;
}

/* ---- codes where they lie ---- */

static void find_runs(rkv_token_group *g) {
    size_t left = g->layout->width - g->from;
    if (left)
        g->n_runs =
            rkv_codes_read_runs(g->layout, g->from, g->from + rkv_smaller(left, g->layout->group), g->run);
}

rkv_token_group rkv_token_group_first(const rkv_codes_job *j, size_t first) {
    const rkv_row_layout *layout = rkv_rows_stretch_at(j->rows, first, 1).layout;
    rkv_token_group g = {.layout = layout, .codes_at = rkv_token_groups(layout) * sizeof(rkv_affine)};
    find_runs(&g);
    return g;
}

void rkv_token_group_next(rkv_token_group *g) {
    g->index++;
    g->from += rkv_smaller(g->layout->width - g->from, g->layout->group);
    find_runs(g);
}

/* Where what is read after row `first` lies. */
const unsigned char *rkv_codes_next_at(const rkv_codes_job *j, size_t first, size_t *apart) {
    return j->next.rows ? rkv_rows_record(j->next.rows, j->next.first + first - j->first, apart) : NULL;
}

/* A run's codes of n <= RKV_CODES_BLOCK rows from `first` on, rows side by side and in whole lanes: copied
 * where they do not lie so. */
rkv_codes_block rkv_codes_of(const rkv_codes_job *j, const rkv_codes_run *run, size_t codes_at, size_t first,
                             size_t n) {
    rkv_rows_stretch part = rkv_rows_stretch_at(j->rows, first, n);
    size_t apart = part.layout->record_bytes;
    rkv_codes_block x = rkv_codes_block_of(run, part.records + codes_at, apart, n);
    assert(n <= RKV_CODES_BLOCK);
    size_t whole = rkv_whole_lanes(j->stream, x.n);
    if (run->from == 0) x.next = rkv_codes_next_at(j, first, &x.next_apart);
    if (whole == x.n && part.n == n) return x;
    memset(j->padded, 0, n * whole);
    for (size_t done = 0; done < n; done += part.n) {
        part = rkv_rows_stretch_at(j->rows, first + done, n - done);
        const unsigned char *codes = part.records + codes_at + run->byte;
        for (size_t i = 0; i < part.n; i++)
            memcpy(j->padded + (done + i) * whole, codes + i * apart, x.n);
    }
    return (rkv_codes_block){j->padded, whole, n, whole, x.part, x.next, x.next_apart};
}

/* ---- scales and zeros ---- */

/* scale [n] and zero [n] of group g of the rows; n <= RKV_CODES_BLOCK. */
void rkv_codes_affine(const rkv_codes_job *j, size_t g, size_t first, size_t n) {
    for (size_t done = 0; done < n;) {
        rkv_rows_stretch part = rkv_rows_stretch_at(j->rows, first + done, n - done);
        size_t count = rkv_smaller(part.n, RKV_AFFINE_ROWS);
        rkv_token_affine(part.records + g * sizeof(rkv_affine), part.layout->record_bytes, count,
                         j->scale + done, j->zero + done);
        done += count;
    }
}

void rkv_codes_read_group(const rkv_codes_job *j, const unsigned char *group) {
    const uint16_t *scales = (const uint16_t *)(const void *)group;
    rkv_halves_to_floats(scales, j->scale, j->width);
    rkv_halves_to_floats(scales + j->width, j->zero, j->width);
}

/* y [n] += scale x + zero sum, number by number. */
RKV_CLONES void rkv_codes_add_affine(const float *x, const float *scale, const float *zero, float sum,
                                     size_t n, float *y) {
    for (size_t i = 0; i < n; i++)
        y[i] += scale[i] * x[i] + zero[i] * sum;
}

/* Sixteen sums side by side. Left to itself, the compiler adds them up one after the other, which takes
 * longer than all that goes before. */
#define LANES ((size_t)16)
typedef float lanes __attribute__((vector_size(LANES * sizeof(float)), aligned(4)));

#define MEET(x, a, b, c, d, e, f, g, h)                                                                      \
    (x) += __builtin_shufflevector(x, x, a, b, c, d, e, f, g, h, a, b, c, d, e, f, g, h)

RKV_ALWAYS_INLINE float sum_of_lanes(const lanes *sum) {
    lanes all = *sum;
    MEET(all, 8, 9, 10, 11, 12, 13, 14, 15);
    MEET(all, 4, 5, 6, 7, 4, 5, 6, 7);
    MEET(all, 2, 3, 2, 3, 2, 3, 2, 3);
    MEET(all, 1, 1, 1, 1, 1, 1, 1, 1);
    return all[0];
}

RKV_CLONES float rkv_codes_sum(const float *x, size_t n) {
    lanes sum = {0};
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        sum += *(const lanes *)(x + i);
    float rest = 0;
    for (; i < n; i++)
        rest += x[i];
    return sum_of_lanes(&sum) + rest;
}

/* y [m, n] = x scale, row by row; sums [m] of x zero. */
RKV_CLONES void rkv_codes_fold(const float *x, size_t ldx, size_t m, const float *scale, const float *zero,
                               size_t n, float *y, size_t ldy, float *sums) {
    for (size_t r = 0; r < m; r++, x += ldx, y += ldy) {
        lanes sum = {0};
        size_t i = 0;
        for (; i + LANES <= n; i += LANES) {
            lanes values = *(const lanes *)(x + i);
            *(lanes *)(y + i) = values * *(const lanes *)(scale + i);
            sum += values * *(const lanes *)(zero + i);
        }
        float rest = 0;
        for (; i < n; i++) {
            y[i] = x[i] * scale[i];
            rest += x[i] * zero[i];
        }
        sums[r] = sum_of_lanes(&sum) + rest;
    }
}
