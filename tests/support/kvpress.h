/* kvpress.h: the losses that kvpress gives for the default model (tests/ref/kvpress.csv), and what they were
 * measured on.
 *
 * Each cell: a context of 2048 tokens is read, every layer's cache compressed once, and then 256 tokens are
 * fed in one pass. Their loss is the mean over all but the first, in nats. Task "natural": the tokens that
 * follow in the book; "copy": tokens 256 to 511 of the context again. */
#ifndef RKV_TESTS_KVPRESS_H
#define RKV_TESTS_KVPRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    KVPRESS_CONTEXT = 2048,
    KVPRESS_CONTINUATION = 256,
    KVPRESS_COPY_FROM = 256,
    KVPRESS_WINDOWS = 4,
    KVPRESS_LAYERS = 30,
    KVPRESS_LEAST_BUDGET = 64 /* of a layer, where budgets differ by layer */
};

/* One row of kvpress.csv. */
typedef struct kvpress_cell {
    char task[8], press[20], budgets[12];
    size_t window;
    double removed; /* share of the entries that was asked to go; 0 for the full cache */
    double nll;     /* nats per token */
    double kept;    /* share of the entries that stayed */
} kvpress_cell;

typedef struct kvpress_reference {
    kvpress_cell *cells;
    size_t n_cells;
    int32_t ids[KVPRESS_WINDOWS][KVPRESS_CONTEXT + KVPRESS_CONTINUATION];
} kvpress_reference;

/* Reads tests/ref/kvpress.csv and kvpress_windows.json; a failure ends the test. */
void kvpress_read(kvpress_reference *out);
void kvpress_clear(kvpress_reference *r);

/* Shares by layer: what a name of the column layer_budgets stands for ("er", "inv", ...). false: a name whose
 * shares are not known. */
bool kvpress_layer_weights(const char *name, double weight[KVPRESS_LAYERS]);

#endif
