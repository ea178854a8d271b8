/* cpu_matvec_vnni.c: the kernels of cpu_matvec.h for blocks with quanta of 4 bits on AVX-512 VNNI, which
 * multiplies 64 bytes at once and adds the products by fours.
 *
 * The 32 numbers of a block of x become fixed point: x = step P, step = max |x| / LEVELS, P a whole number of
 * three signed bytes, its digits: P = d0 + 256 d1 + 65536 d2. Quanta times digits are exact, and so are
 * their sums: |P| is at most 2^22, a lane adds eight products with quanta below 16, and 2^22 8 15 < 2^31.
 * With the rounding of step and of its inverse x is off by at most 5.1 2^-24 of the largest |x| of its block,
 * which is what float32 sums come to anyway. Numbers of a block where none reaches 2^-100 count as 0;
 * infinities and NaN give what is not finite. */
#if defined(__x86_64__)
#include "backend/cpu_matvec.h"
#include "backend/cpu_vnni_digits.h"

/* Rows that share the digits of x, and blocks of a row that are multiplied at once. */
#define ROWS ((size_t)4)
#define FOUR RKV_SPAN_GROUP

/* Bytes by which weights are asked for before they are needed: the processor's own guess stops at pages. */
#define AHEAD 4096

/* A block begins with a scale, and perhaps an offset: float16 each. */
typedef struct layout {
    size_t bytes, halves;
} layout;

static const layout q4_0 = {18, 1}, q4_1 = {20, 2};

/* ---- the vector ---- */

/* Numbers as the digits that go with lower or upper quanta of a block. */
INLINE void put_digits(__m512 x, float inverse, int8_t (*digits)[64]) {
    __m512i p = _mm512_cvtps_epi32(_mm512_mul_ps(x, _mm512_set1_ps(inverse)));
    __m512i carried = _mm512_add_epi32(p, _mm512_set1_epi32(0x80));
    __m512i twice = _mm512_add_epi32(p, _mm512_set1_epi32(0x8080));
    _mm_storeu_si128((__m128i *)(void *)digits[0], _mm512_cvtepi32_epi8(p));
    _mm_storeu_si128((__m128i *)(void *)digits[1], _mm512_cvtepi32_epi8(_mm512_srli_epi32(carried, 8)));
    _mm_storeu_si128((__m128i *)(void *)digits[2], _mm512_cvtepi32_epi8(_mm512_srli_epi32(twice, 16)));
}

/* Block b: digits, their step, and what its offset is multiplied by. */
INLINE void put_block(rkv_span *s, size_t b, size_t halves) {
    const float levels = 0x3F7F00p0f;
    const __m512 lower = _mm512_loadu_ps(s->x + 32 * b), upper = _mm512_loadu_ps(s->x + 32 * b + LANES);
    rkv_span_group *group = &s->group[b / FOUR];
    size_t at = b % FOUR;
    __m512i sizes = _mm512_max_epi32(_mm512_castps_si512(_mm512_abs_ps(lower)),
                                     _mm512_castps_si512(_mm512_abs_ps(upper)));
    float largest = _mm_cvtss_f32(_mm_castsi128_ps(_mm_cvtsi32_si128(_mm512_reduce_max_epi32(sizes))));
    bool there = !(largest < 0x1p-100f);
    float inverse = there && largest < INFINITY ? levels / largest : 0;
    float sum = _mm512_reduce_add_ps(_mm512_add_ps(lower, upper));
    put_digits(lower, inverse, (int8_t(*)[64])(void *)&group->digits[0][0][LANES * at]);
    put_digits(upper, inverse, (int8_t(*)[64])(void *)&group->digits[1][0][LANES * at]);
    for (size_t row = 0; row < 2; row++) {
        float *step = group->step + 8 * row + 2 * at, *offset = group->offset + 8 * row + 2 * at;
        step[0] = there ? largest * (1 / levels) : 0;
        offset[halves - 1] = halves == 1 ? -8 * sum : sum;
    }
}

