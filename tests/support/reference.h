/* reference.h: the values of tests/ref, made by transformers and float64 SVD (make_reference.py). */
#ifndef RKV_TESTS_REFERENCE_H
#define RKV_TESTS_REFERENCE_H

#include <stddef.h>
#include <stdint.h>

#define REFERENCE_TOP 20

/* One row of STEM.csv. */
typedef struct reference_head {
    size_t layer, head;
    double erank, erank_head_mean_matrix, row_perplexity, keys_95, sink_4, local_32, stable_rank, erank_k,
        erank_v;
} reference_head;

/* One sampled row of attention. */
typedef struct reference_row {
    size_t layer, head, query;
    double *attention; /* [query + 1] */
} reference_row;

typedef struct reference {
    char *text; /* the prompt */
    size_t text_length;
    int32_t *ids; /* [n_tokens] */
    size_t n_tokens;
    double *nll; /* [n_tokens - 1] */
    double perplexity;
    int32_t top_id[REFERENCE_TOP];
    double top_logit[REFERENCE_TOP];
    reference_row *rows;
    size_t n_rows;
    reference_head *heads;
    size_t n_heads; /* rows of the CSV */
} reference;

/* Reads tests/ref/STEM.json, STEM.csv and prompts/STEM.txt; a failure ends the test. */
void reference_read(reference *out, const char *stem);
void reference_clear(reference *r);

#endif
