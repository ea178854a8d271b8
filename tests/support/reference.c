/* reference.c: reading the values of tests/ref. */
#include "support/reference.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "core/file.h"

static const char *path_of(const char *folder, const char *stem, const char *suffix) {
    static char path[512];
    snprintf(path, sizeof path, "%s/ref/%s%s%s", RKV_TEST_DIR, folder, stem, suffix);
    return path;
}

static double *numbers(const json_t *array, size_t *n) {
    *n = json_array_size(array);
    double *values = calloc(*n + 1, sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < *n; i++)
        values[i] = json_number_value(json_array_get(array, i));
    return values;
}

static size_t count(const json_t *object, const char *key) {
    return (size_t)json_integer_value(json_object_get(object, key));
}

static void read_json(reference *r, const char *stem) {
    json_t *root = json_load_file(path_of("", stem, ".json"), 0, NULL);
    assert_non_null(root);
    size_t n;
    double *ids = numbers(json_object_get(root, "token_ids"), &r->n_tokens);
    r->ids = calloc(r->n_tokens, sizeof *r->ids);
    assert_non_null(r->ids);
    for (size_t i = 0; i < r->n_tokens; i++)
        r->ids[i] = (int32_t)ids[i];
    free(ids);
    r->nll = numbers(json_object_get(root, "nll"), &n);
    assert_int_equal(n, r->n_tokens - 1);
    r->perplexity = json_number_value(json_object_get(root, "perplexity"));
    json_t *top = json_object_get(root, "last_top20"), *rows = json_object_get(root, "attention_rows");
    assert_int_equal(json_array_size(top), REFERENCE_TOP);
    for (size_t i = 0; i < REFERENCE_TOP; i++) {
        r->top_id[i] = (int32_t)json_integer_value(json_array_get(json_array_get(top, i), 0));
        r->top_logit[i] = json_number_value(json_array_get(json_array_get(top, i), 1));
    }
    r->n_rows = json_array_size(rows);
    r->rows = calloc(r->n_rows, sizeof *r->rows);
    assert_true(r->n_rows > 0 && r->rows);
    for (size_t i = 0; i < r->n_rows; i++) {
        json_t *row = json_array_get(rows, i);
        r->rows[i] = (reference_row){count(row, "layer"), count(row, "head"), count(row, "query"),
                                     numbers(json_object_get(row, "attention"), &n)};
        assert_int_equal(n, r->rows[i].query + 1);
    }
    json_decref(root);
}

static void read_csv(reference *r, const char *stem) {
    FILE *file = fopen(path_of("", stem, ".csv"), "r");
    char line[512];
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof line, file));
    r->heads = calloc(4096, sizeof *r->heads);
    assert_non_null(r->heads);
    while (fgets(line, sizeof line, file)) {
        reference_head *h = &r->heads[r->n_heads++];
        assert_true(r->n_heads < 4096);
        assert_int_equal(sscanf(line, "%zu,%zu,%lf,%lf,%lf,%lf,%lf,%lf,%lf,%lf,%lf", &h->layer, &h->head,
                                &h->erank, &h->erank_head_mean_matrix, &h->row_perplexity, &h->keys_95,
                                &h->sink_4, &h->local_32, &h->stable_rank, &h->erank_k, &h->erank_v),
                         11);
    }
    fclose(file);
}

void reference_read(reference *out, const char *stem) {
    *out = (reference){0};
    read_json(out, stem);
    read_csv(out, stem);
    assert_int_equal(rkv_read_file(path_of("prompts/", stem, ".txt"), 1 << 20, &out->text, &out->text_length),
                     RKV_OK);
}

void reference_clear(reference *r) {
    for (size_t i = 0; i < r->n_rows; i++)
        free(r->rows[i].attention);
    free(r->rows);
    free(r->heads);
    free(r->ids);
    free(r->nll);
    free(r->text);
    *r = (reference){0};
}
