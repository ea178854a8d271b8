/* cpu_stream.c: products of a few vectors with many rows, for every instruction set. */
#include "backend/cpu_stream.h"

#include <stdint.h>
#include <string.h>

#include "backend/cpu_level.h"
#include "backend/cpu_stream_vnni.h"
#include "core/simd.h"

/* How many bytes ahead of the sums rows are fetched: about what memory takes to come. One thread of the
 * machine at hand so went from 13 to 20 GB/s. */
#define STREAM_AHEAD ((size_t)8192)

#define LIST_4(M, s) M(0, s), M(1, s), M(2, s), M(3, s)
#define LIST_8(M, s) LIST_4(M, s), M(4, s), M(5, s), M(6, s), M(7, s)
#define LIST_16(M, s)                                                                                        \
    LIST_8(M, s), M(8, s), M(9, s), M(10, s), M(11, s), M(12, s), M(13, s), M(14, s), M(15, s)

#if defined(__x86_64__)
#include <immintrin.h>

#define STREAM(name)    name##_avx512
#define STREAM_TARGET   __attribute__((target("arch=x86-64-v4"), optimize("O3")))
#define STREAM_LANES    16
#define STREAM_LIST     LIST_16
#define STREAM_ROWS     4
#define STREAM_WIDEN(p) ((STREAM(ints))_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(p))))
/* A permutation looks at the four lowest bits of its indices: it masks and converts at once. */
#define STREAM_LOW(c)                                                                                        \
    ((STREAM(vector))_mm512_permutexvar_ps(                                                                  \
        (__m512i)(c), _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)))
#include "backend/cpu_stream.inc.h"
#include "backend/cpu_stream_codes.inc.h"

#define STREAM(name)    name##_avx2
#define STREAM_TARGET   __attribute__((target("arch=x86-64-v3"), optimize("O3")))
#define STREAM_LANES    8
#define STREAM_LIST     LIST_8
#define STREAM_ROWS     3
#define STREAM_WIDEN(p) ((STREAM(ints))_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(p))))
#define STREAM_LOW(c)   __builtin_convertvector((c)&15, STREAM(vector))
#include "backend/cpu_stream.inc.h"
#include "backend/cpu_stream_codes.inc.h"
#endif

#define STREAM(name)    name##_baseline
#define STREAM_TARGET   __attribute__((optimize("O3")))
#define STREAM_LANES    4
#define STREAM_LIST     LIST_4
#define STREAM_ROWS     3
#define STREAM_WIDEN(p) ((STREAM(ints)){(p)[0], (p)[1], (p)[2], (p)[3]})
#define STREAM_LOW(c)   __builtin_convertvector((c)&15, STREAM(vector))
#include "backend/cpu_stream.inc.h"
#include "backend/cpu_stream_codes.inc.h"

/* Row by row for rkv_cpu_level; the first two are for the same. */
static const rkv_stream streams[] = {
#if defined(__x86_64__)
    {16, dots_avx512, mix_avx512, rkv_vnni_dots_codes, rkv_vnni_mix_codes, true, rkv_vnni_dots_affine,
     rkv_vnni_mix_affine},
    {16, dots_avx512, mix_avx512, dots_codes_avx512, mix_codes_avx512, false, NULL, NULL},
    {8, dots_avx2, mix_avx2, dots_codes_avx2, mix_codes_avx2, false, NULL, NULL},
#endif
    {4, dots_baseline, mix_baseline, dots_codes_baseline, mix_codes_baseline, false, NULL, NULL},
};

#define N_STREAMS (sizeof streams / sizeof *streams)

const rkv_stream *rkv_stream_at(size_t index) {
    size_t at = N_STREAMS - RKV_LEVEL_COUNT + (size_t)rkv_cpu_level() + index;
    if (rkv_cpu_has_vnni()) at--;
    return at < N_STREAMS ? &streams[at] : NULL;
}

const rkv_stream *rkv_stream_best(void) {
    return rkv_stream_at(0);
}
