/* cpu_codes_job.h: what the two products of cpu_codes.h share: vectors in the kernels' order, codes where
 * they lie, scales and zeros. */
#ifndef RKV_BACKEND_CPU_CODES_JOB_H
#define RKV_BACKEND_CPU_CODES_JOB_H

#include "backend/cpu_codes.h"
#include "backend/rows_affine.h"
#include "backend/rows_form.h"
#include "core/sizes.h"

/* Rows that are multiplied together: what is prepared for them counts for little beside them. */
#define RKV_CODES_BLOCK ((size_t)256)

/* Bytes of scales and zeros before the codes of records that are multiplied at once: two pairs. */
#define RKV_RECORD_HEAD (2 * sizeof(rkv_affine))

/* What the products of a call share; rows of vectors are ld floats apart. */
typedef struct rkv_codes_job {
    const rkv_stream *stream;
    const rkv_rows *rows;
    size_t m, width, ld;
    float *packed;         /* [m, ld] vectors in the kernels' order */
    float *folded;         /* [m, ld] */
    float *block;          /* [m, RKV_CODES_BLOCK] */
    float *scale, *zero;   /* [the larger of width and RKV_CODES_BLOCK] */
    unsigned char *padded; /* [RKV_CODES_BLOCK, ld + RKV_RECORD_HEAD] codes in whole lanes, or records */
    float *constant, *sum; /* [m] */
    size_t first;          /* row */
    rkv_codes_next next;
} rkv_codes_job;

/* room: of rkv_codes_room. */
rkv_codes_job rkv_codes_job_new(const rkv_stream *stream, const rkv_rows *rows, size_t m, float *room);

/* ---- vectors over the numbers of a run, in the order of the kernels ---- */

/* From q [m, width], rows ldq apart, to packed. */
void rkv_codes_pack(const rkv_codes_job *j, const rkv_codes_run *run, const float *q, size_t ldq);
/* The numbers of packed vector r; they may lie in folded. */
const float *rkv_codes_unpack(const rkv_codes_job *j, const rkv_codes_run *run, size_t r);

/* ---- codes where they lie ---- */

/* A group of a row's neighbours, axis token. */
typedef struct rkv_token_group {
    const rkv_row_layout *layout;
    size_t index, codes_at; /* codes_at: bytes from a record's beginning to its codes */
    size_t from;            /* its first number; the row's width past the last group */
    rkv_codes_run run[2];
    size_t n_runs;
} rkv_token_group;

rkv_token_group rkv_token_group_first(const rkv_codes_job *j, size_t first);
void rkv_token_group_next(rkv_token_group *g);

/* Where what is read after row `first` lies, and how far apart; NULL: not known. */
const unsigned char *rkv_codes_next_at(const rkv_codes_job *j, size_t first, size_t *apart);

/* A run's codes of n <= RKV_CODES_BLOCK rows from `first` on, rows side by side and in whole lanes: copied to
 * padded where they do not lie so. */
rkv_codes_block rkv_codes_of(const rkv_codes_job *j, const rkv_codes_run *run, size_t codes_at, size_t first,
                             size_t n);

/* ---- scales and zeros ---- */

/* scale [n] and zero [n] of group g of the rows; n <= RKV_CODES_BLOCK. */
void rkv_codes_affine(const rkv_codes_job *j, size_t g, size_t first, size_t n);
/* scale [width] and zero [width] of a channel group's record. */
void rkv_codes_read_group(const rkv_codes_job *j, const unsigned char *group);

/* y [n] += scale x + zero sum, number by number. */
void rkv_codes_add_affine(const float *x, const float *scale, const float *zero, float sum, size_t n,
                          float *y);
float rkv_codes_sum(const float *x, size_t n);
/* y [m, n] = x scale, row by row; sums [m] of x zero. */
void rkv_codes_fold(const float *x, size_t ldx, size_t m, const float *scale, const float *zero, size_t n,
                    float *y, size_t ldy, float *sums);

#endif
