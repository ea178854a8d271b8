/* cpu_gemm.h: float32 products on the CPU, for the shapes of a forward pass.
 *
 * The right-hand side lies in panels: `panel` columns side by side, the k rows of a panel one after the
 * other, so that the innermost loop reads it straight through. Weights are put into panels once, when they
 * are decoded; a library's general product copies both sides at every call, which took 11 % of a
 * prefill of 2048 tokens. */
#ifndef RKV_BACKEND_CPU_GEMM_H
#define RKV_BACKEND_CPU_GEMM_H

#include <stdbool.h>
#include <stddef.h>

/* No tile has more rows, no panel more columns. */
#define RKV_TILE_ROWS_MOST  14
#define RKV_TILE_PANEL_MOST 32

/* Queries of attention that share one pass over the keys: a multiple of every tile's rows. */
#define RKV_QUERY_BLOCK ((size_t)84)

/* The innermost product for this processor: rows x panel at a time. */
typedef struct rkv_tile {
    const char *name; /* "AVX-512", "AVX2", "baseline" */
    size_t rows, panel;
    void (*multiply)(const float *a, size_t lda, const float *b, size_t ldb, size_t k, float *c, size_t ldc,
                     bool accumulate);
} rkv_tile;

/* The best tile that the processor can run (static). */
const rkv_tile *rkv_tile_best(void);
/* Every tile that it can run, best first; NULL past the end. */
const rkv_tile *rkv_tile_at(size_t index);

/* The right-hand side of a product, [k, n]: panel j begins at data + j stride, its rows are ld floats apart.
 * Columns past n in the last panel may be read: they must be there, and finite. */
typedef struct rkv_panels {
    const float *data;
    size_t stride, ld;
} rkv_panels;

/* c [m, n] = (accumulate ? c : 0) + a [m, k] b [k, n]; rows of a and c are lda and ldc apart. One thread. */
void rkv_gemm(const rkv_tile *tile, const float *a, size_t lda, size_t m, rkv_panels b, size_t n, size_t k,
              float *c, size_t ldc, bool accumulate);

/* Puts w [n, k], the transpose of the right-hand side, into panels [.., k, panel] as its columns first ..
 * first + n - 1. Other columns are left alone. */
void rkv_pack_transposed(const rkv_tile *tile, const float *w, size_t n, size_t k, float *panels,
                         size_t first);

/* n rounded up to whole panels. */
static inline size_t rkv_whole_panels(const rkv_tile *tile, size_t n) {
    return (n + tile->panel - 1) / tile->panel * tile->panel;
}

#endif
