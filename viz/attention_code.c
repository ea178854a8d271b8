/* attention_code.c: attention in 8 bits on a log scale, for pages. */
#include "viz/attention_code.h"

#include <math.h>
#include <stdlib.h>

#include "core/memory.h"

rkv_code_grid rkv_code_grid_for(size_t n_tokens) {
    rkv_code_grid grid = {.n_tokens = n_tokens};
    grid.block = (n_tokens + RKV_CODE_CELLS - 1) / RKV_CODE_CELLS;
    grid.cells = (n_tokens + grid.block - 1) / grid.block;
    grid.bytes = grid.cells * (grid.cells + 1) / 2;
    return grid;
}

static uint8_t code_of(float value) {
    float code = 255 + RKV_CODES_PER_OCTAVE * log2f(value);
    if (!(code >= 0.5f)) return 0; /* 0, and what is no number */
    return code < 255 ? (uint8_t)(code + 0.5f) : 255;
}

/* The largest values of a row of cells: row [C] of the keys' blocks, over the queries of a block. */
static void reduce_rows(const rkv_code_grid *grid, const float *attention, size_t cell_row, float *row) {
    size_t begin = cell_row * grid->block, end = begin + grid->block, n = grid->n_tokens;
    for (size_t c = 0; c <= cell_row; c++)
        row[c] = 0;
    for (size_t i = begin; i < end && i < n; i++)
        for (size_t j = 0; j <= i; j++)
            if (attention[i * n + j] > row[j / grid->block]) row[j / grid->block] = attention[i * n + j];
}

rkv_status rkv_code_head(const rkv_code_grid *grid, const float *attention, uint8_t *code) {
    float *row = NULL;
    rkv_status status = rkv_alloc_raw(&row, grid->cells, sizeof *row);
    for (size_t i = 0; i < grid->cells && !status; i++) {
        reduce_rows(grid, attention, i, row);
        for (size_t c = 0; c <= i; c++)
            *code++ = code_of(row[c]);
    }
    free(row);
    return status;
}

/* Shannon's entropy of n values of which each of `count` has its own code, and the rest are 0; in bytes. */
static double entropy_bytes(const size_t count[256], unsigned lowest, size_t total) {
    double bits = 0;
    size_t zeros = total;
    for (unsigned c = lowest; c < 256; c++) {
        zeros -= count[c];
        if (count[c]) bits += (double)count[c] * log2((double)total / (double)count[c]);
    }
    if (zeros) bits += (double)zeros * log2((double)total / (double)zeros);
    return bits / 8;
}

/* Attention is noise to a compressor: on the default model it deflates to what the entropy of single codes
 * says, within some percent. */
unsigned rkv_code_floor(const size_t count[256], double bytes) {
    size_t total = 0;
    for (unsigned c = 0; c < 256; c++)
        total += count[c];
    unsigned lowest = 1;
    while (lowest < 255 && entropy_bytes(count, lowest, total) > bytes)
        lowest++;
    return lowest;
}
