/* statistics.c: what a handful of windows can tell: bootstrap intervals and the sign test. */
#include <math.h>
#include <stdlib.h>

#include <rankkv/eval.h>

#include "core/fail.h"
#include "core/memory.h"
#include "core/random.h"

#define N_RESAMPLES 10000

/* More values than any run has windows: the generator and the test's exponent hold up to there. */
#define MAX_VALUES ((size_t)1 << 30)

static rkv_status check(const char *what, const double *x, size_t n) {
    if (n == 0 || n > MAX_VALUES) return rkv_fail(RKV_USAGE, "%zu %s, not 1 to %zu", n, what, MAX_VALUES);
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i]))
            return rkv_fail(RKV_USAGE, "value %zu of the %zu %s is %g, not a finite number", i, n, what,
                            x[i]);
    return RKV_OK;
}

static double mean_of(const double *x, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i];
    return sum / (double)n;
}

static int compare_doubles(const void *a, const void *b) {
    const double *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

/* The value below which `share` of the sorted x [n] lie, between two of them by proportion (as NumPy's
 * percentile does unless told otherwise). */
static double quantile(const double *x, size_t n, double share) {
    double place = share * (double)(n - 1);
    size_t i = (size_t)place;
    if (i + 1 >= n) return x[n - 1];
    return x[i] + (x[i + 1] - x[i]) * (place - (double)i);
}

/* The percentile bootstrap (Efron and Tibshirani 1993, ch. 13): means of n values drawn from x with
 * replacement. One value says nothing of how far another might be: NaN. */
static rkv_status bootstrap(const double *x, size_t n, uint64_t seed, double *low, double *high) {
    *low = *high = NAN;
    if (n == 1) return RKV_OK;
    double *means = NULL;
    rkv_status status = rkv_alloc_raw(&means, N_RESAMPLES, sizeof *means);
    if (status) return status;
    rkv_random random = {seed};
    for (size_t r = 0; r < N_RESAMPLES; r++) {
        double sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += x[rkv_random_below(&random, n)];
        means[r] = sum / (double)n;
    }
    qsort(means, N_RESAMPLES, sizeof *means, compare_doubles);
    *low = quantile(means, N_RESAMPLES, 0.025);
    *high = quantile(means, N_RESAMPLES, 0.975);
    free(means);
    return RKV_OK;
}

rkv_status rkv_bootstrap_mean(const double *x, size_t n, uint64_t seed, double *mean, double *low,
                              double *high) {
    rkv_status status = check("values", x, n);
    double from, to;
    if (!status) status = bootstrap(x, n, seed, &from, &to);
    if (status) return status;
    *mean = mean_of(x, n);
    *low = from;
    *high = to;
    return RKV_OK;
}

/* The two-sided sign test: twice the chance that n tosses of a fair coin show at most k heads, at most 1. The
 * terms are binomial coefficients, exact while they are below 2^53; their power of two is kept apart. */
static double sign_test(size_t n_below, size_t n_above) {
    size_t n = n_below + n_above, k = n_below < n_above ? n_below : n_above;
    double term = 1, p = 0;
    int exponent = 1 - (int)n;
    for (size_t i = 0; i <= k; i++) {
        p += ldexp(term, exponent);
        term = term * (double)(n - i) / (double)(i + 1);
        if (term < 0x1p512) continue;
        term *= 0x1p-512;
        exponent += 512;
    }
    return p < 1 ? p : 1;
}

rkv_status rkv_paired_compare(const double *d, size_t n, uint64_t seed, rkv_paired *out) {
    rkv_paired paired = {.n = n};
    rkv_status status = check("differences", d, n);
    if (!status) status = bootstrap(d, n, seed, &paired.low, &paired.high);
    if (status) return status;
    for (size_t i = 0; i < n; i++) {
        paired.n_below += d[i] < 0;
        paired.n_above += d[i] > 0;
    }
    paired.mean = mean_of(d, n);
    paired.p = sign_test(paired.n_below, paired.n_above);
    *out = paired;
    return RKV_OK;
}

/* ---- verdicts ---- */

#define SIGNIFICANT 0.05

double rkv_paired_chance(size_t n) {
    double chance = 0;
    for (size_t k = 0; 2 * k < n; k++) {
        double p = sign_test(k, n - k);
        if (p > SIGNIFICANT) break;
        chance = p;
    }
    return chance;
}

const char *rkv_paired_verdict(const rkv_paired *d) {
    size_t n_unequal = d->n_below + d->n_above;
    if (isnan(d->mean)) return "";
    if (n_unequal > 0 && rkv_paired_chance(n_unequal) == 0) return "too few";
    if (d->p > SIGNIFICANT) return "within noise";
    return d->high < 0 ? "better" : d->low > 0 ? "worse" : "within noise";
}
