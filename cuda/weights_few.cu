/* weights_few.cu: weights as they lie times a few tokens, all in one reading of the weights. A block of
 * threads has some rows, so that what is read of a token serves them all; its threads share out the columns,
 * eight at a time. What a row comes to does not depend on the other rows, nor a token's product on the other
 * tokens. */
#include <assert.h>

#include "cuda/reduce.h"
#include "cuda/warp_rows.h"
#include "cuda/weight_number.h"
#include "cuda/weights.h"

#define ROWS    4
#define WARPS   4
#define THREADS (WARPS * RKV_WARP)
#define PIECE   RKV_FEW_STEP /* numbers of a row that a thread has at a time */

/* As one load takes them. */
typedef struct sixteen_bytes {
    uint32_t bits[4];
} __attribute__((aligned(16))) sixteen_bytes;

typedef struct four_floats {
    float x[4];
} __attribute__((aligned(16))) four_floats;

RKV_DEVICE bool has_nibbles(rkv_weight_form form) {
    return form == RKV_WEIGHT_Q4_0 || form == RKV_WEIGHT_Q4_1;
}

/* ---- a piece of a row ----
 * Eight numbers next to each other; of blocks with two numbers in a byte, those of four bytes: two fours, 16
 * numbers apart. */

RKV_DEVICE unsigned piece_column(rkv_weight_form form, unsigned piece) {
    return has_nibbles(form) ? piece / 4 * 32 + piece % 4 * 4 : piece * PIECE;
}

RKV_DEVICE void load_token(rkv_weight_form form, const float *x, unsigned piece, float *to) {
    const float *from = x + piece_column(form, piece);
    four_floats low = *(const four_floats *)(const void *)from;
    four_floats high = *(const four_floats *)(const void *)(from + (has_nibbles(form) ? 16 : 4));
    for (unsigned i = 0; i < 4; i++) {
        to[i] = low.x[i];
        to[4 + i] = high.x[i];
    }
}

RKV_DEVICE void load_halves(rkv_weight_form form, const unsigned char *row, unsigned piece, float *to) {
    sixteen_bytes w = *(const sixteen_bytes *)(const void *)(row + piece * sizeof w);
    for (unsigned i = 0; i < PIECE; i++) {
        uint32_t half = i % 2 ? w.bits[i / 2] >> 16 : w.bits[i / 2] & 0xFFFFu;
        to[i] = form == RKV_WEIGHT_F16 ? rkv_half_loaded((uint16_t)half) : rkv_float_of_bits(half << 16);
    }
}

/* Four bytes of quanta; blocks of Q4_1 alone begin at a multiple of four bytes. */
RKV_DEVICE uint32_t load_quanta(rkv_weight_form form, const unsigned char *at) {
    const uint16_t *halves = (const uint16_t *)(const void *)at;
    return form == RKV_WEIGHT_Q4_1 ? *(const uint32_t *)(const void *)at
                                   : halves[0] | (uint32_t)halves[1] << 16;
}

RKV_DEVICE void load_blocks(rkv_weight_form form, const unsigned char *row, unsigned piece, float *to) {
    const unsigned char *block = row + piece / 4 * rkv_weight_block_bytes(form);
    const unsigned char *at =
        block + rkv_weight_quanta_at(form) + piece % 4 * (has_nibbles(form) ? PIECE / 2 : PIECE);
    rkv_weight_scale s = rkv_block_scale(form, block);
    uint32_t first = load_quanta(form, at);
    uint32_t low = has_nibbles(form) ? first & 0x0F0F0F0Fu : first;
    uint32_t high = has_nibbles(form) ? first >> 4 & 0x0F0F0F0Fu : load_quanta(form, at + 4);
    for (unsigned i = 0; i < 4; i++) {
        uint32_t a = low >> 8 * i & 0xFFu, b = high >> 8 * i & 0xFFu;
        to[i] = rkv_weight_of(s, has_nibbles(form) ? (int)a : (int)(signed char)a);
        to[4 + i] = rkv_weight_of(s, has_nibbles(form) ? (int)b : (int)(signed char)b);
    }
}

RKV_DEVICE void load_weights(rkv_weight_form form, const unsigned char *row, unsigned piece, float *to) {
    if (rkv_weight_block_numbers(form) == 1)
        load_halves(form, row, piece, to);
    else
        load_blocks(form, row, piece, to);
}

