/* cpu_codes.c: products of a few vectors with rows of whole numbers, straight from where those lie. Whether a
 * gap cuts rows in two makes no difference to any bit of the results. */
#include "backend/cpu_codes.h"

#include <assert.h>
#include <string.h>

#include "backend/rows_affine.h"
#include "backend/rows_form.h"
#include "core/half.h"
#include "core/simd.h"

/* Rows that are multiplied together: what is prepared for them counts for little beside them. */
#define BLOCK ((size_t)256)

/* Bytes of scales and zeros before the codes of records that are multiplied at once: two pairs. */
#define RECORD_HEAD (2 * sizeof(rkv_affine))

/* What the products of a call share; rows of vectors are ld floats apart. */
typedef struct job {
    const rkv_stream *stream;
    const rkv_rows *rows;
    size_t m, width, ld;
    float *packed;         /* [m, ld] vectors in the kernels' order */
    float *folded;         /* [m, ld] */
    float *block;          /* [m, BLOCK] */
    float *scale, *zero;   /* [the larger of width and BLOCK] */
    unsigned char *padded; /* [BLOCK, ld + RECORD_HEAD] codes in whole lanes, or records */
    float *constant, *sum; /* [m] */
    size_t first;          /* row */
    rkv_codes_next next;
} job;

static size_t larger(size_t a, size_t b) {
    return a > b ? a : b;
}

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

/* Halves are padded one by one. */
static size_t packed_width(const rkv_stream *stream, size_t width) {
    return 2 * rkv_whole_lanes(stream, (width + 1) / 2);
}

size_t rkv_codes_room(const rkv_stream *stream, size_t width, size_t m) {
    size_t ld = packed_width(stream, width);
    return m * (2 * ld + BLOCK + 2) + 2 * larger(width, BLOCK) + BLOCK * (ld + RECORD_HEAD) / sizeof(float);
}

