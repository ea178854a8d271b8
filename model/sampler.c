/* sampler.c: the next token, drawn from logits.
 *
 * Softmax of logits / temperature in float64; then the top_k likeliest; then the fewest of those that hold
 * top_p of their probability (Holtzman et al. 2020), at least one; then a draw in proportion. The order is
 * that of transformers. A logit that is not finite is never drawn. */
#include <math.h>
#include <string.h>

#include <rankkv/session.h>

#include "core/fail.h"
#include "core/memory.h"
#include "core/order.h"
#include "core/random.h"
#include "model/heap.h"

static rkv_status check(size_t n, const rkv_generate_options *options) {
    if (n == 0) return rkv_fail(RKV_USAGE, "there are no logits to draw from");
    if (!(options->temperature >= 0) || isinf(options->temperature))
        return rkv_fail(RKV_USAGE, "temperature %g is not a number of at least 0", options->temperature);
    if (!(options->top_p >= 0 && options->top_p <= 1))
        return rkv_fail(RKV_USAGE, "top_p %g is not a probability from 0 to 1", options->top_p);
    return RKV_OK;
}

/* The likeliest token, the lowest id of equals. */
static rkv_status find_likeliest(const float *logits, size_t n, size_t *best) {
    *best = n;
    for (size_t i = 0; i < n; i++)
        if (isfinite(logits[i]) && (*best == n || logits[i] > logits[*best])) *best = i;
    if (*best == n) return rkv_fail(RKV_DATA, "none of the %zu logits is finite", n);
    return RKV_OK;
}

/* ---- probabilities ---- */

typedef struct softmax {
    const float *logits; /* [n] */
    size_t n;
    double highest, temperature;
} softmax;

/* exp((logit - highest) / temperature): a token's probability but for the sum of all; 1 for the likeliest. */
static double weight_of(const softmax *p, size_t id) {
    return isfinite(p->logits[id]) ? exp((p->logits[id] - p->highest) / p->temperature) : 0;
}

static double sum_all(const softmax *p) {
    double sum = 0;
    for (size_t i = 0; i < p->n; i++)
        sum += weight_of(p, i);
    return sum;
}

static double sum_kept(const softmax *p, const rkv_heap_item *kept, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += weight_of(p, kept[i].value);
    return sum;
}

/* ---- the likeliest first ---- */

/* Falls as logits rise, so that the heap gives the highest first, and the lowest id of equals. */
static uint64_t falling(float logit) {
    return UINT32_MAX - rkv_float_order(logit);
}

static rkv_status fill_heap(rkv_heap *heap, const softmax *p) {
    rkv_status status = RKV_OK;
    for (size_t i = 0; i < p->n && !status; i++)
        if (isfinite(p->logits[i])) status = rkv_heap_push(heap, falling(p->logits[i]), i);
    return status;
}

/* How many of the first n kept tokens it takes to reach `enough` weight. */
static size_t count_until(const softmax *p, const rkv_heap_item *kept, size_t n, double enough) {
    double reached = 0;
    for (size_t i = 0; i < n; i++) {
        reached += weight_of(p, kept[i].value);
        if (reached >= enough) return i + 1;
    }
    return n;
}

/* Moves the tokens that may be drawn from heap to kept, the likeliest first; returns how many. With top_p
 * alone the heap is emptied no further than needed: a vocabulary is long, and few tokens hold most
 * probability. */
static size_t take(rkv_heap *heap, rkv_heap_item *kept, const softmax *p,
                   const rkv_generate_options *options) {
    double share = options->top_p > 0 ? options->top_p : 1;
    size_t n = 0;
    if (options->top_k) {
        while (n < options->top_k && rkv_heap_pop(heap, &kept[n]))
            n++;
        return count_until(p, kept, n, share * sum_kept(p, kept, n));
    }
    double enough = share * sum_all(p);
    for (double reached = 0; reached < enough && rkv_heap_pop(heap, &kept[n]); n++)
        reached += weight_of(p, kept[n].value);
    return n;
}

/* ---- drawing ---- */

/* The token at which the running sum of weights passes `point`. Rounding can leave a sum short of its own
 * total; then the last token that weighs something. */
static size_t draw_from_all(const softmax *p, double point) {
    size_t drawn = 0;
    for (size_t i = 0; i < p->n; i++) {
        double weight = weight_of(p, i);
        if (weight > 0) drawn = i;
        point -= weight;
        if (point < 0) break;
    }
    return drawn;
}

static size_t draw_from_kept(const softmax *p, const rkv_heap_item *kept, size_t n, double point) {
    size_t drawn = 0;
    for (; drawn + 1 < n; drawn++) {
        point -= weight_of(p, kept[drawn].value);
        if (point < 0) break;
    }
    return kept[drawn].value;
}

static rkv_status draw_from_likeliest(const softmax *p, const rkv_generate_options *options,
                                      rkv_random *random, size_t *drawn) {
    rkv_heap heap = {0};
    rkv_heap_item *kept = NULL;
    rkv_status status = fill_heap(&heap, p);
    if (!status) status = rkv_alloc_raw(&kept, heap.count, sizeof *kept);
    if (!status) {
        size_t n = take(&heap, kept, p, options);
        *drawn = draw_from_kept(p, kept, n, rkv_random_unit(random) * sum_kept(p, kept, n));
    }
    free(kept);
    free(heap.items);
    return status;
}

rkv_status rkv_sample(const float *logits, size_t n, const rkv_generate_options *options, uint64_t *random,
                      int32_t *id) {
    size_t drawn;
    rkv_status status = check(n, options);
    if (!status) status = find_likeliest(logits, n, &drawn);
    if (!status && options->temperature > 0) {
        softmax p = {logits, n, logits[drawn], options->temperature};
        rkv_random generator = {*random};
        if (options->top_k || (options->top_p > 0 && options->top_p < 1))
            status = draw_from_likeliest(&p, options, &generator, &drawn);
        else
            drawn = draw_from_all(&p, rkv_random_unit(&generator) * sum_all(&p));
        *random = generator.state;
    }
    if (!status) *id = (int32_t)drawn;
    return status;
}
