/* cpu_cached_one.c: attention of one new token over a cache, at the speed at which memory gives it.
 *
 * The entries of each head are cut into chunks of a fixed size. A chunk reads its keys once for all query
 * heads of the group, then its values once, and leaves a softmax of its own: its largest score, the sum of
 * its exponentials, its mixture of values. Chunks are then merged in their order. As neither a chunk nor the
 * order depends on threads, capacity or other heads, the result does not either (tests hold that). */
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cpu_cached.h"
#include "backend/cpu_codes.h"
#include "backend/cpu_softmax.h"
#include "backend/cpu_stream.h"
#include "backend/rows_form.h"
#include "core/memory.h"
#include "core/sizes.h"

/* Entries of a chunk: enough that merging is nothing beside it, few enough that three heads of 1000 entries
 * keep two processors equally busy. */
#define CHUNK ((size_t)256)

/* Runs of chunks that a thread takes one after the other: few, so that what a chunk fetches of the next is
 * not in vain, and enough to keep processors equally busy. */
#define RUNS ((size_t)4)

/* Starting threads costs as much as attention over about so many entries. */
#define FEW_ENTRIES ((size_t)128)

/* What a chunk leaves of one query head, beside its mixture. */
typedef struct partial {
    float largest, sum; /* of the scores before scaling; of exp(scale (score - largest)) */
} partial;

typedef struct work {
    const rkv_cached_attention *task;
    const rkv_stream *stream;
    size_t heads_per_group, widest; /* H/G; the widest stride */
    size_t n_chunks;                /* of all heads */
    rkv_cached_view *entries;       /* [G] */
    size_t *first_chunk;            /* [G] */
    float **p;                      /* [G] exponentials [H/G, n] of heads that want sums, else NULL */
    float *q;                       /* [H, widest] */
    partial *partials;              /* [n_chunks, H/G] */
    float *mixtures;                /* [n_chunks, H/G, widest] */
    float *last;                    /* [H, widest + n_chunks] mixture of all chunks, and their shares */
    float *rooms;                   /* [threads, room] */
    size_t room;                    /* for exponentials [H/G, CHUNK]; 2 tiles, or products with codes */
} work;

/* The next n elements of size bytes in a block that begins and goes on at whole cache lines; *at is NULL
 * while the block's size is counted in *bytes. */
static void *carve(unsigned char *at, size_t *bytes, size_t n, size_t size) {
    void *here = at ? at + *bytes : NULL;
    *bytes += (n * size + 63) / 64 * 64;
    return here;
}

/* Places the arrays over KV heads in a block; bytes. */
static size_t place_heads(work *w, unsigned char *at) {
    size_t n = w->task->shape.n_kv_heads, bytes = 0;
    w->entries = carve(at, &bytes, n, sizeof *w->entries);
    w->first_chunk = carve(at, &bytes, n, sizeof *w->first_chunk);
    w->p = carve(at, &bytes, n, sizeof *w->p);
    return bytes;
}

static size_t place_vectors(work *w, unsigned char *at, size_t threads) {
    size_t bytes = 0, n_heads = w->task->shape.n_heads, n_parts = w->n_chunks * w->heads_per_group;
    w->q = carve(at, &bytes, n_heads * w->widest, sizeof *w->q);
    w->partials = carve(at, &bytes, n_parts, sizeof *w->partials);
    w->mixtures = carve(at, &bytes, n_parts * w->widest, sizeof *w->mixtures);
    w->last = carve(at, &bytes, n_heads * (w->widest + w->n_chunks), sizeof *w->last);
    w->rooms = carve(at, &bytes, threads * w->room, sizeof *w->rooms);
    return bytes;
}

static rkv_status open_heads(work *w) {
    const rkv_attention_shape *s = &w->task->shape;
    unsigned char *block = NULL;
    rkv_status status = rkv_alloc(&block, place_heads(w, NULL), 1);
    if (!status) place_heads(w, block);
    for (size_t g = 0; !status && g < s->n_kv_heads; g++) {
        rkv_cached_view *e = &w->entries[g];
        status = rkv_cached_view_open(e, w->task, g, w->stream->lanes);
        w->first_chunk[g] = w->n_chunks;
        w->n_chunks += (e->n + CHUNK - 1) / CHUNK;
        if (!status && e->head->sums)
            status = rkv_alloc_raw(&w->p[g], w->heads_per_group * e->n, sizeof **w->p);
    }
    return status;
}

