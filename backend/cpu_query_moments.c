/* cpu_query_moments.c: mean and centred squares of queries before their rotation.
 *
 * Queries come in chunks. Each chunk is centred by its own mean, and two sets are merged by Chan, Golub and
 * LeVeque (1979): for counts a and b, means x and y,
 *     squares = squares_a + squares_b + d d^T,  d = (y - x) sqrt(a b / (a + b))
 * so that nothing large is ever subtracted: float32 is enough for texts of any length. d is one more row of
 * the chunk's product. */
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cpu.h"
#include "backend/cpu_gemm.h"
#include "core/memory.h"
#include "core/simd.h"

/* Queries that are centred together: two copies of them lie in the first cache. */
#define CHUNK ((size_t)64)

/* What all heads read, and each thread's own memory. */
typedef struct work {
    const rkv_query_moments *task;
    const rkv_tile *tile;
    size_t n;     /* queries that count */
    size_t whole; /* D, rounded up to whole panels */
    float *turns; /* [n, 2, D/2] cosines, then sines, of each query's rotation; NULL: not rotated */
    float *own;   /* [threads, 2, CHUNK + 1, whole]: a chunk and its transpose */
} work;

/* Cosines and sines of positions first .. first + n - 1 by repeated turning, in float64, from an exact start:
 * the error stays near n ulps of float64. */
static void fill_turns(const double *frequency, size_t pairs, int64_t first, size_t n, float *turns) {
    for (size_t i = 0; i < pairs; i++) {
        double f = frequency[i], c = cos((double)first * f), s = sin((double)first * f);
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

/* x [n, whole]: of a head's queries that count, first .. first + n - 1, not rotated. */
static void load(const work *w, size_t head, size_t first, size_t n, float *x) {
    const rkv_query_moments *task = w->task;
    size_t d = task->head_dim;
    const float *q = task->q + (head * task->m + task->skip + first) * d;
    for (size_t t = 0; t < n; t++, q += d, x += w->whole) {
        const float *turn = w->turns ? w->turns + (first + t) * d : NULL;
        if (turn)
            turn_back(task->pairing, q, turn, turn + d / 2, d / 2, x);
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
    size_t d = w->task->head_dim;
    for (size_t i = 0; i < d; i++)
        for (size_t t = 0; t < n; t++)
            transposed[i * n + t] = x[t * w->whole + i];
    rkv_panels right = {x, w->tile->panel, w->whole};
    rkv_gemm(w->tile, transposed, n, d, right, d, n, squares, d, true);
}

static void measure_head(const work *w, size_t head) {
    size_t d = w->task->head_dim;
    float *x = w->own + (size_t)omp_get_thread_num() * 2 * (CHUNK + 1) * w->whole;
    float *mean = w->task->mean + head * d,
          *squares = w->task->squares ? w->task->squares + head * d * d : NULL;
    memset(mean, 0, d * sizeof *mean);
    if (squares) memset(squares, 0, d * d * sizeof *squares);
    for (size_t first = 0, n; first < w->n; first += n) {
        n = w->n - first < CHUNK ? w->n - first : CHUNK;
        load(w, head, first, n, x);
        centre(x, n, w->whole, d, (double)first, mean);
        if (squares) add_squares(w, x, n + 1, x + (CHUNK + 1) * w->whole, squares);
    }
}

static rkv_status allocate(work *w) {
    size_t threads = (size_t)omp_get_max_threads();
    rkv_status status = rkv_alloc(&w->own, threads * 2 * (CHUNK + 1), w->whole * sizeof *w->own);
    if (!status && w->task->frequency)
        status = rkv_alloc_raw(&w->turns, w->n, w->task->head_dim * sizeof *w->turns);
    return status;
}

static void measure_all(const work *w) {
    const rkv_query_moments *task = w->task;
    size_t d = task->head_dim, n = w->turns ? w->n : 0;
#pragma omp parallel
    {
#pragma omp for schedule(static)
        for (size_t first = 0; first < n; first += CHUNK)
            fill_turns(task->frequency, d / 2, task->first + (int64_t)(task->skip + first),
                       n - first < CHUNK ? n - first : CHUNK, w->turns + first * d);
#pragma omp for schedule(dynamic)
        for (size_t h = 0; h < task->n_heads; h++)
            measure_head(w, h);
    }
}

rkv_status rkv_cpu_query_moments(rkv_backend *backend, const rkv_query_moments *task) {
    (void)backend;
    work w = {.task = task, .tile = rkv_tile_best(), .n = task->m - task->skip};
    w.whole = rkv_whole_panels(w.tile, task->head_dim);
    rkv_status status = allocate(&w);
    if (!status) measure_all(&w);
    free(w.turns);
    free(w.own);
    return status;
}
