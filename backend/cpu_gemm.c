/* cpu_gemm.c: float32 products in tiles. */
#include "backend/cpu_gemm.h"

#include <string.h>

#include "backend/cpu_level.h"

#if defined(__x86_64__)
#define TILE_NAME   multiply_avx512
#define TILE_TARGET __attribute__((target("arch=x86-64-v4"), optimize("O3")))
#define TILE_WIDTH  16
#define TILE_ROWS   14
#include "backend/cpu_tile.inc.h"

#define TILE_NAME   multiply_avx2
#define TILE_TARGET __attribute__((target("arch=x86-64-v3"), optimize("O3")))
#define TILE_WIDTH  8
#define TILE_ROWS   6
#include "backend/cpu_tile.inc.h"
#endif

#define TILE_NAME   multiply_baseline
#define TILE_TARGET __attribute__((optimize("O3")))
#define TILE_WIDTH  4
#define TILE_ROWS   6
#include "backend/cpu_tile.inc.h"

/* Row by row for rkv_cpu_level. */
static const rkv_tile tiles[] = {
#if defined(__x86_64__)
    {"AVX-512", 14, 32, multiply_avx512},
    {"AVX2", 6, 16, multiply_avx2},
#endif
    {"baseline", 6, 8, multiply_baseline},
};
#define N_TILES (sizeof tiles / sizeof *tiles)

const rkv_tile *rkv_tile_at(size_t index) {
    size_t at = (size_t)rkv_cpu_level() + index;
    return at < N_TILES ? &tiles[at] : NULL;
}

const rkv_tile *rkv_tile_best(void) {
    return rkv_tile_at(0);
}

/* Copies, or adds, rows [from, rows) and the first columns of a whole tile that was computed aside. */
static void place(const float *whole, size_t panel, size_t from, size_t rows, size_t columns, float *c,
                  size_t ldc, bool accumulate) {
    for (size_t i = from; i < rows; i++)
        for (size_t j = 0; j < columns; j++)
            c[i * ldc + j] = whole[i * panel + j] + (accumulate ? c[i * ldc + j] : 0);
}

/* Terms that are summed in one go: their part of a panel stays in the first-level cache, and sums of sums
 * round less than one long sum. */
#define STEP ((size_t)192)

static size_t step_at(size_t p, size_t k) {
    return k - p < STEP ? k - p : STEP;
}

/* A tile whose rows of a are fewer than the tile has: they are padded with zeros. */
static void multiply_few_rows(const rkv_tile *t, const float *a, size_t lda, size_t m, const float *b,
                              size_t ldb, size_t k, float *whole) {
    float padded[RKV_TILE_ROWS_MOST * STEP];
    for (size_t p = 0; p < k; p += STEP) {
        size_t n = step_at(p, k);
        memset(padded, 0, t->rows * n * sizeof *padded);
        for (size_t i = 0; i < m; i++)
            memcpy(padded + i * n, a + i * lda + p, n * sizeof *padded);
        t->multiply(padded, n, b + p * ldb, ldb, n, whole, t->panel, p > 0);
    }
}

/* Rows [first, m) and the first columns of a panel, that whole tiles do not cover. The last tile overlaps the
 * one before, and gives only the rows that it adds. */
static void multiply_edges(const rkv_tile *t, const float *a, size_t lda, size_t first, size_t m,
                           const float *b, size_t ldb, size_t k, float *c, size_t ldc, size_t columns,
                           bool accumulate) {
    float whole[RKV_TILE_ROWS_MOST * RKV_TILE_PANEL_MOST];
    for (size_t i = first; i < m; i += t->rows) {
        size_t from = m - i < t->rows && m >= t->rows ? m - t->rows : i,
               rows = m - from < t->rows ? m - from : t->rows;
        if (rows < t->rows)
            multiply_few_rows(t, a, lda, m, b, ldb, k, whole);
        else
            for (size_t p = 0; p < k; p += STEP)
                t->multiply(a + from * lda + p, lda, b + p * ldb, ldb, step_at(p, k), whole, t->panel, p > 0);
        place(whole, t->panel, i - from, rows, columns, c + from * ldc, ldc, accumulate);
    }
}

/* One panel's columns of c. */
static void multiply_panel(const rkv_tile *t, const float *a, size_t lda, size_t m, const float *b,
                           size_t ldb, size_t k, float *c, size_t ldc, size_t columns, bool accumulate) {
    size_t covered = columns == t->panel ? m / t->rows * t->rows : 0;
    for (size_t p = 0; p < k; p += STEP)
        for (size_t i = 0; i < covered; i += t->rows)
            t->multiply(a + i * lda + p, lda, b + p * ldb, ldb, step_at(p, k), c + i * ldc, ldc,
                        accumulate || p > 0);
    multiply_edges(t, a, lda, covered, m, b, ldb, k, c, ldc, columns, accumulate);
}

void rkv_gemm(const rkv_tile *tile, const float *a, size_t lda, size_t m, rkv_panels b, size_t n, size_t k,
              float *c, size_t ldc, bool accumulate) {
    for (size_t j = 0; j < n; j += tile->panel)
        multiply_panel(tile, a, lda, m, b.data + j / tile->panel * b.stride, b.ld, k, c + j, ldc,
                       n - j < tile->panel ? n - j : tile->panel, accumulate);
}

/* Rows of a panel that are put there together: w is read in whole cache lines, however far its rows are
 * apart. */
#define LINE 16

/* to[p, j] = w[j, p] for p < n_rows <= LINE and j < columns, rows of w k apart, of `to` panel apart. */
static void transpose(const float *w, size_t k, size_t n_rows, size_t columns, float *to, size_t panel) {
    float lines[RKV_TILE_PANEL_MOST][LINE];
    for (size_t j = 0; j < columns; j++)
        memcpy(lines[j], w + j * k, n_rows * sizeof **lines);
    for (size_t p = 0; p < n_rows; p++)
        for (size_t j = 0; j < columns; j++)
            to[p * panel + j] = lines[j][p];
}

void rkv_pack_transposed(const rkv_tile *tile, const float *w, size_t n, size_t k, float *panels,
                         size_t first) {
    for (size_t done = 0; done < n;) {
        size_t column = (first + done) % tile->panel, left = tile->panel - column;
        size_t columns = n - done < left ? n - done : left;
        float *to = panels + (first + done - column) * k + column;
        for (size_t p = 0; p < k; p += LINE)
            transpose(w + done * k + p, k, k - p < LINE ? k - p : LINE, columns, to + p * tile->panel,
                      tile->panel);
        done += columns;
    }
}
