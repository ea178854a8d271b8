/* report_layers.c: what a page shows of a prompt's layers, gathered as they pass by. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/fail.h"
#include "core/memory.h"
#include "io/json_write.h"
#include "viz/attention_code.h"
#include "viz/report_parts.h"

/* What the attention of all heads may take in the page, in base64 of deflate: a page of 270 heads stays under
 * 10 MB with all else that is in it. */
#define ATTENTION_BYTES      8e6
#define ATTENTION_HEAD_BYTES 29e3
#define BASE64_GROWTH        (4. / 3)

/* Singular values that a page shows of a head: all of the first, then ever fewer. */
enum { SPECTRUM_MOST = 128, SPECTRUM_ALL = 64 };

struct rkv_report_layers {
    size_t n_layers, n_heads, n_tokens, n_added;
    rkv_code_grid grid;
    uint8_t *code;     /* [L, H, C (C+1)/2] */
    size_t count[256]; /* of each code */
    float *received;   /* [L, H, T] */
    size_t n_spectrum;
    size_t spectrum_index[SPECTRUM_MOST];
    float *spectrum;   /* [L, H, n_spectrum] */
    bool has_spectrum; /* every layer so far had singular values */
};

/* ---- new ---- */

/* All of the first SPECTRUM_ALL, then in equal ratios up to the last. */
static size_t choose_spectrum(size_t n, size_t index[SPECTRUM_MOST]) {
    if (n <= SPECTRUM_MOST) {
        for (size_t i = 0; i < n; i++)
            index[i] = i;
        return n;
    }
    for (size_t i = 0; i < SPECTRUM_ALL; i++)
        index[i] = i;
    double steps = SPECTRUM_MOST - SPECTRUM_ALL, ratio = (double)(n - 1) / (SPECTRUM_ALL - 1);
    for (size_t i = SPECTRUM_ALL; i < SPECTRUM_MOST; i++) {
        size_t at = (size_t)((SPECTRUM_ALL - 1) * pow(ratio, (double)(i + 1 - SPECTRUM_ALL) / steps) + 0.5);
        index[i] = at > index[i - 1] ? at : index[i - 1] + 1;
    }
    index[SPECTRUM_MOST - 1] = n - 1;
    return SPECTRUM_MOST;
}

static rkv_status allocate(rkv_report_layers *l) {
    size_t heads = 0, codes = 0, keys = 0;
    if (!rkv_multiply(l->n_layers, l->n_heads, &heads) || !rkv_multiply(heads, l->grid.bytes, &codes) ||
        !rkv_multiply(heads, l->n_tokens, &keys))
        return rkv_fail(RKV_NO_MEMORY, "out of memory: a page of %zu layers of %zu heads", l->n_layers,
                        l->n_heads);
    rkv_status status = rkv_alloc_raw(&l->code, codes, 1);
    if (!status) status = rkv_alloc_raw(&l->received, keys, sizeof *l->received);
    if (!status) status = rkv_alloc_raw(&l->spectrum, heads * l->n_spectrum, sizeof *l->spectrum);
    return status;
}

rkv_status rkv_report_layers_new(rkv_report_layers **out, size_t n_layers, size_t n_heads, size_t n_tokens) {
    rkv_report_layers *l = NULL;
    *out = NULL;
    if (n_layers == 0 || n_heads == 0 || n_tokens == 0)
        return rkv_fail(RKV_USAGE, "%zu layers x %zu heads over %zu tokens are no prompt to show", n_layers,
                        n_heads, n_tokens);
    rkv_status status = rkv_alloc(&l, 1, sizeof *l);
    if (status) return status;
    l->n_layers = n_layers;
    l->n_heads = n_heads;
    l->n_tokens = n_tokens;
    l->grid = rkv_code_grid_for(n_tokens);
    l->n_spectrum = choose_spectrum(n_tokens, l->spectrum_index);
    l->has_spectrum = true;
    status = allocate(l);
    if (status)
        rkv_report_layers_free(l);
    else
        *out = l;
    return status;
}

