/* cpu_matvec.inc.h: the kernels of cpu_matvec.h for one instruction set; included once per set, with
 *   SET, SET_NAME  the table's name, and what it says
 *   TARGET         attributes of functions that use the instruction set
 *   WIDTH          numbers in a vector
 *   vector, integers                         float[WIDTH], int32_t[WIDTH]
 *   from_bytes, from_signed_bytes (bytes)    WIDTH bytes as integers
 *   low_nibbles (integers)                   their four lowest bits as a vector
 *   from_halves, from_brains (bytes)         WIDTH numbers of 16 bits
 *   row_sums (vector[4], float[4])           adds up each vector */

/* Rows that share what is loaded of x, and give the processor independent sums. */
#define ROWS ((size_t)4)

/* Bytes by which weights are asked for before they are needed: the processor's own guess stops at pages. */
#define AHEAD 4096

#define INLINE TARGET static inline __attribute__((always_inline))

typedef float loose_vector __attribute__((vector_size(WIDTH * sizeof(float)), aligned(1), may_alias));

INLINE vector load(const float *x) {
    return *(const loose_vector *)x;
}

INLINE void add_sums(const vector *sum, size_t n, float *y) {
    float sums[ROWS];
    vector all[ROWS];
    for (size_t i = 0; i < ROWS; i++)
        all[i] = i < n ? sum[i] : (vector){0};
    row_sums(all, sums);
    for (size_t i = 0; i < n; i++)
        y[i] += sums[i];
}

/* ---- plain numbers ---- */

INLINE vector from_floats(const unsigned char *bytes) {
    return *(const loose_vector *)bytes;
}

typedef vector (*plain_fn)(const unsigned char *bytes);

/* The columns past the last whole vector. */
INLINE vector plain_rest(plain_fn from, size_t bytes, const float *x, const unsigned char *w, size_t n) {
    unsigned char weights[WIDTH * sizeof(float)] = {0};
    float values[WIDTH] = {0};
    memcpy(weights, w, n * bytes);
    memcpy(values, x, n * sizeof *values);
    return from(weights) * load(values);
}

/* n <= ROWS rows of numbers of some bytes. */
INLINE void plain_rows(plain_fn from, size_t bytes, const rkv_span *x, const unsigned char *w, size_t stride,
                       size_t n, float *y) {
    size_t whole = x->columns / WIDTH * WIDTH, rest = x->columns - whole;
    vector sum[ROWS] = {{0}};
    for (size_t c = 0; c < whole; c += WIDTH) {
        vector values = load(x->x + c);
#pragma GCC unroll 4
        for (size_t i = 0; i < n; i++)
            sum[i] += from(w + i * stride + c * bytes) * values;
    }
    for (size_t i = 0; rest && i < n; i++)
        sum[i] += plain_rest(from, bytes, x->x + whole, w + i * stride + whole * bytes, rest);
    add_sums(sum, n, y);
}

INLINE void plain(plain_fn from, size_t bytes, const rkv_span *x, const unsigned char *w, size_t stride,
                  size_t rows, float *y) {
    size_t r = 0;
    for (; r + ROWS <= rows; r += ROWS)
        plain_rows(from, bytes, x, w + r * stride, stride, ROWS, y + r);
    for (; r < rows; r++)
        plain_rows(from, bytes, x, w + r * stride, stride, 1, y + r);
}

/* ---- blocks of 32 ---- */

/* Sum of quantum times x over one block, spread over the vector. */
typedef vector (*dot_fn)(const unsigned char *quanta, const float *x);

INLINE vector nibble_dot(const unsigned char *quanta, const float *mixed) {
    vector sum = {0};
    for (size_t i = 0; i < 16; i += WIDTH) {
        integers bytes = from_bytes(quanta + i);
        sum += low_nibbles(bytes) * load(mixed + i);
        sum += __builtin_convertvector(bytes, vector) * load(mixed + 16 + i);
    }
    return sum;
}

INLINE vector byte_dot(const unsigned char *quanta, const float *x) {
    vector sum = {0};
    for (size_t i = 0; i < 32; i += WIDTH)
        sum += __builtin_convertvector(from_signed_bytes(quanta + i), vector) * load(x + i);
    return sum;
}

/* A block begins with one or two halves: the scale, and an offset. */
typedef struct layout {
    size_t bytes, halves;
    dot_fn dot;
    bool mixed, offset; /* reads span.mixed; span.offset counts */
} layout;