/* ---- the product ---- */

/* sum [ROWS, tokens] of this thread's pieces */
RKV_DEVICE void add_pieces(const rkv_few_task *t, rkv_weight_form form, unsigned tokens,
                           float sum[ROWS][RKV_FEW_TOKENS]) {
    unsigned k = (unsigned)t->k, stride = (unsigned)rkv_weight_bytes(form, k);
    size_t first = (size_t)blockIdx.x * ROWS;
    unsigned last = t->rows - first < ROWS ? (unsigned)(t->rows - first) - 1 : ROWS - 1;
    const unsigned char *rows = (const unsigned char *)t->weights + first * stride;
    for (unsigned piece = threadIdx.x; piece < k / PIECE; piece += THREADS) {
        float x[RKV_FEW_TOKENS][PIECE], w[ROWS][PIECE];
        for (unsigned r = 0; r < ROWS; r++)
            load_weights(form, rows + (r < last ? r : last) * stride, piece, w[r]);
        for (unsigned m = 0; m < tokens; m++)
            load_token(form, t->x + m * k, piece, x[m]);
        for (unsigned i = 0; i < PIECE; i++)
            for (unsigned r = 0; r < ROWS; r++)
                for (unsigned m = 0; m < tokens; m++)
                    sum[r][m] = fmaf(w[r][i], x[m][i], sum[r][m]);
    }
}

/* Adds up what the threads have, and writes it. */
RKV_DEVICE void write_sums(const rkv_few_task *t, unsigned tokens, float sum[ROWS][RKV_FEW_TOKENS]) {
    __shared__ float part[ROWS][RKV_FEW_TOKENS][WARPS];
    for (unsigned r = 0; r < ROWS; r++)
        for (unsigned m = 0; m < tokens; m++) {
            float of_warp = rkv_warp_sum(sum[r][m]);
            if (rkv_lane() == 0) part[r][m][threadIdx.x / RKV_WARP] = of_warp;
        }
    __syncthreads();
    unsigned r = threadIdx.x / RKV_FEW_TOKENS, m = threadIdx.x % RKV_FEW_TOKENS;
    size_t row = (size_t)blockIdx.x * ROWS + r;
    if (r >= ROWS || m >= tokens || row >= t->rows) return;
    float *y = t->y + m * t->rows + row, all = 0;
    for (unsigned w = 0; w < WARPS; w++)
        all += part[r][m][w];
    *y = t->accumulate ? *y + all : all;
}

RKV_DEVICE void multiply(const rkv_few_task *t, rkv_weight_form form, unsigned tokens) {
    float sum[ROWS][RKV_FEW_TOKENS];
    for (unsigned r = 0; r < ROWS; r++)
        for (unsigned m = 0; m < tokens; m++)
            sum[r][m] = 0;
    add_pieces(t, form, tokens, sum);
    write_sums(t, tokens, sum);
}

/* Of each form as many kernels as there are numbers of tokens. */
#define FOR_TOKENS(EACH, name, is_form)                                                                      \
    EACH(name, is_form, 1)                                                                                   \
    EACH(name, is_form, 2)                                                                                   \
    EACH(name, is_form, 3)                                                                                   \
    EACH(name, is_form, 4)
static_assert(RKV_FEW_TOKENS == 4, "a number of tokens has no kernel");

#define KERNEL(name, is_form, tokens)                                                                        \
    RKV_KERNEL_OF(THREADS, few_##name##_##tokens, rkv_few_task) {                                            \
        multiply(&t, is_form, tokens);                                                                       \
    }
#define KERNELS(name, is_form) FOR_TOKENS(KERNEL, name, is_form)
RKV_WEIGHT_KERNELS(KERNELS)

cudaError_t rkv_launch_few(const rkv_few_task *task, cudaStream_t stream) {
    unsigned blocks = (unsigned)((task->rows + ROWS - 1) / ROWS);
#define LAUNCH(name, is_form, tokens)                                                                        \
    if (task->form == is_form && task->m == tokens)                                                          \
        return RKV_LAUNCH(few_##name##_##tokens, *task, blocks, THREADS, stream);
#define LAUNCHES(name, is_form) FOR_TOKENS(LAUNCH, name, is_form)
    RKV_WEIGHT_KERNELS(LAUNCHES)
    return cudaErrorInvalidValue;
}