void rkv_report_layers_free(rkv_report_layers *layers) {
    if (!layers) return;
    free(layers->code);
    free(layers->received);
    free(layers->spectrum);
    free(layers);
}

/* ---- layers ---- */

/* Mean attention that each key receives from the queries that see it. */
static void receive(const float *attention, size_t n, double *sum, float *received) {
    for (size_t j = 0; j < n; j++)
        sum[j] = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++)
            sum[j] += (double)attention[i * n + j];
    for (size_t j = 0; j < n; j++)
        received[j] = (float)(sum[j] / (double)(n - j));
}

static rkv_status add_head(rkv_report_layers *l, const rkv_layer *layer, size_t head) {
    size_t n = l->n_tokens, at = layer->index * l->n_heads + head;
    const float *attention = layer->attention + head * n * n;
    double *sum = NULL;
    rkv_status status = rkv_alloc_raw(&sum, n, sizeof *sum);
    if (!status) receive(attention, n, sum, l->received + at * n);
    free(sum);
    for (size_t i = 0; layer->sigma && i < l->n_spectrum; i++)
        l->spectrum[at * l->n_spectrum + i] = (float)layer->sigma[head * n + l->spectrum_index[i]];
    return status ? status : rkv_code_head(&l->grid, attention, l->code + at * l->grid.bytes);
}

static void count_codes(rkv_report_layers *l, size_t layer) {
    const uint8_t *code = l->code + layer * l->n_heads * l->grid.bytes;
    for (size_t i = 0; i < l->n_heads * l->grid.bytes; i++)
        l->count[code[i]]++;
}

rkv_status rkv_report_layers_add(void *layers, const rkv_layer *layer) {
    rkv_report_layers *l = layers;
    if (layer->index != l->n_added || layer->n_heads != l->n_heads || layer->n_tokens != l->n_tokens ||
        layer->n_layers != l->n_layers || !layer->attention)
        return rkv_fail(RKV_USAGE,
                        "layer %zu (%zu heads, %zu tokens%s) does not fit a page of %zu x %zu over %zu "
                        "tokens, layer %zu expected",
                        layer->index, layer->n_heads, layer->n_tokens,
                        layer->attention ? "" : ", no attention", l->n_layers, l->n_heads, l->n_tokens,
                        l->n_added);
    rkv_first_failure failure = {0};
#pragma omp parallel for schedule(dynamic, 1)
    for (size_t h = 0; h < l->n_heads; h++)
        if (!rkv_first_failure_seen(&failure)) rkv_first_failure_note(&failure, add_head(l, layer, h));
    rkv_status status = rkv_first_failure_raise(&failure);
    if (status) return status;
    if (!layer->sigma) l->has_spectrum = false;
    count_codes(l, layer->index);
    l->n_added++;
    return RKV_OK;
}

/* ---- arrays ---- */

/* Adds a whole array, its attributes from text, which is emptied. */
static rkv_status add(rkv_report *report, rkv_report_array *array, rkv_text *text) {
    char *attributes = NULL;
    rkv_status status = rkv_text_finish(text, &attributes);
    array->attributes = attributes;
    if (!status) status = rkv_report_add_array(report, array);
    free(attributes);
    return status;
}

static void describe_codes(const rkv_report_layers *l, unsigned lowest, rkv_text *text) {
    rkv_json_out out = {.text = text};
    rkv_json_begin_line(&out, NULL, '{');
    rkv_json_size(&out, "cells", l->grid.cells);
    rkv_json_size(&out, "block", l->grid.block);
    rkv_json_size(&out, "per_octave", RKV_CODES_PER_OCTAVE);
    /* The smallest value that rounds to the lowest code. */
    rkv_json_number(&out, "floor", exp2((lowest - 0.5 - 255) / RKV_CODES_PER_OCTAVE));
    rkv_json_end_line(&out, '}');
}

