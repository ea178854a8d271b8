/* cached.cu: one chunk of a head's entries for some rows of its queries. Keys, and after them values, are
 * decoded into shared memory once for all of the rows; a thread multiplies four rows with one key, or with
 * one number of the values, so that what it reads of either serves four times. */
#include "cuda/cached.h"

#include <math.h>

#include "cuda/cached_tile.h"
#include "cuda/reduce.h"

#define THREADS RKV_TILE_THREADS
#define WARPS   RKV_TILE_WARPS
#define CHUNK   RKV_ATTEND_CHUNK

/* Numbers of a tile: a chunk, or half of one where rows are wide, or a quarter with what a basis makes of it
 * beside it. */
#define ROOM       (CHUNK * (RKV_ATTEND_WIDE_ABOVE + 1))
#define QUERY_ROOM (RKV_ATTEND_ROWS * RKV_ATTEND_WIDE_ABOVE)

/* Fours of rows, for each number of a value, that a thread has. */
#define ITEMS (RKV_ATTEND_ROWS / 4 * RKV_ATTEND_WIDE_ABOVE / THREADS)

/* What lies in shared memory. */
typedef struct shared {
    float room[ROOM];                                /* keys, then values */
    float queries[QUERY_ROOM];                       /* [rows, whole fours of a key's numbers] */
    float weights[RKV_ATTEND_ROWS][CHUNK];           /* logits, then exp(logit - maximum) */
    unsigned key_places[CHUNK], value_places[CHUNK]; /* of their records: around a gap */
    unsigned key_groups[CHUNK], value_groups[CHUNK]; /* rkv_row_group */
} shared;

/* What a block has to do. */
typedef struct block {
    const rkv_attend_head *head;
    size_t entry;           /* the first */
    unsigned row;           /* the first */
    unsigned rows, entries; /* how many */
    shared *s;
} block;

/* Entries at a time where each takes so many numbers of the room. */
RKV_DEVICE unsigned tile_of(unsigned numbers) {
    unsigned n = CHUNK;
    while (n * numbers > ROOM)
        n /= 2;
    return n;
}

/* ---- queries ---- */

/* Rows of queries, and zeros up to whole fours, both ways. */
RKV_DEVICE void copy_queries(const rkv_attend_task *t, const block *b, float *to) {
    unsigned d = (unsigned)t->head_dim, stride = 4 * rkv_fours(d);
    for (unsigned r = rkv_warp_of_block(); r < 4 * rkv_fours(b->rows); r += WARPS) {
        unsigned row = b->row + rkv_least(r, b->rows - 1);
        const float *q = t->q + rkv_attend_query(t, blockIdx.z, row) * d;
        for (unsigned i = (unsigned)rkv_lane(); i < stride; i += RKV_WARP)
            to[r * stride + i] = r < b->rows && i < d ? q[i] : 0;
    }
}

/* q (row basis) = (basis q) row: queries out of the room as they are multiplied with what is stored. */
RKV_DEVICE void project_queries(const float *basis, unsigned rank, unsigned d, const block *b) {
    unsigned from = 4 * rkv_fours(d), to = 4 * rkv_fours(rank);
    for (unsigned i = rkv_warp_of_block(); i < to; i += WARPS)
        for (unsigned r = 0; r < 4 * rkv_fours(b->rows); r++) {
            float sum = 0;
            for (unsigned j = (unsigned)rkv_lane(); i < rank && j < d; j += RKV_WARP)
                sum += basis[i * d + j] * b->s->room[r * from + j];
            sum = rkv_warp_sum(sum);
            if (rkv_lane() == 0) b->s->queries[r * to + i] = sum;
        }
}

RKV_DEVICE void turn_queries(const rkv_attend_task *t, const block *b) {
    unsigned d = (unsigned)t->head_dim, stride = 4 * rkv_fours(d);
    for (unsigned r = rkv_warp_of_block(); r < b->rows; r += WARPS)
        rkv_turn(t->rotation + rkv_attend_place(t, b->head, b->row + r) * (d / 2 * 2), t->adjacent, d,
                 b->s->queries + r * stride);
}

RKV_DEVICE void load_queries(const rkv_attend_task *t, const block *b) {
    const float *basis = b->head->key_basis;
    bool projected = basis && !t->rotation;
    copy_queries(t, b, projected ? b->s->room : b->s->queries);
    __syncthreads();
    if (projected) project_queries(basis, (unsigned)b->head->keys.layout.width, (unsigned)t->head_dim, b);
    if (t->rotation) turn_queries(t, b);
    if (projected || t->rotation) __syncthreads();
}