INLINE void prepare(rkv_span *s, size_t halves) {
    size_t blocks = s->columns / 32;
    memset(s->group, 0, (blocks + FOUR - 1) / FOUR * sizeof *s->group);
    for (size_t b = 0; b < blocks; b++)
        put_block(s, b, halves);
}

TARGET static void prepare_q4_0(rkv_span *s) {
    prepare(s, 1);
}
TARGET static void prepare_q4_1(rkv_span *s) {
    prepare(s, 2);
}

/* ---- four blocks of four rows ---- */

#define EVERY_BYTE 0x01010101

/* The quanta of a row's blocks, each in a lane of 16 bytes; without the fourth's, which may lie past the
 * row's first 64 bytes. */
INLINE __m512i quanta_of(layout l, __m512i row) {
    const int apart = (int)l.bytes * EVERY_BYTE;
    const __m512i own =
        _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
    const __m512i lane = _mm512_setr_epi32(0, 0, 0, 0, apart, apart, apart, apart, 2 * apart, 2 * apart,
                                           2 * apart, 2 * apart, 3 * apart, 3 * apart, 3 * apart, 3 * apart);
    const __m512i first = _mm512_set1_epi8((char)(2 * l.halves));
    return _mm512_permutexvar_epi8(_mm512_add_epi8(_mm512_add_epi8(own, lane), first), row);
}

/* heads, whose lane r becomes row r's halves: those of its four blocks, two each. */
INLINE __m512i with_halves(layout l, __m512i heads, size_t r, __m512i row) {
    const int apart = (int)l.bytes * EVERY_BYTE, own = 0x03020100;
    const __m512i at =
        _mm512_broadcast_i32x4(_mm_setr_epi32(own, own + apart, own + 2 * apart, own + 3 * apart));
    const __mmask64 of_row = (__mmask64)(l.halves == 2 ? 0xFFFF : 0x3333) << (16 * r);
    return _mm512_mask_permutexvar_epi8(heads, of_row, at, row);
}

/* Of each of the vector's fours of bytes, the sum of quanta times x / step. */
INLINE __m512i products_of(__m512i quanta, const rkv_span_group *x) {
    const __m512i low_bits = _mm512_set1_epi8(0x0F);
    __m512i lower = _mm512_and_si512(quanta, low_bits);
    __m512i upper = _mm512_and_si512(_mm512_srli_epi16(quanta, 4), low_bits), sum = _mm512_setzero_si512();
#pragma GCC unroll 3
    for (size_t g = 3; g-- > 0;) {
        if (g < 2) sum = _mm512_slli_epi32(sum, 8);
        sum = _mm512_dpbusd_epi32(sum, lower, _mm512_load_si512(x->digits[0][g]));
        sum = _mm512_dpbusd_epi32(sum, upper, _mm512_load_si512(x->digits[1][g]));
    }
    return sum;
}

/* What four rows come to so far: their quanta's sums, and in halves of a vector each, their offsets'. */
typedef struct sums {
    __m512 quanta[ROWS], offset[ROWS / 2];
} sums;

