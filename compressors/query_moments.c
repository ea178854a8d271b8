/* query_moments.c: running mean and covariance of a layer's queries before their rotation.
 *
 * Queries come in chunks. Each chunk is centred by its own mean, and two sets are merged by Chan, Golub and
 * LeVeque (1979): for counts a and b, means x and y,
 *     squares = squares_a + squares_b + d d^T,  d = (y - x) sqrt(a b / (a + b))
 * so that nothing large is ever subtracted: float32 is enough for texts of any length. d is one more row of
 * the chunk's product. */
#include "compressors/query_moments.h"

#include <math.h>
#include <omp.h>
#include <string.h>

#include "backend/cpu_gemm.h"
#include "compressors/observation.h"
#include "core/memory.h"
#include "core/simd.h"

/* Queries that are centred together: two copies of them lie in the first cache. */
#define CHUNK ((size_t)64)

/* State: count, then means [H, D] and squares [H, D, D], the former from a whole cache line on. */
#define HEADER ((size_t)16)

size_t rkv_moments_size(const rkv_attention_shape *shape, bool covariance) {
    return HEADER + shape->n_heads * shape->head_dim * (covariance ? 1 + shape->head_dim : 1);
}

const float *rkv_moments_mean(const float *state, const rkv_attention_shape *shape, size_t head) {
    return state + HEADER + head * shape->head_dim;
}

const float *rkv_moments_squares(const float *state, const rkv_attention_shape *shape, size_t head) {
    return state + HEADER + (shape->n_heads + head * shape->head_dim) * shape->head_dim;
}

/* What all heads read, and each thread's own memory. */
typedef struct work {
    const rkv_observation *queries; /* its q is not read */
    rkv_newest_queries counted;     /* all that are not left out */
    const rkv_attention_shape *shape;
    const rkv_rope *rope;
    const rkv_tile *tile;
    bool covariance;
    size_t skip;  /* queries that are left out */
    size_t whole; /* D, rounded up to whole panels */
    float *turns; /* [m - skip, 2, D/2] cosines, then sines, of each query's rotation; NULL: not rotated */
    float *own;   /* [threads, 2, CHUNK + 1, whole]: a chunk and its transpose */
} work;

/* Cosines and sines of positions first .. first + n - 1 by repeated turning, in float64, from an exact start:
 * the error stays near n ulps of float64. */
static void fill_turns(const rkv_rope *rope, int64_t first, size_t n, float *turns) {
    size_t pairs = rope->head_dim / 2;
    for (size_t i = 0; i < pairs; i++) {
        double f = rope->frequency[i], c = cos((double)first * f), s = sin((double)first * f);
        double step_c = cos(f), step_s = sin(f);
        for (size_t t = 0; t < n; t++) {
            turns[t * 2 * pairs + i] = (float)c;
            turns[(t * 2 + 1) * pairs + i] = (float)s;
            double next = c * step_c - s * step_s;
            s = s * step_c + c * step_s;
            c = next;
        }
    }
}

/* x [D] = q [D] turned back by the cosines c and sines s [D/2]. */
RKV_CLONES static void turn_back(rkv_rope_pairing pairing, const float *q, const float *c, const float *s,
                                 size_t pairs, float *x) {
    if (pairing == RKV_ROPE_HALVES)
        for (size_t i = 0; i < pairs; i++) {
            x[i] = q[i] * c[i] + q[i + pairs] * s[i];
            x[i + pairs] = q[i + pairs] * c[i] - q[i] * s[i];
        }
    else
        for (size_t i = 0; i < pairs; i++) {
            x[2 * i] = q[2 * i] * c[i] + q[2 * i + 1] * s[i];
            x[2 * i + 1] = q[2 * i + 1] * c[i] - q[2 * i] * s[i];
        }
}

/* x [n, whole]: queries first .. first + n - 1 of a head, not rotated. */
static void load(const work *w, size_t head, size_t first, size_t n, float *x) {
    size_t d = w->shape->head_dim;
    const float *q = w->counted.q + (head * w->counted.stride + first - w->skip) * d;
    for (size_t t = 0; t < n; t++, q += d, x += w->whole) {
        const float *turn = w->turns ? w->turns + (first - w->skip + t) * d : NULL;
        if (turn)
            turn_back(w->rope->pairing, q, turn, turn + d / 2, d / 2, x);
        else
            memcpy(x, q, d * sizeof *x);
    }
}

