/* cpu_stream_vnni.h: the products of cpu_stream.h with codes for processors that have AVX-512 VNNI. */
#ifndef RKV_BACKEND_CPU_STREAM_VNNI_H
#define RKV_BACKEND_CPU_STREAM_VNNI_H

#include "backend/cpu_stream.h"

/* rkv_stream's dots_codes and mix_codes, with q and p in fixed point (cpu_vnni_digits.h has the error). */
void rkv_vnni_dots_codes(const float *q, size_t ldq, size_t m, const rkv_codes_block *x, float *s,
                         size_t lds);
void rkv_vnni_mix_codes(const float *p, size_t ldp, size_t m, const rkv_codes_block *x, float *y, size_t ldy);
/* Its dots_affine, for channel groups, and mix_affine, for one or two groups to a row. */
bool rkv_vnni_dots_affine(const float *q, size_t ldq, size_t m, const rkv_affine_block *x, size_t n, float *s,
                          size_t lds);
bool rkv_vnni_mix_affine(const float *p, size_t ldp, size_t m, const rkv_affine_block *x, float *y,
                         size_t ldy);

#endif
