/* rows_codes.c: from codes in bytes to float32, for every instruction set. The widening of bytes is the one
 * thing that compilers do not find by themselves. */
#include "backend/rows_codes.h"

#include <stdint.h>

#include "core/simd.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define CODES(name)    name##_avx512
#define CODES_TARGET   __attribute__((target("arch=x86-64-v4"), optimize("O3")))
#define CODES_LANES    16
#define CODES_WIDEN(p) _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(p)))
#include "backend/rows_codes.inc.h"

#define CODES(name)    name##_avx2
#define CODES_TARGET   __attribute__((target("arch=x86-64-v3"), optimize("O3")))
#define CODES_LANES    8
#define CODES_WIDEN(p) _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(p)))
#include "backend/rows_codes.inc.h"
#endif

#define CODES(name)  name##_baseline
#define CODES_TARGET __attribute__((optimize("O3")))
#define CODES_LANES  4
#define CODES_WIDEN(p)                                                                                       \
    { (p)[0], (p)[1], (p)[2], (p)[3] }
#include "backend/rows_codes.inc.h"

static const rkv_codes_reader readers[] = {
#if defined(__x86_64__)
    {16, by_row_avx512, by_number_avx512},
    {8, by_row_avx2, by_number_avx2},
#endif
    {4, by_row_baseline, by_number_baseline},
};

const rkv_codes_reader *rkv_codes_reader_of(const rkv_tile *tile) {
    const rkv_codes_reader *reader = readers;
    while (2 * reader->lanes != tile->panel) /* a panel is two vectors wide */
        reader++;
    return reader;
}