static rkv_status open_work(work *w, const rkv_cached_attention *task, size_t threads) {
    const rkv_attention_shape *s = &task->shape;
    size_t each = s->n_heads / s->n_kv_heads;
    unsigned char *block = NULL;
    *w = (work){.task = task, .stream = rkv_stream_best(), .heads_per_group = each};
    rkv_status status = open_heads(w);
    if (status) return status;
    w->widest = rkv_cached_view_widest(w->entries, s->n_kv_heads);
    w->room =
        rkv_whole_lanes(w->stream, each * CHUNK + rkv_larger(2 * RKV_CACHED_TILE * w->widest,
                                                             rkv_codes_room(w->stream, w->widest, each)));
    status = rkv_alloc_raw(&block, place_vectors(w, NULL, threads), 1);
    if (!status) place_vectors(w, block, threads);
    return status;
}

static void close_work(work *w) {
    for (size_t g = 0; w->entries && g < w->task->shape.n_kv_heads; g++) {
        rkv_cached_view_close(&w->entries[g]);
        free(w->p[g]);
    }
    free(w->q);
    free(w->entries);
}

static size_t n_entries(const work *w) {
    size_t n = 0;
    for (size_t g = 0; g < w->task->shape.n_kv_heads; g++)
        n += w->entries[g].n;
    return n;
}

static float score_scale(const work *w) {
    return 1.0f / sqrtf((float)w->task->shape.head_dim);
}

/* How many of n entries from `first` on are among the `coded` first of all. */
static size_t n_among(size_t coded, size_t first, size_t n) {
    return coded > first ? rkv_smaller(coded - first, n) : 0;
}

/* Scores of entries [first, first + n) of KV head g for its query heads: p [H/G, n], rows ldp apart. Their
 * values are fetched meanwhile. */
static void score(const work *w, size_t g, size_t first, size_t n, float *room, float *p, size_t ldp) {
    const rkv_cached_view *e = &w->entries[g];
    const float *q = w->q + g * w->heads_per_group * w->widest;
    size_t coded = n_among(rkv_cached_view_n_coded_keys(e), first, n);
    rkv_codes_next next = {e->head->values, first};
    rkv_codes_dots(w->stream, e->head->keys, first, coded, q, w->widest, w->heads_per_group, next, p, ldp,
                   room);
    for (size_t t = coded, ld; t < n; t += RKV_CACHED_TILE) {
        size_t count = rkv_smaller(n - t, RKV_CACHED_TILE);
        const float *keys = rkv_cached_view_keys(e, first + t, count, room, &ld);
        w->stream->dots(q, w->widest, w->heads_per_group, keys, ld, count, e->key_stride, p + t, ldp);
    }
}

/* The mixture [H/G, widest] of the same entries' values. */
static void mix(const work *w, size_t g, size_t first, size_t n, rkv_codes_next next, float *room,
                const float *p, size_t ldp, float *mixture) {
    const rkv_cached_view *e = &w->entries[g];
    size_t coded = n_among(rkv_rows_n_coded(e->head->values), first, n);
    memset(mixture, 0, w->heads_per_group * w->widest * sizeof *mixture);
    rkv_codes_mix(w->stream, e->head->values, first, coded, p, ldp, w->heads_per_group, next, mixture,
                  w->widest, room);
    for (size_t t = coded, ld; t < n; t += RKV_CACHED_TILE) {
        size_t count = rkv_smaller(n - t, RKV_CACHED_TILE);
        const float *values = rkv_cached_view_values(e, first + t, count, room, &ld);
        w->stream->mix(p + t, ldp, w->heads_per_group, values, ld, count, e->value_stride, mixture,
                       w->widest);
    }
}

/* The KV head that a chunk is of, and its first entry. */
static size_t head_of(const work *w, size_t chunk, size_t *first) {
    size_t g = w->task->shape.n_kv_heads - 1;
    while (w->first_chunk[g] > chunk)
        g--;
    *first = (chunk - w->first_chunk[g]) * CHUNK;
    return g;
}