/* ---- keys ---- */

/* How keys lie in the room: as they are stored, or through their basis. */
typedef struct key_shape {
    bool expanded;
    unsigned rank, width; /* as they are stored; as they are multiplied */
    unsigned at_once;
} key_shape;

RKV_DEVICE key_shape shape_of_keys(const rkv_attend_task *t, const rkv_attend_head *h) {
    key_shape k;
    k.expanded = h->key_basis && t->rotation;
    k.rank = (unsigned)h->keys.layout.width;
    k.width = k.expanded ? (unsigned)t->head_dim : k.rank;
    k.at_once = tile_of(rkv_tile_stride(k.width) + (k.expanded ? rkv_tile_stride(k.rank) : 0));
    return k;
}

/* n keys from the block's entry `first` on. */
RKV_DEVICE void load_keys(const rkv_attend_task *t, const block *b, const key_shape *k, unsigned first,
                          unsigned n) {
    const rkv_attend_head *h = b->head;
    float *ranks = b->s->room + (k->expanded ? k->at_once * rkv_tile_stride(k->width) : 0);
    rkv_tile tile = {b->entry + first,         n,     b->s->key_places + first,
                     b->s->key_groups + first, ranks, rkv_tile_stride(k->rank)};
    unsigned stride = rkv_tile_stride(k->width);
    rkv_tile_read(&h->keys, tile);
    __syncthreads();
    if (!t->rotation) return;
    if (k->expanded) {
        rkv_tile_expand(h->key_basis, k->rank, k->width, n, ranks, b->s->room);
        __syncthreads();
    }
    for (unsigned e = rkv_warp_of_block(); e < n; e += WARPS)
        rkv_turn(t->rotation + (b->entry + first + e) * (k->width / 2 * 2), t->adjacent, k->width,
                 b->s->room + e * stride);
    __syncthreads();
}

/* Logits of all rows with those keys. */
RKV_DEVICE void multiply(const block *b, const key_shape *k, unsigned first, unsigned n, float scale) {
    unsigned wide = 4 * rkv_fours(k->width);
    for (unsigned item = threadIdx.x; item < rkv_fours(b->rows) * k->at_once; item += THREADS) {
        unsigned r = item / k->at_once * 4, e = item % k->at_once;
        const float *key = b->s->room + e * rkv_tile_stride(k->width), *q = b->s->queries + r * wide;
        float sum[4] = {0, 0, 0, 0};
        if (e >= n) continue;
        for (unsigned i = 0; i < wide; i += 4)
            for (unsigned j = 0; j < 4; j++)
                for (unsigned l = 0; l < 4; l++)
                    sum[l] += q[l * wide + i + j] * key[i + j];
        for (unsigned l = 0; l < 4; l++)
            b->s->weights[r + l][first + e] = sum[l] * scale;
    }
}

RKV_DEVICE void multiply_keys(const rkv_attend_task *t, const block *b) {
    key_shape k = shape_of_keys(t, b->head);
    for (unsigned first = 0; first < b->entries; first += k.at_once) {
        unsigned n = rkv_least(k.at_once, b->entries - first);
        load_keys(t, b, &k, first, n);
        multiply(b, &k, first, n, t->scale);
        __syncthreads();
    }
}

/* ---- softmax ---- */

/* Logits become weights, of which those of entries that the row does not see are 0. A lane has two. */
RKV_DEVICE void weigh_row(const rkv_attend_head *h, unsigned row, size_t entry, unsigned visible,
                          float *weights) {
    unsigned lane = (unsigned)rkv_lane(), other = lane + RKV_WARP;
    float x = lane < visible ? weights[lane] : -INFINITY, y = other < visible ? weights[other] : -INFINITY;
    float *logits = h->logits ? h->logits + (size_t)row * h->keys.n + entry : NULL;
    if (logits && lane < visible) logits[lane] = x;
    if (logits && other < visible) logits[other] = y;
    float largest = rkv_warp_max(fmaxf(x, y));
    x = lane < visible ? expf(x - largest) : 0;
    y = other < visible ? expf(y - largest) : 0;
    float sum = rkv_warp_sum(x + y), *part = rkv_attend_part(h, row, entry / CHUNK);
    weights[lane] = x;
    weights[other] = y;
    if (lane) return;
    part[RKV_PART_MAXIMUM] = largest;
    part[RKV_PART_SUM] = sum;
}

