/* sample_view.h: one layer of a made-up model and text, as a method sees it, and a selection run on it the
 * way a session does.
 *
 *     sample_view s;
 *     sample_view_make(&s, &(sample_view_options){.n_seen = 50, .ragged = true, .seed = 3});
 *     sample_view_select(&s, "snapkv:window=4", 20);     kept: s.kept[g] [s.n_kept[g]], scores: s.score[g]
 *     sample_view_clear(&s);
 *
 * A failure ends the test. */
#ifndef RKV_TESTS_SAMPLE_VIEW_H
#define RKV_TESTS_SAMPLE_VIEW_H

#include "compressors/pipeline.h"
#include "compressors/select.h"
#include "support/stand_in.h"

/* 0 means the default that stands beside each. */
typedef struct sample_view_options {
    uint64_t seed;
    size_t n_heads;    /* 4 */
    size_t n_kv_heads; /* 2 */
    size_t head_dim;   /* 8 */
    size_t n_layers;   /* 4 */
    size_t index;      /* of the layer */
    size_t n_seen;     /* tokens of the text: 40 */
    size_t n_prompt;   /* of these, tokens of the prompt; the others came one by one: all */
    bool ragged;       /* heads lack some tokens, each head others, but never the newest */
    bool ties; /* keys and values are few different rows, sums multiples of 1/4, and nothing rotates */
    bool cache_positions;
    rkv_rope_pairing pairing;
    rkv_group_score group_score;
    size_t far_distance; /* heads have far sums at it, when they are not ragged; 0: they have none */
    bool cpu;            /* the CPU's backend; else the stand-in's, in float64 */
} sample_view_options;

typedef struct sample_view {
    rkv_layer_view view; /* with everything in it, but state */
    rkv_attention_shape shape;
    /* Queries, keys and values of the whole text, not rotated: q [H, n_seen, D], k and v [G, n_seen, D]. */
    float *q, *k, *v;
    rkv_observation
        queries; /* of the whole text, as observe is shown them; view.prompt where it is all prompt */
    /* Of the last sample_view_select, per KV head: */
    float **score;   /* what the method gave, [n] */
    size_t *budget;  /* after share */
    uint32_t **kept; /* indices into the head's entries, ascending */
    size_t *n_kept;
    char note[96];      /* of head 0 */
    rkv_head_view *own; /* from here on its own memory */
    float *state, *observed;
    uint8_t *tokens;
    rkv_rope rope;
    rkv_backend stand_in;
} sample_view;

void sample_view_make(sample_view *out, const sample_view_options *options);
void sample_view_clear(sample_view *s);

/* A selection: state zeroed; all queries observed, the prompt's first; scores; budgets (every head's
 * `budget`) shared; the best kept. The method is shown only what it says that it needs. */
void sample_view_select(sample_view *s, const char *spec, size_t budget);

/* Fails the test, naming spec, unless head g keeps exactly the indices [n], ascending. */
void sample_view_expect(const sample_view *s, const char *spec, size_t g, const uint32_t *index, size_t n);

/* The slow, obvious choice: of score [n] the `budget` best, one after the other: NaN last, ties to the
 * newest. Ascending into index [min(budget, n)], whose count is returned. */
size_t sample_best(const double *score, size_t n, size_t budget, uint32_t *index);

#endif
