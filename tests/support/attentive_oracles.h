/* attentive_oracles.h: the scores of methods that look at attention, as slow, obvious loops in float64
 * written from their formulas. score [G] -> [heads[g].n]. Entries that always stay: INFINITY. */
#ifndef RKV_TESTS_ATTENTIVE_ORACLES_H
#define RKV_TESTS_ATTENTIVE_ORACLES_H

#include "support/sample_view.h"

/* The options of all of them; each reads its own. */
typedef struct oracle_options {
    size_t window, kernel;
    bool maximum; /* pooling */
    bool mean;    /* h2o's score */
    double recent_ratio;
    size_t recent;
    size_t n_future, n_sink;
    bool no_covariance, no_vnorm;
    double epsilon;
} oracle_options;

typedef void (*oracle_fn)(const sample_view *s, const oracle_options *o, size_t budget, double *const *score);

void oracle_snapkv(const sample_view *s, const oracle_options *o, size_t budget, double *const *score);
void oracle_tova(const sample_view *s, const oracle_options *o, size_t budget, double *const *score);
void oracle_h2o(const sample_view *s, const oracle_options *o, size_t budget, double *const *score);
void oracle_sparse_attention(const sample_view *s, const oracle_options *o, size_t budget,
                             double *const *score);
void oracle_expected(const sample_view *s, const oracle_options *o, size_t budget, double *const *score);

/* [G] rows of n_seen numbers; freed by oracle_free. */
double **oracle_scores(const sample_view *s);
void oracle_free(const sample_view *s, double **score);

#endif