/* Takes the chunk's mean out of x [n, whole] and into mean [D], which is that of `count` queries so far; row
 * n of x becomes d (see above). */
RKV_CLONES static void centre(float *x, size_t n, size_t whole, size_t d, double count, float *mean) {
    float *delta = x + n * whole, share = (float)((double)n / (count + (double)n));
    float weight = (float)sqrt(count * (double)n / (count + (double)n));
    memset(delta, 0, d * sizeof *delta);
    for (size_t t = 0; t < n; t++)
        for (size_t i = 0; i < d; i++)
            delta[i] += x[t * whole + i];
    for (size_t i = 0; i < d; i++)
        delta[i] /= (float)n;
    for (size_t t = 0; t < n; t++)
        for (size_t i = 0; i < d; i++)
            x[t * whole + i] -= delta[i];
    for (size_t i = 0; i < d; i++) {
        delta[i] -= mean[i];
        mean[i] += delta[i] * share;
        delta[i] *= weight;
    }
}

/* squares [D, D] += x^T x, x [n, whole]; transposed [D, n] is scratch. */
static void add_squares(const work *w, const float *x, size_t n, float *transposed, float *squares) {
    size_t d = w->shape->head_dim;
    for (size_t i = 0; i < d; i++)
        for (size_t t = 0; t < n; t++)
            transposed[i * n + t] = x[t * w->whole + i];
    rkv_panels right = {x, w->tile->panel, w->whole};
    rkv_gemm(w->tile, transposed, n, d, right, d, n, squares, d, true);
}

static void observe_head(const work *w, size_t head, float *state) {
    float *x = w->own + (size_t)omp_get_thread_num() * 2 * (CHUNK + 1) * w->whole;
    float *mean = (float *)rkv_moments_mean(state, w->shape, head);
    for (size_t first = w->skip, n; first < w->queries->m; first += n) {
        n = w->queries->m - first < CHUNK ? w->queries->m - first : CHUNK;
        load(w, head, first, n, x);
        centre(x, n, w->whole, w->shape->head_dim, state[0] + (double)(first - w->skip), mean);
        if (w->covariance)
            add_squares(w, x, n + 1, x + (CHUNK + 1) * w->whole,
                        (float *)rkv_moments_squares(state, w->shape, head));
    }
}

static rkv_status allocate(work *w) {
    size_t threads = (size_t)omp_get_max_threads(), n = w->queries->m - w->skip;
    rkv_status status = rkv_alloc(&w->own, threads * 2 * (CHUNK + 1), w->whole * sizeof *w->own);
    if (!status && w->queries->rotated)
        status = rkv_alloc_raw(&w->turns, n, w->shape->head_dim * sizeof *w->turns);
    return status;
}

static void observe_all(const work *w, float *state) {
    size_t n = w->queries->m - w->skip, d = w->shape->head_dim;
#pragma omp parallel
    {
#pragma omp for schedule(static)
        for (size_t first = 0; first < (w->turns ? n : 0); first += CHUNK)
            fill_turns(w->rope, w->queries->first + (int64_t)(w->skip + first),
                       n - first < CHUNK ? n - first : CHUNK, w->turns + first * d);
#pragma omp for schedule(dynamic)
        for (size_t h = 0; h < w->shape->n_heads; h++)
            observe_head(w, h, state);
    }
    state[0] += (float)n;
}

rkv_status rkv_moments_observe(float *state, bool covariance, size_t n_sink,
                               const rkv_observation *new_queries, const rkv_attention_shape *shape,
                               const rkv_rope *rope) {
    work w = {.queries = new_queries, .shape = shape, .rope = rope, .tile = rkv_tile_best()};
    w.covariance = covariance;
    w.whole = rkv_whole_panels(w.tile, shape->head_dim);
    if (new_queries->first < (int64_t)n_sink) w.skip = (size_t)((int64_t)n_sink - new_queries->first);
    if (w.skip >= new_queries->m) return RKV_OK;
    rkv_status status = rkv_newest_queries_take(&w.counted, new_queries, shape, new_queries->m - w.skip);
    if (!status) status = allocate(&w);
    if (!status) observe_all(&w, state);
    rkv_newest_queries_clear(&w.counted);
    free(w.turns);
    free(w.own);
    return status;
}
