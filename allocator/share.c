/* share.c: sharing a whole number in proportion to weights, within bounds, exactly. */
#include <math.h>
#include <stdint.h>

#include <rankkv/budget.h>

#include "core/fail.h"
#include "core/memory.h"

/* Smallest weight, relative to the largest: far below what any share can tell, far above underflow. */
#define SMALLEST_WEIGHT 1e-200
/* Totals up to here, and sums that rounding pushed a little past them, are exact in a double. */
#define LARGEST_TOTAL   ((size_t)1 << 52)
/* Remainders are told apart in steps of 2^-20 of an entry, far above rounding error, so that equal remainders
 * (1/3 of 1 and of 4) are equal. */
#define REMAINDER_STEPS 0x1p20

typedef struct unit {
    double weight;    /* scaled so that the largest is 1 */
    double min, max;  /* max is at most the total */
    double whole;     /* the share before rounding up: an integer */
    double remainder; /* what is left, in 0 .. 1 */
    size_t index;
} unit;

static rkv_status check_weights(const double *weight, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!(weight[i] >= 0 && isfinite(weight[i])))
            return rkv_fail(RKV_USAGE, "weight %zu is %g, not a finite number of at least 0", i, weight[i]);
    return RKV_OK;
}

/* Sums stop growing past total: all that is asked is on which side of it they lie. */
static rkv_status check_bounds(const size_t *min, const size_t *max, size_t n, size_t total) {
    size_t least = 0, most = 0;
    if (total > LARGEST_TOTAL)
        return rkv_fail(RKV_USAGE, "the total %zu exceeds %zu, the largest that is shared exactly", total,
                        LARGEST_TOTAL);
    for (size_t i = 0; i < n; i++) {
        if (min[i] > max[i])
            return rkv_fail(RKV_USAGE, "minimum %zu of unit %zu exceeds its maximum %zu", min[i], i, max[i]);
        if (min[i] > total - least)
            return rkv_fail(RKV_USAGE, "the minimums of %zu units add up to more than the total %zu", n,
                            total);
        least += min[i];
        most = max[i] > total - most ? total : most + max[i];
    }
    if (most == total) return RKV_OK;
    return rkv_fail(RKV_USAGE, "the maximums of %zu units add up to %zu, less than the total %zu", n, most,
                    total);
}

static void fill_units(unit *units, const double *weight, const size_t *min, const size_t *max, size_t n,
                       size_t total) {
    double largest = 0;
    for (size_t i = 0; i < n; i++)
        largest = fmax(largest, weight[i]);
    for (size_t i = 0; i < n; i++)
        units[i] = (unit){
            .weight = largest > 0 ? fmax(weight[i] / largest, SMALLEST_WEIGHT) : 1,
            .min = (double)min[i],
            .max = (double)(max[i] < total ? max[i] : total),
            .index = i,
        };
}

/* ---- water-filling ----
 *
 * Every unit is a vessel of width w, standing on the floor min / w and closed at max / w; they are joined,
 * and the water of them all stands at one level:  x = clamp(level * w, min, max). */

static double filled(const unit *units, size_t n, double level) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += fmin(fmax(level * units[i].weight, units[i].min), units[i].max);
    return sum;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The level between two neighbouring edges, where which vessels are at a bound does not change: what the
 * others hold is the rest of the total. */
static double solve_level(const unit *units, size_t n, double total, double low, double high) {
    double fixed = 0, width = 0;
    for (size_t i = 0; i < n; i++) {
        const unit *u = &units[i];
        if (u->min / u->weight >= high)
            fixed += u->min;
        else if (u->max / u->weight <= low)
            fixed += u->max;
        else
            width += u->weight;
    }
    return width > 0 ? (total - fixed) / width : high;
}

/* Finds the level by bisection over the 2n sorted edges: O(n log n). edges is scratch for [2n]. */
static double find_level(const unit *units, size_t n, double total, double *edges) {
    for (size_t i = 0; i < n; i++) {
        edges[2 * i] = units[i].min / units[i].weight;
        edges[2 * i + 1] = units[i].max / units[i].weight;
    }
    qsort(edges, 2 * n, sizeof *edges, ascending);
    size_t low = 0, high = 2 * n - 1; /* the first edge that holds the total lies in low..high */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (filled(units, n, edges[middle]) >= total)
            high = middle;
        else
            low = middle + 1;
    }
    return solve_level(units, n, total, edges[low ? low - 1 : 0], edges[low]);
}

/* ---- rounding ---- */

/* Splits every share into a whole part and a remainder; a remainder within half a step of 1 is a whole. */
static double split_shares(unit *units, size_t n, double level) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        unit *u = &units[i];
        double x = fmin(fmax(level * u->weight, u->min), u->max);
        u->whole = floor(x);
        u->remainder = rint((x - u->whole) * REMAINDER_STEPS) / REMAINDER_STEPS;
        if (u->remainder >= 1) {
            u->whole += 1;
            u->remainder = 0;
        }
        sum += u->whole;
    }
    return sum;
}

static int by_remainder(const void *a, const void *b) {
    const unit *x = a, *y = b;
    if (x->remainder != y->remainder) return x->remainder > y->remainder ? -1 : 1;
    if (x->weight != y->weight) return x->weight > y->weight ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

/* Hands out the missing entries, one each, in order of remainder. One round does it but for rounding errors
 * of very large totals, which may ask for more, or for some to be taken back from the other end. */
static void settle(unit *units, size_t n, double missing) {
    qsort(units, n, sizeof *units, by_remainder);
    while (missing > 0)
        for (size_t i = 0; i < n && missing > 0; i++)
            if (units[i].whole < units[i].max) {
                units[i].whole += 1;
                missing -= 1;
            }
    while (missing < 0)
        for (size_t i = n; i-- > 0 && missing < 0;)
            if (units[i].whole > units[i].min) {
                units[i].whole -= 1;
                missing += 1;
            }
}

rkv_status rkv_budget_share(const double *weight, const size_t *min, const size_t *max, size_t n,
                            size_t total, size_t *share) {
    unit *units = NULL;
    double *edges = NULL;
    rkv_status status = check_weights(weight, n);
    if (!status) status = check_bounds(min, max, n, total);
    if (status || n == 0) return status;
    status = rkv_alloc_raw(&units, n, sizeof *units);
    if (!status) status = rkv_alloc_raw(&edges, n, 2 * sizeof *edges);
    if (!status) {
        fill_units(units, weight, min, max, n, total);
        double level = find_level(units, n, (double)total, edges);
        settle(units, n, (double)total - split_shares(units, n, level));
        for (size_t i = 0; i < n; i++)
            share[units[i].index] = (size_t)units[i].whole;
    }
    free(edges);
    free(units);
    return status;
}