RKV_DEVICE void weigh(const rkv_attend_task *t, const block *b) {
    for (unsigned r = rkv_warp_of_block(); r < b->rows; r += WARPS) {
        size_t place = rkv_attend_place(t, b->head, b->row + r);
        unsigned visible = place < b->entry ? 0 : rkv_least(place + 1 - b->entry, b->entries);
        weigh_row(b->head, b->row + r, b->entry, visible, b->s->weights[r]);
    }
}

/* ---- values ---- */

/* sum [4] of four rows += their weights [4, CHUNK] of n entries x the entries' numbers of one column. */
RKV_DEVICE void mix(const float *weights, const float *column, unsigned stride, unsigned n, float *sum) {
    for (unsigned e = 0; e < n; e += 4)
        for (unsigned j = 0; j < 4; j++)
            for (unsigned l = 0; l < 4; l++)
                sum[l] += weights[l * CHUNK + e + j] * column[(e + j) * stride];
}

RKV_DEVICE void mix_values(const block *b) {
    const rkv_attend_head *h = b->head;
    unsigned width = (unsigned)h->values.layout.width, stride = rkv_tile_stride(width),
             at_once = tile_of(stride);
    float sum[ITEMS][4] = {{0, 0, 0, 0}};
    for (unsigned first = 0; first < b->entries; first += at_once) {
        unsigned n = rkv_least(at_once, b->entries - first);
        rkv_tile tile = {b->entry + first,           n,          b->s->value_places + first,
                         b->s->value_groups + first, b->s->room, stride};
        rkv_tile_read(&h->values, tile);
        __syncthreads();
        for (unsigned i = 0; i < ITEMS; i++) {
            unsigned item = threadIdx.x + i * THREADS, r = item / width * 4;
            if (r < b->rows) mix(b->s->weights[r] + first, b->s->room + item % width, stride, n, sum[i]);
        }
        __syncthreads();
    }
    for (unsigned i = 0; i < ITEMS; i++)
        for (unsigned l = 0; l < 4; l++) {
            unsigned item = threadIdx.x + i * THREADS, r = item / width * 4 + l;
            if (r < b->rows)
                rkv_attend_part(h, b->row + r, b->entry / CHUNK)[RKV_PART_MIXTURE + item % width] = sum[i][l];
        }
}

/* ---- the kernel ---- */

RKV_DEVICE void find_row(const rkv_rows_view *v, size_t row, unsigned *place, unsigned *group) {
    *place = (unsigned)rkv_row_place(v->record_gap, row);
    *group = (unsigned)rkv_row_group(v, row);
}

/* Where the chunk's rows lie; to be found once, in as many threads. */
RKV_DEVICE void find_rows(const block *b) {
    unsigned e = threadIdx.x % CHUNK;
    if (e >= b->entries) return;
    if (threadIdx.x < CHUNK)
        find_row(&b->head->keys, b->entry + e, &b->s->key_places[e], &b->s->key_groups[e]);
    else if (threadIdx.x < 2 * CHUNK)
        find_row(&b->head->values, b->entry + e, &b->s->value_places[e], &b->s->value_groups[e]);
}

/* Entries that none of the rows sees are not read. */
RKV_KERNEL(attend_chunk, rkv_attend_task) {
    __shared__ shared s;
    block b = {&t.heads[blockIdx.z], (size_t)blockIdx.x * CHUNK, blockIdx.y * t.rows, 0, 0, &s};
    b.rows = rkv_least(t.rows, t.queries * t.each - b.row);
    size_t end = rkv_attend_place(&t, b.head, b.row + b.rows - 1) + 1;
    if (b.entry >= end) return;
    b.entries = rkv_least(CHUNK, end - b.entry);
    find_rows(&b);
    load_queries(&t, &b);
    multiply_keys(&t, &b);
    weigh(&t, &b);
    mix_values(&b);
}

cudaError_t rkv_launch_attend_chunks(const rkv_attend_task *task, cudaStream_t stream) {
    size_t rows = task->queries * task->each;
    dim3 blocks = {(unsigned)rkv_attend_chunks(task->longest),
                   (unsigned)((rows + task->rows - 1) / task->rows), (unsigned)task->n_kv_heads};
    return RKV_LAUNCH(attend_chunk, *task, blocks, THREADS, stream);
}