/* One layer's codes at a time, what is below the lowest made 0. */
static rkv_status put_codes(const rkv_report_layers *l, unsigned lowest, report_array *array) {
    size_t n = l->n_heads * l->grid.bytes;
    uint8_t *cut = NULL;
    rkv_status status = rkv_alloc_raw(&cut, n, 1);
    for (size_t layer = 0; layer < l->n_layers && !status; layer++) {
        const uint8_t *code = l->code + layer * n;
        for (size_t i = 0; i < n; i++)
            cut[i] = code[i] < lowest ? 0 : code[i];
        status = rkv_report_array_put(array, cut, l->n_heads);
    }
    free(cut);
    return status;
}

/* The array with one choice of the lowest code. */
static rkv_status pack_attention(const rkv_report_layers *l, unsigned lowest, report_array *array) {
    rkv_text text = {0};
    char *attributes = NULL;
    describe_codes(l, lowest, &text);
    rkv_status status = rkv_text_finish(&text, &attributes);
    rkv_report_array description = {.name = "attention",
                                    .type = RKV_REPORT_U8,
                                    .n_dims = 3,
                                    .shape = {l->n_layers, l->n_heads, l->grid.bytes},
                                    .part_dims = 2,
                                    .attributes = attributes};
    if (!status) status = rkv_report_array_begin(array, &description);
    if (!status) status = put_codes(l, lowest, array);
    free(attributes);
    return status;
}

/* Attention that compresses worse than its entropy says (it would have to be noise) is packed again, aiming
 * lower by as much. */
static rkv_status add_attention(rkv_report *report, const rkv_report_layers *l) {
    double heads = (double)(l->n_layers * l->n_heads), bytes = heads * ATTENTION_HEAD_BYTES;
    if (bytes < ATTENTION_BYTES) bytes = ATTENTION_BYTES;
    double wanted = bytes / BASE64_GROWTH;
    unsigned lowest = rkv_code_floor(l->count, wanted);
    report_array array = {0};
    rkv_status status = pack_attention(l, lowest, &array);
    while (!status && (double)array.lines.length > 1.05 * bytes && lowest < 255) {
        wanted *= bytes / (double)array.lines.length;
        unsigned raised = rkv_code_floor(l->count, wanted);
        lowest = raised > lowest ? raised : lowest + 1;
        rkv_report_array_clear(&array);
        status = pack_attention(l, lowest, &array);
    }
    if (!status) status = rkv_report_take_array(report, &array);
    rkv_report_array_clear(&array);
    return status;
}

static rkv_status add_spectrum(rkv_report *report, const rkv_report_layers *l) {
    rkv_text text = {0};
    rkv_json_out out = {.text = &text};
    rkv_json_begin_line(&out, NULL, '{');
    rkv_json_sizes(&out, "index", l->spectrum_index, l->n_spectrum);
    rkv_json_end_line(&out, '}');
    rkv_report_array array = {.name = "spectrum",
                              .type = RKV_REPORT_F32,
                              .n_dims = 3,
                              .shape = {l->n_layers, l->n_heads, l->n_spectrum},
                              .part_dims = 1,
                              .data = l->spectrum};
    return add(report, &array, &text);
}

rkv_status rkv_report_add_layers(rkv_report *report, const rkv_report_layers *l) {
    if (l->n_added != l->n_layers)
        return rkv_fail(RKV_USAGE, "%zu of %zu layers were added to a page", l->n_added, l->n_layers);
    rkv_report_array received = {.name = "received",
                                 .type = RKV_REPORT_F32,
                                 .n_dims = 3,
                                 .shape = {l->n_layers, l->n_heads, l->n_tokens},
                                 .part_dims = 1,
                                 .data = l->received};
    rkv_status status = add_attention(report, l);
    if (!status && l->has_spectrum) status = add_spectrum(report, l);
    return status ? status : rkv_report_add_array(report, &received);
}