/* Blocks of rows at w: four, or `some` fewer where that is not 0. */
INLINE void add_blocks(layout l, const rkv_span_group *x, const unsigned char *w, size_t stride, size_t some,
                       sums *s) {
    const __m512i scale_at = _mm512_setr_epi32(0, 0, 0, 0, 2, 2, 2, 2, 4, 4, 4, 4, 6, 6, 6, 6);
    const __mmask64 there = some ? ((__mmask64)1 << some * l.bytes) - 1 : ~(__mmask64)0;
    __m512i heads = _mm512_setzero_si512(), products[ROWS];
#pragma GCC unroll 4
    for (size_t r = 0; r < ROWS; r++) {
        const unsigned char *at = w + r * stride, *fourth = at + 3 * l.bytes + 2 * l.halves;
        __m512i row = some ? _mm512_maskz_loadu_epi8(there, at) : _mm512_loadu_si512(at);
        __asm__("" : "+v"(row)); /* loaded once: it is mostly in two lines */
        __m512i quanta = quanta_of(l, row);
        if (!some)
            quanta = _mm512_mask_broadcast_i32x4(quanta, 0xF000,
                                                 _mm_loadu_si128((const __m128i *)(const void *)fourth));
        for (size_t b = 0; b < 2; b++)
            __builtin_prefetch((const void *)((uintptr_t)at + AHEAD + b * 2 * l.bytes));
        heads = with_halves(l, heads, r, row);
        products[r] = products_of(quanta, x);
    }
    const __m512 step = _mm512_load_ps(x->step), offset = _mm512_load_ps(x->offset);
#pragma GCC unroll 2
    for (size_t pair = 0; pair < ROWS / 2; pair++) {
        __m512 halves =
            _mm512_cvtph_ps(pair ? _mm512_extracti64x4_epi64(heads, 1) : _mm512_castsi512_si256(heads));
        __m512 scale = _mm512_mul_ps(halves, step);
        s->offset[pair] = _mm512_fmadd_ps(halves, offset, s->offset[pair]);
#pragma GCC unroll 2
        for (size_t k = 0; k < 2; k++) {
            size_t r = 2 * pair + k;
            __m512 own =
                _mm512_permutexvar_ps(_mm512_add_epi32(scale_at, _mm512_set1_epi32(8 * (int)k)), scale);
            s->quanta[r] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(products[r]), own, s->quanta[r]);
        }
    }
}

/* Four rows; `stride` may be 0: then they are one. */
INLINE __m128 four_rows(layout l, const rkv_span *x, const unsigned char *w, size_t stride) {
    sums s = {0};
    size_t blocks = x->columns / 32, g = 0;
    for (; (g + 1) * FOUR <= blocks; g++, w += FOUR * l.bytes)
        add_blocks(l, &x->group[g], w, stride, 0, &s);
    size_t some = blocks % FOUR;
    if (some == 1) add_blocks(l, &x->group[g], w, stride, 1, &s);
    if (some == 2) add_blocks(l, &x->group[g], w, stride, 2, &s);
    if (some == 3) add_blocks(l, &x->group[g], w, stride, 3, &s);
    for (size_t r = 0; r < ROWS; r++) {
        __mmask16 own = r % 2 ? 0xFF00 : 0x00FF;
        s.quanta[r] = _mm512_mask_add_ps(s.quanta[r], own, s.quanta[r], s.offset[r / 2]);
    }
    return sums_of(s.quanta);
}

INLINE void add_rows(layout l, const rkv_span *x, const unsigned char *w, size_t stride, size_t rows,
                     float *y) {
    size_t r = 0;
    for (; r + ROWS <= rows; r += ROWS, w += ROWS * stride)
        _mm_storeu_ps(y + r, _mm_add_ps(_mm_loadu_ps(y + r), four_rows(l, x, w, stride)));
    for (; r < rows; r++, w += stride)
        y[r] += _mm_cvtss_f32(four_rows(l, x, w, 0));
}

TARGET static void add_q4_0(const rkv_span *x, const unsigned char *w, size_t stride, size_t rows, float *y) {
    add_rows(q4_0, x, w, stride, rows, y);
}
TARGET static void add_q4_1(const rkv_span *x, const unsigned char *w, size_t stride, size_t rows, float *y) {
    add_rows(q4_1, x, w, stride, rows, y);
}

const rkv_matvec_set rkv_matvec_vnni = {
    .name = "AVX-512 VNNI",
    .kernel = {[RKV_WEIGHT_Q4_0] = {add_q4_0, prepare_q4_0}, [RKV_WEIGHT_Q4_1] = {add_q4_1, prepare_q4_1}},
    .rest = &rkv_matvec_avx512,
};
#endif