/* Numbers that the halves of a span take for one row: whole vectors. */
INLINE size_t halves_of(layout l, const rkv_span *x) {
    return (x->columns / 32 * l.halves + WIDTH - 1) / WIDTH * WIDTH;
}

#define MOST_HALVES (2 * RKV_SPAN_BLOCKS)

/* Collects the halves in front of n rows' blocks. */
INLINE void collect(layout l, const rkv_span *x, const unsigned char *w, size_t stride, size_t n,
                    uint16_t *halves) {
    for (size_t i = 0; i < n; i++)
        for (size_t b = 0; b < x->columns / 32; b++)
            memcpy(halves + i * halves_of(l, x) + b * l.halves, w + i * stride + b * l.bytes, 2 * l.halves);
}

/* n <= ROWS rows, whose halves are there [ROWS, halves_of] and are replaced by those of the rows from `next`
 * on: they are loaded while the units for arithmetic are busy. */
INLINE void block_rows(layout l, const rkv_span *restrict x, const unsigned char *restrict w, size_t stride,
                       const unsigned char *restrict next, size_t n, uint16_t *restrict halves,
                       float *restrict y) {
    size_t blocks = x->columns / 32, width = halves_of(l, x);
    float scale[ROWS * MOST_HALVES];
    vector sum[ROWS] = {{0}};
    for (size_t i = 0; i < n; i++)
        for (size_t c = i * width; c < (i + 1) * width; c += WIDTH) {
            vector values = from_halves((const unsigned char *)(halves + c));
            *(loose_vector *)(scale + c) = values;
            if (l.offset) sum[i] += values * load(x->offset + c - i * width);
        }
    for (size_t b = 0; b < blocks; b++, w += l.bytes, next += l.bytes) {
        const float *values = (l.mixed ? x->mixed : x->x) + 32 * b;
#pragma GCC unroll 4
        for (size_t i = 0; i < n; i++) {
            const unsigned char *quanta = w + i * stride + 2 * l.halves;
            __builtin_prefetch((const void *)((uintptr_t)quanta + AHEAD));
            sum[i] += l.dot(quanta, values) * scale[i * width + b * l.halves];
            memcpy(halves + i * width + b * l.halves, next + i * stride, 2 * l.halves);
        }
    }
    add_sums(sum, n, y);
}

INLINE void blocks(layout l, const rkv_span *x, const unsigned char *w, size_t stride, size_t rows,
                   float *y) {
    uint16_t halves[ROWS * MOST_HALVES] = {0}; /* what fills up whole vectors stays 0 */
    size_t r = 0;
    if (rows >= ROWS) collect(l, x, w, stride, ROWS, halves);
    for (; r + ROWS <= rows; r += ROWS, w += ROWS * stride)
        block_rows(l, x, w, stride, r + 2 * ROWS <= rows ? w + ROWS * stride : w, ROWS, halves, y + r);
    for (; r < rows; r++, w += stride) {
        collect(l, x, w, stride, 1, halves);
        block_rows(l, x, w, stride, w, 1, halves, y + r);
    }
}

/* ---- the table ---- */

#define ARGUMENTS const rkv_span *x, const unsigned char *w, size_t stride, size_t rows, float *y

TARGET static void add_f32(ARGUMENTS) {
    plain(from_floats, 4, x, w, stride, rows, y);
}

TARGET static void add_f16(ARGUMENTS) {
    plain(from_halves, 2, x, w, stride, rows, y);
}

TARGET static void add_bf16(ARGUMENTS) {
    plain(from_brains, 2, x, w, stride, rows, y);
}

TARGET static void add_q4_0(ARGUMENTS) {
    blocks((layout){18, 1, nibble_dot, true, true}, x, w, stride, rows, y);
}

TARGET static void add_q4_1(ARGUMENTS) {
    blocks((layout){20, 2, nibble_dot, true, true}, x, w, stride, rows, y);
}

TARGET static void add_q8_0(ARGUMENTS) {
    blocks((layout){34, 1, byte_dot, false, false}, x, w, stride, rows, y);
}

const rkv_matvec_set SET = {
    .name = SET_NAME,
    .kernel = {[RKV_WEIGHT_F32] = {add_f32, NULL},
               [RKV_WEIGHT_F16] = {add_f16, NULL},
               [RKV_WEIGHT_BF16] = {add_bf16, NULL},
               [RKV_WEIGHT_Q4_0] = {add_q4_0, rkv_span_mix_q4_0},
               [RKV_WEIGHT_Q4_1] = {add_q4_1, rkv_span_mix_q4_1},
               [RKV_WEIGHT_Q8_0] = {add_q8_0, NULL}},
};
