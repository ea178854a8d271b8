/* row_metrics.cu: what the metrics sum over attention rows, one warp per row; formulas as in
 * backend/cpu_metrics.c. */
#include <math.h>
#include <string.h>

#include "backend/metric_limits.h"
#include "cuda/rank_kernels.h"
#include "cuda/reduce.h"
#include "cuda/warp_rows.h"

/* ---- keys for 95 % of a row's mass ---- */

#define ONE 0x3F800000u /* the bits of 1.0f */

/* Values of [0, 1] as whole numbers in the same order; -0.0 is a zero like any other. */
RKV_DEVICE uint32_t order_of(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits & 0x7FFFFFFFu;
}

/* Sum of the values that are at least `least`. */
RKV_DEVICE double mass_from(const float *row, size_t n, uint32_t least) {
    double sum = 0;
    for (size_t j = rkv_lane(); j < n; j += RKV_WARP)
        if (order_of(row[j]) >= least) sum += (double)row[j];
    return rkv_warp_sum_double(sum);
}

/* How many values are at least `least`. */
RKV_DEVICE double count_from(const float *row, size_t n, uint32_t least) {
    double count = 0;
    for (size_t j = rkv_lane(); j < n; j += RKV_WARP)
        count += order_of(row[j]) >= least;
    return rkv_warp_sum_double(count);
}

/* How many of `equal` values of this size bring a sum to the mass. */
RKV_DEVICE double count_to_reach(double sum, double value, double equal) {
    double n = fmax(floor((RKV_KEYS_MASS - sum) / value) - 1, 0.0);
    while (sum + n * value < RKV_KEYS_MASS && n < equal)
        n += 1;
    return n;
}

/* The smallest number of entries of row [n] whose sum reaches 0.95: bisection finds the least value among
 * them, for the sums need no order then. */
RKV_DEVICE double keys_95(const float *row, size_t n) {
    uint32_t reaches = 0, fails = ONE + 1;
    if (mass_from(row, n, 0) < RKV_KEYS_MASS) return (double)n;
    while (fails - reaches > 1) {
        uint32_t middle = reaches + (fails - reaches) / 2;
        if (mass_from(row, n, middle) >= RKV_KEYS_MASS)
            reaches = middle;
        else
            fails = middle;
    }
    float value;
    memcpy(&value, &reaches, sizeof value);
    double above = count_from(row, n, fails), equal = count_from(row, n, reaches) - above;
    if (!(value > 0)) return above + equal; /* of rows that hold no numbers */
    return above + count_to_reach(mass_from(row, n, fails), (double)value, equal);
}

/* ---- sums over a row ---- */

/* -a ln a; 0 ln 0 = 0, and what is below the smallest normal number counts as 0. */
RKV_DEVICE double entropy_of(float a) {
    return a < 1.17549435e-38f ? 0 : -(double)(a * logf(a));
}

/* Attention of the row's query on the followers of earlier occurrences of its token; how many there are. */
RKV_DEVICE double follower_mass(const float *row, size_t i, const int32_t *ids, double *earlier) {
    double mass = 0, count = 0;
    for (size_t j = rkv_lane(); j < i; j += RKV_WARP)
        if (ids[j] == ids[i]) {
            mass += (double)row[j + 1];
            count += 1;
        }
    *earlier = rkv_warp_sum_double(count);
    return rkv_warp_sum_double(mass);
}

/* sums [RKV_ROW_FIELDS] of this lane's elements of row [n]. */
RKV_DEVICE void add_elements(const float *row, size_t n, double *sums) {
    for (size_t j = rkv_lane(); j < n; j += RKV_WARP) {
        float a = row[j];
        double x = (double)a;
        sums[RKV_ROW_ENTROPY] += entropy_of(a);
        sums[RKV_ROW_SINK] += j < RKV_SINK_KEYS ? x : 0;
        sums[RKV_ROW_LOCAL] += n - j <= RKV_LOCAL_KEYS ? x : 0;
        sums[RKV_ROW_LONG] += j >= RKV_SINK_KEYS && n - j > RKV_LONG_DISTANCE + 1 ? x : 0;
        sums[RKV_ROW_SQUARES] += x * x;
        sums[RKV_ROW_OUTSIDE] += !(a >= 0.0f) || !(a <= 1.0f);
    }
}

RKV_KERNEL(row_metrics, rkv_row_metrics_task) {
    size_t n = t.n_tokens, rows = t.n_heads * n, at = rkv_warp_row(), i = at % n;
    double sums[RKV_ROW_FIELDS] = {0}, earlier = 0;
    if (at >= rows) return;
    const float *row = t.attention + at * n;
    add_elements(row, i + 1, sums);
    for (int f = 0; f < RKV_ROW_FIELDS; f++)
        sums[f] = rkv_warp_sum_double(sums[f]);
    sums[RKV_ROW_KEYS_95] = keys_95(row, i + 1);
    if (t.ids) sums[RKV_ROW_FOLLOWERS] = follower_mass(row, i, t.ids, &earlier);
    sums[RKV_ROW_REPEATS] = earlier > 0;
    if (rkv_lane()) return;
    for (int f = 0; f < RKV_ROW_FIELDS; f++)
        t.values[(size_t)f * rows + at] = sums[f];
}

cudaError_t rkv_launch_row_metrics(const rkv_row_metrics_task *task, cudaStream_t stream) {
    return RKV_LAUNCH(row_metrics, *task, rkv_blocks_for_rows(task->n_heads * task->n_tokens),
                      RKV_ROW_THREADS, stream);
}