static job job_new(const rkv_stream *stream, const rkv_rows *rows, size_t m, float *room) {
    job j = {.stream = stream, .rows = rows, .m = m, .width = rkv_rows_width(rows)};
    j.ld = packed_width(stream, j.width);
    j.packed = room;
    j.folded = j.packed + m * j.ld;
    j.block = j.folded + m * j.ld;
    j.scale = j.block + m * BLOCK;
    j.zero = j.scale + larger(j.width, BLOCK);
    j.constant = j.zero + larger(j.width, BLOCK);
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
static void pack(const job *j, const rkv_codes_run *run, const float *q, size_t ldq) {
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
static const float *unpack(const job *j, const rkv_codes_run *run, size_t r) {
    size_t numbers = run->to - run->from, half = rkv_whole_lanes(j->stream, numbers / 2);
    const float *from = j->packed + r * j->ld;
    if (run->part != RKV_CODES_BOTH) return from;
    unpack_both(from, from + half, numbers / 2, j->folded + r * j->ld);
    return j->folded + r * j->ld;
}

/* ---- groups of a row, axis token ---- */

typedef struct token_group {
    const rkv_row_layout *layout;
    size_t index, codes_at; /* codes_at: bytes from a record's beginning to its codes */
    size_t from;            /* its first number; the row's width past the last group */
    rkv_codes_run run[2];
    size_t n_runs;
} token_group;

static void find_runs(token_group *g) {
    size_t left = g->layout->width - g->from;
    if (left)
        g->n_runs =
            rkv_codes_read_runs(g->layout, g->from, g->from + smaller(left, g->layout->group), g->run);
}

static token_group token_group_first(const job *j, size_t first) {
    const rkv_row_layout *layout = rkv_rows_stretch_at(j->rows, first, 1).layout;
    token_group g = {.layout = layout, .codes_at = rkv_token_groups(layout) * sizeof(rkv_affine)};
    find_runs(&g);
    return g;
}

static void token_group_next(token_group *g) {
    g->index++;
    g->from += smaller(g->layout->width - g->from, g->layout->group);
    find_runs(g);
}

/* Where what is read after row `first` lies. */
static const unsigned char *next_of(const job *j, size_t first, size_t *apart) {
    return j->next.rows ? rkv_rows_record(j->next.rows, j->next.first + first - j->first, apart) : NULL;
}

/* A run's codes of n <= BLOCK rows from `first` on, rows side by side and in whole lanes: copied where they
 * do not lie so. */
static rkv_codes_block codes_of(const job *j, const rkv_codes_run *run, size_t codes_at, size_t first,
                                size_t n) {
    rkv_rows_stretch part = rkv_rows_stretch_at(j->rows, first, n);
    size_t apart = part.layout->record_bytes;
    rkv_codes_block x = rkv_codes_block_of(run, part.records + codes_at, apart, n);
    assert(n <= BLOCK);
    size_t whole = rkv_whole_lanes(j->stream, x.n);
    if (run->from == 0) x.next = next_of(j, first, &x.next_apart);
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

/* ---- dots ---- */

/* block [m, n] = the vectors times a run's codes in n <= BLOCK rows. */
static void block_dots(const job *j, const rkv_codes_run *run, size_t codes_at, size_t first, size_t n) {
    rkv_codes_block x = codes_of(j, run, codes_at, first, n);
    j->stream->dots_codes(j->packed, j->ld, j->m, &x, j->block, BLOCK);
}

/* scale [n] and zero [n] of group g of the rows; n <= BLOCK. */
static void block_affine(const job *j, size_t g, size_t first, size_t n) {
    for (size_t done = 0; done < n;) {
        rkv_rows_stretch part = rkv_rows_stretch_at(j->rows, first + done, n - done);
        size_t count = smaller(part.n, RKV_AFFINE_ROWS);
        rkv_token_affine(part.records + g * sizeof(rkv_affine), part.layout->record_bytes, count,
                         j->scale + done, j->zero + done);
        done += count;
    }
}

/* y [n] += scale x + zero sum, number by number. */
RKV_CLONES static void add_affine(const float *x, const float *scale, const float *zero, float sum, size_t n,
                                  float *y) {
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

RKV_CLONES static float sum_of(const float *x, size_t n) {
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
RKV_CLONES static void fold(const float *x, size_t ldx, size_t m, const float *scale, const float *zero,
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

/* One run of group g, of every row. */
static void dots_run_by_token(const job *j, const rkv_codes_run *run, const token_group *g, size_t first,
                              size_t n, const float *q, size_t ldq, float *s, size_t lds) {
    pack(j, run, q, ldq);
    for (size_t r = 0; r < j->m; r++)
        j->constant[r] = sum_of(q + r * ldq + run->from, run->to - run->from);
    for (size_t t = 0; t < n; t += BLOCK) {
        size_t count = smaller(n - t, BLOCK);
        block_dots(j, run, g->codes_at, first + t, count);
        block_affine(j, g->index, first + t, count);
        for (size_t r = 0; r < j->m; r++)
            add_affine(j->block + r * BLOCK, j->scale, j->zero, j->constant[r], count, s + r * lds + t);
    }
}

static void dots_by_token(const job *j, size_t first, size_t n, const float *q, size_t ldq, float *s,
                          size_t lds) {
    for (size_t r = 0; r < j->m; r++)
        memset(s + r * lds, 0, n * sizeof *s);
    token_group g = token_group_first(j, first);
    for (; g.from < j->width; token_group_next(&g))
        for (size_t i = 0; i < g.n_runs; i++)
            dots_run_by_token(j, &g.run[i], &g, first, n, q, ldq, s, lds);
}

/* y [n] = x + constant, or to what is there + x. */
RKV_CLONES static void add_or_set(bool add, const float *x, size_t n, float constant, float *y) {
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] + (add ? y[i] : constant);
}

static void read_group(const job *j, const unsigned char *group) {
    const uint16_t *scales = (const uint16_t *)(const void *)group;
    rkv_halves_to_floats(scales, j->scale, j->width);
    rkv_halves_to_floats(scales + j->width, j->zero, j->width);
}

/* Rows side by side of one group, at once where the kernels can. */
static bool dots_at_once(const job *j, const rkv_rows_stretch *part, size_t first, const float *q, size_t ldq,
                         float *s, size_t lds) {
    if (!j->stream->dots_affine) return false;
    rkv_affine_block x = {part->layout, part->records, part->group, part->n, NULL, 0};
    x.next = next_of(j, first, &x.next_apart);
    return j->stream->dots_affine(q, ldq, j->m, &x, s, lds);
}

/* n rows of one group. */
static void dots_group(const job *j, const rkv_rows_stretch *group, size_t first, size_t n, const float *q,
                       size_t ldq, float *s, size_t lds) {
    rkv_codes_run run[2];
    size_t n_runs = rkv_codes_read_runs(group->layout, 0, j->width, run);
    read_group(j, group->group);
    fold(q, ldq, j->m, j->scale, j->zero, j->width, j->folded, j->ld, j->constant);
    for (size_t i = 0; i < n_runs; i++) {
        pack(j, &run[i], j->folded, j->ld);
        for (size_t t = 0; t < n; t += BLOCK) {
            size_t count = smaller(n - t, BLOCK);
            block_dots(j, &run[i], 0, first + t, count);
            for (size_t r = 0; r < j->m; r++)
                add_or_set(i > 0, j->block + r * BLOCK, count, j->constant[r], s + r * lds + t);
        }
    }
}

void rkv_codes_dots(const rkv_stream *stream, const rkv_rows *rows, size_t first, size_t n, const float *q,
                    size_t ldq, size_t m, rkv_codes_next next, float *s, size_t lds, float *room) {
    if (!n) return;
    job j = job_new(stream, rows, m, room);
    j.first = first, j.next = next;
    rkv_rows_stretch part = rkv_rows_stretch_at(rows, first, n);
    if (!part.group) {
        dots_by_token(&j, first, n, q, ldq, s, lds);
        return;
    }
    for (size_t done = 0, count; done < n; done += count) {
        part = rkv_rows_stretch_at(rows, first + done, n - done);
        count = part.n;
        if (dots_at_once(&j, &part, first + done, q, ldq, s + done, lds)) continue;
        count = smaller(part.left, n - done);
        dots_group(&j, &part, first + done, count, q, ldq, s + done, lds);
    }
}

/* ---- mixtures ---- */

/* packed += p [m, n] times a run's codes in n <= BLOCK rows. */
static void add_codes(const job *j, const rkv_codes_run *run, size_t codes_at, size_t first, size_t n,
                      const float *p, size_t ldp) {
    rkv_codes_block x = codes_of(j, run, codes_at, first, n);
    j->stream->mix_codes(p, ldp, j->m, &x, j->packed, j->ld);
}

RKV_CLONES static void add_shifted(const float *x, float shift, size_t n, float *y) {
    for (size_t i = 0; i < n; i++)
        y[i] += x[i] + shift;
}

static void mix_run_by_token(const job *j, const rkv_codes_run *run, const token_group *g, size_t first,
                             size_t n, const float *p, size_t ldp, float *y, size_t ldy) {
    memset(j->packed, 0, j->m * j->ld * sizeof *j->packed);
    memset(j->constant, 0, j->m * sizeof *j->constant);
    for (size_t t = 0; t < n; t += BLOCK) {
        size_t count = smaller(n - t, BLOCK);
        block_affine(j, g->index, first + t, count);
        fold(p + t, ldp, j->m, j->scale, j->zero, count, j->block, BLOCK, j->sum);
        for (size_t r = 0; r < j->m; r++)
            j->constant[r] += j->sum[r];
        add_codes(j, run, g->codes_at, first + t, count, j->block, BLOCK);
    }
    for (size_t r = 0; r < j->m; r++)
        add_shifted(unpack(j, run, r), j->constant[r], run->to - run->from, y + r * ldy + run->from);
}

static void mix_by_token(const job *j, size_t first, size_t n, const float *p, size_t ldp, float *y,
                         size_t ldy) {
    token_group g = token_group_first(j, first);
    for (; g.from < j->width; token_group_next(&g))
        for (size_t i = 0; i < g.n_runs; i++)
            mix_run_by_token(j, &g.run[i], &g, first, n, p, ldp, y, ldy);
}

/* n <= BLOCK rows side by side: copied where they do not lie so. */
static rkv_affine_block records_of(const job *j, size_t first, size_t n) {
    rkv_rows_stretch part = rkv_rows_stretch_at(j->rows, first, n);
    size_t bytes = part.layout->record_bytes;
    rkv_affine_block x = {part.layout, part.records, NULL, n, NULL, 0};
    x.next = next_of(j, first, &x.next_apart);
    if (part.n == n) return x;
    for (size_t done = 0; done < n; done += part.n) {
        part = rkv_rows_stretch_at(j->rows, first + done, n - done);
        memcpy(j->padded + done * bytes, part.records, part.n * bytes);
    }
    x.records = j->padded;
    return x;
}

/* At once where the kernels can; they take all blocks or none. */
static bool mix_at_once(const job *j, size_t first, size_t n, const float *p, size_t ldp, float *y,
                        size_t ldy) {
    const rkv_row_layout *layout = rkv_rows_stretch_at(j->rows, first, 1).layout;
    if (!j->stream->mix_affine || layout->record_bytes > j->ld + RECORD_HEAD) return false;
    for (size_t t = 0; t < n; t += BLOCK) {
        rkv_affine_block x = records_of(j, first + t, smaller(n - t, BLOCK));
        if (!j->stream->mix_affine(p + t, ldp, j->m, &x, y, ldy)) return false;
    }
    return true;
}

/* n rows of one group. */
static void mix_group(const job *j, const rkv_rows_stretch *group, size_t first, size_t n, const float *p,
                      size_t ldp, float *y, size_t ldy) {
    rkv_codes_run run[2];
    size_t n_runs = rkv_codes_read_runs(group->layout, 0, j->width, run);
    read_group(j, group->group);
    for (size_t r = 0; r < j->m; r++)
        j->constant[r] = sum_of(p + r * ldp, n);
    for (size_t i = 0; i < n_runs; i++) {
        size_t from = run[i].from, numbers = run[i].to - from;
        memset(j->packed, 0, j->m * j->ld * sizeof *j->packed);
        for (size_t t = 0; t < n; t += BLOCK)
            add_codes(j, &run[i], 0, first + t, smaller(n - t, BLOCK), p + t, ldp);
        for (size_t r = 0; r < j->m; r++)
            add_affine(unpack(j, &run[i], r), j->scale + from, j->zero + from, j->constant[r], numbers,
                       y + r * ldy + from);
    }
}

void rkv_codes_mix(const rkv_stream *stream, const rkv_rows *rows, size_t first, size_t n, const float *p,
                   size_t ldp, size_t m, rkv_codes_next next, float *y, size_t ldy, float *room) {
    if (!n) return;
    job j = job_new(stream, rows, m, room);
    j.first = first, j.next = next;
    rkv_rows_stretch part = rkv_rows_stretch_at(rows, first, n);
    if (!part.group) {
        if (!mix_at_once(&j, first, n, p, ldp, y, ldy)) mix_by_token(&j, first, n, p, ldp, y, ldy);
        return;
    }
    for (size_t done = 0, count; done < n; done += count) {
        part = rkv_rows_stretch_at(rows, first + done, n - done);
        count = smaller(part.left, n - done);
        mix_group(&j, &part, first + done, count, p + done, ldp, y, ldy);
    }
}
