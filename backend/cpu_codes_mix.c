/* cpu_codes_mix.c: mixtures of rows of whole numbers. Whether a gap cuts rows in two makes no difference to
 * any bit of the results. */
#include <string.h>

#include "backend/cpu_codes_job.h"
#include "core/simd.h"

/* packed += p [m, n] times a run's codes in n <= RKV_CODES_BLOCK rows. */
static void add_codes(const rkv_codes_job *j, const rkv_codes_run *run, size_t codes_at, size_t first,
                      size_t n, const float *p, size_t ldp) {
    rkv_codes_block x = rkv_codes_of(j, run, codes_at, first, n);
    j->stream->mix_codes(p, ldp, j->m, &x, j->packed, j->ld);
}

RKV_CLONES static void add_shifted(const float *x, float shift, size_t n, float *y) {
    for (size_t i = 0; i < n; i++)
        y[i] += x[i] + shift;
}

static void mix_run_by_token(const rkv_codes_job *j, const rkv_codes_run *run, const rkv_token_group *g,
                             size_t first, size_t n, const float *p, size_t ldp, float *y, size_t ldy) {
    memset(j->packed, 0, j->m * j->ld * sizeof *j->packed);
    memset(j->constant, 0, j->m * sizeof *j->constant);
    for (size_t t = 0; t < n; t += RKV_CODES_BLOCK) {
        size_t count = rkv_smaller(n - t, RKV_CODES_BLOCK);
        rkv_codes_affine(j, g->index, first + t, count);
        rkv_codes_fold(p + t, ldp, j->m, j->scale, j->zero, count, j->block, RKV_CODES_BLOCK, j->sum);
        for (size_t r = 0; r < j->m; r++)
            j->constant[r] += j->sum[r];
        add_codes(j, run, g->codes_at, first + t, count, j->block, RKV_CODES_BLOCK);
    }
    for (size_t r = 0; r < j->m; r++)
        add_shifted(rkv_codes_unpack(j, run, r), j->constant[r], run->to - run->from,
                    y + r * ldy + run->from);
}

static void mix_by_token(const rkv_codes_job *j, size_t first, size_t n, const float *p, size_t ldp, float *y,
                         size_t ldy) {
    rkv_token_group g = rkv_token_group_first(j, first);
    for (; g.from < j->width; rkv_token_group_next(&g))
        for (size_t i = 0; i < g.n_runs; i++)
            mix_run_by_token(j, &g.run[i], &g, first, n, p, ldp, y, ldy);
}

/* n <= RKV_CODES_BLOCK rows side by side: copied where they do not lie so. */
static rkv_affine_block records_of(const rkv_codes_job *j, size_t first, size_t n) {
    rkv_rows_stretch part = rkv_rows_stretch_at(j->rows, first, n);
    size_t bytes = part.layout->record_bytes;
    rkv_affine_block x = {part.layout, part.records, NULL, n, NULL, 0};
    x.next = rkv_codes_next_at(j, first, &x.next_apart);
    if (part.n == n) return x;
    for (size_t done = 0; done < n; done += part.n) {
        part = rkv_rows_stretch_at(j->rows, first + done, n - done);
        memcpy(j->padded + done * bytes, part.records, part.n * bytes);
    }
    x.records = j->padded;
    return x;
}

/* At once where the kernels can; they take all blocks or none. */
static bool mix_at_once(const rkv_codes_job *j, size_t first, size_t n, const float *p, size_t ldp, float *y,
                        size_t ldy) {
    const rkv_row_layout *layout = rkv_rows_stretch_at(j->rows, first, 1).layout;
    if (!j->stream->mix_affine || layout->record_bytes > j->ld + RKV_RECORD_HEAD) return false;
    for (size_t t = 0; t < n; t += RKV_CODES_BLOCK) {
        rkv_affine_block x = records_of(j, first + t, rkv_smaller(n - t, RKV_CODES_BLOCK));
        if (!j->stream->mix_affine(p + t, ldp, j->m, &x, y, ldy)) return false;
    }
    return true;
}

/* n rows of one group. */
static void mix_group(const rkv_codes_job *j, const rkv_rows_stretch *group, size_t first, size_t n,
                      const float *p, size_t ldp, float *y, size_t ldy) {
    rkv_codes_run run[2];
    size_t n_runs = rkv_codes_read_runs(group->layout, 0, j->width, run);
    rkv_codes_read_group(j, group->group);
    for (size_t r = 0; r < j->m; r++)
        j->constant[r] = rkv_codes_sum(p + r * ldp, n);
    for (size_t i = 0; i < n_runs; i++) {
        size_t from = run[i].from, numbers = run[i].to - from;
        memset(j->packed, 0, j->m * j->ld * sizeof *j->packed);
        for (size_t t = 0; t < n; t += RKV_CODES_BLOCK)
            add_codes(j, &run[i], 0, first + t, rkv_smaller(n - t, RKV_CODES_BLOCK), p + t, ldp);
        for (size_t r = 0; r < j->m; r++)
            rkv_codes_add_affine(rkv_codes_unpack(j, &run[i], r), j->scale + from, j->zero + from,
                                 j->constant[r], numbers, y + r * ldy + from);
    }
}

void rkv_codes_mix(const rkv_stream *stream, const rkv_rows *rows, size_t first, size_t n, const float *p,
                   size_t ldp, size_t m, rkv_codes_next next, float *y, size_t ldy, float *room) {
    if (!n) return;
    rkv_codes_job j = rkv_codes_job_new(stream, rows, m, room);
    j.first = first, j.next = next;
    rkv_rows_stretch part = rkv_rows_stretch_at(rows, first, n);
    if (!part.group) {
        if (!mix_at_once(&j, first, n, p, ldp, y, ldy)) mix_by_token(&j, first, n, p, ldp, y, ldy);
        return;
    }
    for (size_t done = 0, count; done < n; done += count) {
        part = rkv_rows_stretch_at(rows, first + done, n - done);
        count = rkv_smaller(part.left, n - done);
        mix_group(&j, &part, first + done, count, p + done, ldp, y, ldy);
    }
}