/* Keys that are likely to be read when this chunk is done. */
static rkv_codes_next keys_after(const work *w, size_t chunk) {
    rkv_codes_next next = {NULL, 0};
    if (chunk + 1 < w->n_chunks) next.rows = w->entries[head_of(w, chunk + 1, &next.first)].head->keys;
    return next;
}

static void attend_chunk(const work *w, size_t chunk, float *room) {
    size_t each = w->heads_per_group, first, g = head_of(w, chunk, &first);
    size_t n = rkv_smaller(w->entries[g].n - first, CHUNK);
    float *p = w->p[g] ? w->p[g] + first : room + w->room - each * CHUNK;
    size_t ldp = w->p[g] ? w->entries[g].n : CHUNK;
    score(w, g, first, n, room, p, ldp);
    for (size_t r = 0; r < each; r++) {
        partial *part = &w->partials[chunk * each + r];
        part->sum = rkv_softmax_part(p + r * ldp, n, score_scale(w), p + r * ldp, &part->largest);
    }
    mix(w, g, first, n, keys_after(w, chunk), room, p, ldp, w->mixtures + chunk * each * w->widest);
}

/* From query head r of KV head g's chunks to one softmax: y [value_width] by way of the shares of chunks,
 * share = exp(scale (largest of the chunk - largest of all)) / sum of all. */
static void merge(const work *w, size_t g, size_t r, float *share, float *y) {
    const rkv_cached_view *e = &w->entries[g];
    size_t each = w->heads_per_group, n = (e->n + CHUNK - 1) / CHUNK;
    const partial *parts = w->partials + w->first_chunk[g] * each + r;
    const float *mixtures = w->mixtures + (w->first_chunk[g] * each + r) * w->widest;
    float largest = parts[0].largest;
    double total = 0;
    for (size_t c = 1; c < n; c++)
        largest = parts[c * each].largest > largest ? parts[c * each].largest : largest;
    for (size_t c = 0; c < n; c++) {
        share[c] = expf((parts[c * each].largest - largest) * score_scale(w));
        total += (double)share[c] * (double)parts[c * each].sum;
    }
    memset(y, 0, e->value_width * sizeof *y);
    for (size_t c = 0; c < n; c++) {
        share[c] = (float)((double)share[c] / total);
        rkv_add_row(mixtures + c * each * w->widest, e->value_width, share[c], y);
    }
}

/* The output and, where they are wanted, the attention sums of query head h. */
static void finish_head(const work *w, size_t h) {
    size_t each = w->heads_per_group, g = h / each, r = h % each;
    const rkv_cached_view *e = &w->entries[g];
    float *y = w->last + h * (w->widest + w->n_chunks), *share = y + w->widest;
    merge(w, g, r, share, y);
    rkv_cached_view_output(e, y, w->task->out + h * w->task->shape.head_dim);
    if (!e->head->sums) return;
    for (size_t first = 0; first < e->n; first += CHUNK)
        rkv_add_row(w->p[g] + r * e->n + first, rkv_smaller(e->n - first, CHUNK), share[first / CHUNK],
                    e->head->sums + r * e->n + first);
}

static void attend(const work *w) {
    const rkv_attention_shape *s = &w->task->shape;
    for (size_t h = 0; h < s->n_heads; h++) {
        const rkv_cached_view *e = &w->entries[h / w->heads_per_group];
        rkv_cached_view_query(e, w->task->q + h * s->head_dim, e->n - 1, w->q + h * w->widest);
    }
    size_t threads = (size_t)omp_get_max_threads(),
           run = (w->n_chunks + RUNS * threads - 1) / (RUNS * threads);
#pragma omp parallel if (n_entries(w) > FEW_ENTRIES)
    {
#pragma omp for schedule(dynamic, run)
        for (size_t c = 0; c < w->n_chunks; c++)
            attend_chunk(w, c, w->rooms + (size_t)omp_get_thread_num() * w->room);
#pragma omp for schedule(static)
        for (size_t h = 0; h < s->n_heads; h++)
            finish_head(w, h);
    }
}

rkv_status rkv_attend_cached_one(const rkv_cached_attention *task) {
    work w;
    rkv_status status = open_work(&w, task, (size_t)omp_get_max_threads());
    if (!status) attend(&w);
    close_work(&w);
    return status;
}
