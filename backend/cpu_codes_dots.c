/* cpu_codes_dots.c: queries times rows of whole numbers. Whether a gap cuts rows in two makes no difference
 * to any bit of the results. */
#include <string.h>

#include "backend/cpu_codes_job.h"
#include "core/simd.h"

/* block [m, n] = the vectors times a run's codes in n <= RKV_CODES_BLOCK rows. */
static void block_dots(const rkv_codes_job *j, const rkv_codes_run *run, size_t codes_at, size_t first,
                       size_t n) {
    rkv_codes_block x = rkv_codes_of(j, run, codes_at, first, n);
    j->stream->dots_codes(j->packed, j->ld, j->m, &x, j->block, RKV_CODES_BLOCK);
}

/* One run of group g, of every row. */
static void dots_run_by_token(const rkv_codes_job *j, const rkv_codes_run *run, const rkv_token_group *g,
                              size_t first, size_t n, const float *q, size_t ldq, float *s, size_t lds) {
    rkv_codes_pack(j, run, q, ldq);
    for (size_t r = 0; r < j->m; r++)
        j->constant[r] = rkv_codes_sum(q + r * ldq + run->from, run->to - run->from);
    for (size_t t = 0; t < n; t += RKV_CODES_BLOCK) {
        size_t count = rkv_smaller(n - t, RKV_CODES_BLOCK);
        block_dots(j, run, g->codes_at, first + t, count);
        rkv_codes_affine(j, g->index, first + t, count);
        for (size_t r = 0; r < j->m; r++)
            rkv_codes_add_affine(j->block + r * RKV_CODES_BLOCK, j->scale, j->zero, j->constant[r], count,
                                 s + r * lds + t);
    }
}

static void dots_by_token(const rkv_codes_job *j, size_t first, size_t n, const float *q, size_t ldq,
                          float *s, size_t lds) {
    for (size_t r = 0; r < j->m; r++)
        memset(s + r * lds, 0, n * sizeof *s);
    rkv_token_group g = rkv_token_group_first(j, first);
    for (; g.from < j->width; rkv_token_group_next(&g))
        for (size_t i = 0; i < g.n_runs; i++)
            dots_run_by_token(j, &g.run[i], &g, first, n, q, ldq, s, lds);
}

/* y [n] = x + constant, or to what is there + x. */
RKV_CLONES static void add_or_set(bool add, const float *x, size_t n, float constant, float *y) {
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] + (add ? y[i] : constant);
}

/* Groups that are multiplied one after the other. */
#define GROUPS ((size_t)16)

/* Rows side by side of one group each, as many as GROUPS holds, out of n from `first` on: all at once. How
 * many; 0: the kernels cannot. */
static size_t dots_at_once(const rkv_codes_job *j, size_t first, size_t n, const float *q, size_t ldq,
                           float *s, size_t lds) {
    rkv_affine_block x[GROUPS];
    size_t done = 0, groups = 0;
    if (!j->stream->dots_affine) return 0;
    for (; done < n && groups < GROUPS; done += x[groups++].rows) {
        rkv_rows_stretch part = rkv_rows_stretch_at(j->rows, first + done, n - done);
        x[groups] = (rkv_affine_block){part.layout, part.records, part.group, part.n, NULL, 0};
        x[groups].next = rkv_codes_next_at(j, first + done, &x[groups].next_apart);
    }
    return j->stream->dots_affine(q, ldq, j->m, x, groups, s, lds) ? done : 0;
}

/* n rows of one group. */
static void dots_group(const rkv_codes_job *j, const rkv_rows_stretch *group, size_t first, size_t n,
                       const float *q, size_t ldq, float *s, size_t lds) {
    rkv_codes_run run[2];
    size_t n_runs = rkv_codes_read_runs(group->layout, 0, j->width, run);
    rkv_codes_read_group(j, group->group);
    rkv_codes_fold(q, ldq, j->m, j->scale, j->zero, j->width, j->folded, j->ld, j->constant);
    for (size_t i = 0; i < n_runs; i++) {
        rkv_codes_pack(j, &run[i], j->folded, j->ld);
        for (size_t t = 0; t < n; t += RKV_CODES_BLOCK) {
            size_t count = rkv_smaller(n - t, RKV_CODES_BLOCK);
            block_dots(j, &run[i], 0, first + t, count);
            for (size_t r = 0; r < j->m; r++)
                add_or_set(i > 0, j->block + r * RKV_CODES_BLOCK, count, j->constant[r], s + r * lds + t);
        }
    }
}

void rkv_codes_dots(const rkv_stream *stream, const rkv_rows *rows, size_t first, size_t n, const float *q,
                    size_t ldq, size_t m, rkv_codes_next next, float *s, size_t lds, float *room) {
    if (!n) return;
    rkv_codes_job j = rkv_codes_job_new(stream, rows, m, room);
    j.first = first, j.next = next;
    rkv_rows_stretch part = rkv_rows_stretch_at(rows, first, n);
    if (!part.group) {
        dots_by_token(&j, first, n, q, ldq, s, lds);
        return;
    }
    size_t done = 0, count;
    while (done < n && (count = dots_at_once(&j, first + done, n - done, q, ldq, s + done, lds)))
        done += count;
    for (; done < n; done += count) {
        part = rkv_rows_stretch_at(rows, first + done, n - done);
        count = rkv_smaller(part.left, n - done);
        dots_group(&j, &part, first + done, count, q, ldq, s + done, lds);
    }
}
