/* attention_code.h: attention in 8 bits on a log scale, for pages. */
#ifndef RKV_VIZ_ATTENTION_CODE_H
#define RKV_VIZ_ATTENTION_CODE_H

#include <stddef.h>
#include <stdint.h>

#include <rankkv/status.h>

/* Code c > 0 is 2 ^ ((c - 255) / RKV_CODES_PER_OCTAVE): each is 9 % above the one below it, and a value is at
 * most 4.4 % from its code's. Code 0: less than the scale has. Chosen with the floor: see docs/FORMATS.md. */
#define RKV_CODES_PER_OCTAVE 8

/* More tokens than this share cells. */
#define RKV_CODE_CELLS ((size_t)512)

typedef struct rkv_code_grid {
    size_t n_tokens; /* T */
    size_t block;    /* tokens along the side of a cell */
    size_t cells;    /* C, cells along the side of a head */
    size_t bytes;    /* C (C + 1) / 2, the codes of a head */
} rkv_code_grid;

rkv_code_grid rkv_code_grid_for(size_t n_tokens);

/* code [bytes]: the lower triangle of attention [T, T] row by row, of each cell its largest value. */
rkv_status rkv_code_head(const rkv_code_grid *grid, const float *attention, uint8_t *code);

/* The lowest code, at least 1, such that codes with these counts [256], all below it made 0, can be expected
 * to deflate to at most so many bytes; 255 when none can. */
unsigned rkv_code_floor(const size_t count[256], double bytes);

#endif
