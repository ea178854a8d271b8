/* cpu_tile.inc.h: the innermost product for one instruction set; included by cpu_gemm.c once per set, with
 *   TILE_NAME    the function's name
 *   TILE_TARGET  attributes that let it use the instruction set
 *   TILE_WIDTH   floats in a vector register
 *   TILE_ROWS    rows of a tile: 2 TILE_ROWS accumulators + 2 operands + 1 broadcast fit the registers
 *
 * c [TILE_ROWS, 2 TILE_WIDTH] = (accumulate ? c : 0) + a [TILE_ROWS, k] b [k, 2 TILE_WIDTH], rows lda, ldb,
 * ldc apart. */
TILE_TARGET static void TILE_NAME(const float *a, size_t lda, const float *b, size_t ldb, size_t k, float *c,
                                  size_t ldc, bool accumulate) {
    typedef float vector __attribute__((vector_size(TILE_WIDTH * sizeof(float)), aligned(sizeof(float))));
    vector sum[TILE_ROWS][2];
#pragma GCC unroll 16
    for (size_t i = 0; i < TILE_ROWS; i++)
        sum[i][0] = sum[i][1] = (vector){0};
    for (size_t p = 0; p < k; p++, b += ldb) {
        vector left = *(const vector *)b, right = *(const vector *)(b + TILE_WIDTH);
#pragma GCC unroll 16
        for (size_t i = 0; i < TILE_ROWS; i++) {
            sum[i][0] += a[i * lda + p] * left;
            sum[i][1] += a[i * lda + p] * right;
        }
    }
#pragma GCC unroll 16
    for (size_t i = 0; i < TILE_ROWS; i++) {
        vector *first = (vector *)(c + i * ldc), *second = (vector *)(c + i * ldc + TILE_WIDTH);
        *first = accumulate ? *first + sum[i][0] : sum[i][0];
        *second = accumulate ? *second + sum[i][1] : sum[i][1];
    }
}

#undef TILE_NAME
#undef TILE_TARGET
#undef TILE_WIDTH
#undef TILE_ROWS
