/* results_json.c: results.json. Nothing in it depends on when or in how many parts a run was made. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/memory.h"
#include "io/cell_json.h"
#include "io/documents.h"
#include "io/json.h"
#include "io/model_json.h"
#include "io/results.h"

/* ---- writing ---- */

static void write_setting(rkv_json_out *out, const rkv_setting *s) {
    rkv_json_begin_line(out, NULL, '{');
    rkv_json_string(out, "protocol", rkv_protocol_name(s->protocol));
    rkv_json_string(out, "method", s->method);
    rkv_json_string(out, "budget", s->budget);
    rkv_json_number(out, "ratio", s->ratio);
    rkv_json_size(out, "entries", s->entries);
    rkv_json_end_line(out, '}');
}

static void write_paired(rkv_json_out *out, const char *key, const rkv_paired *p) {
    if (p->n == 0) {
        rkv_json_string(out, key, NULL);
        return;
    }
    rkv_json_begin_line(out, key, '{');
    rkv_json_size(out, "n", p->n);
    rkv_json_size(out, "n_below", p->n_below);
    rkv_json_size(out, "n_above", p->n_above);
    rkv_json_number(out, "mean", p->mean);
    rkv_json_number(out, "low", p->low);
    rkv_json_number(out, "high", p->high);
    rkv_json_number(out, "p", p->p);
    rkv_json_end_line(out, '}');
}

/* The numbers of a row, in the order of the file. */
#define ROW_NUMBERS(X)                                                                                       \
    X(loss)                                                                                                  \
    X(loss_low)                                                                                              \
    X(loss_high) X(perplexity) X(accuracy) X(exact) X(exact_low) X(exact_high) X(kl) X(agreement) X(entries) \
        X(bytes) X(kv_bytes)

static void write_row(rkv_json_out *out, const rkv_eval_row *r) {
    rkv_json_begin(out, NULL, '{');
    rkv_json_size(out, "setting", r->setting);
    rkv_json_string(out, "task", rkv_task_name(r->task));
    rkv_json_flag(out, "query_aware", r->query_aware);
    rkv_json_size(out, "n_windows", r->n_windows);
    rkv_json_size(out, "n_questions", r->n_questions);
#define WRITE_NUMBER(name) rkv_json_number(out, #name, r->name);
    ROW_NUMBERS(WRITE_NUMBER)
#undef WRITE_NUMBER
    write_paired(out, "against_full", &r->against_full);
    write_paired(out, "against_uniform", &r->against_uniform);
    rkv_json_string(out, "verdict", r->verdict);
    rkv_json_number(out, "bytes_of_uniform", r->bytes_of_uniform);
    rkv_json_end(out, '}');
}

static void write_lists(rkv_json_out *out, const rkv_results *r) {
    rkv_json_begin(out, "windows", '[');
    for (size_t i = 0; i < r->n_windows; i++)
        rkv_json_string(out, NULL, r->window_names[i]);
    rkv_json_end(out, ']');
    rkv_json_begin(out, "settings", '[');
    for (size_t i = 0; i < r->n_settings; i++)
        write_setting(out, &r->settings[i]);
    rkv_json_end(out, ']');
    rkv_json_begin(out, "rows", '[');
    for (size_t i = 0; i < r->n_rows; i++)
        write_row(out, &r->rows[i]);
    rkv_json_end(out, ']');
    rkv_json_begin(out, "cells", '[');
    for (size_t i = 0; i < r->n_cells; i++)
        rkv_cell_json_write(out, &r->cells[i], false);
    rkv_json_end(out, ']');
}

/* What is not known is null. */
static void write_known(rkv_json_out *out, const char *key, const char *value) {
    rkv_json_string(out, key, value && *value ? value : NULL);
}

rkv_status rkv_results_to_json(const rkv_results *results, char **json) {
    rkv_text text = {0};
    rkv_json_out out = {.text = &text};
    *json = NULL;
    rkv_status status = rkv_results_check(results);
    if (status) return rkv_fail_within(RKV_USAGE, "results");
    rkv_json_begin(&out, NULL, '{');
    rkv_json_head(&out, RKV_RESULTS_SCHEMA, RKV_RESULTS_VERSION);
    rkv_model_json_write(&out, &results->model);
    write_known(&out, "device", results->device);
    write_known(&out, "version", results->version);
    rkv_json_string(&out, "text", results->text);
    rkv_json_string(&out, "profile", results->profile);
    rkv_json_seed(&out, "seed", results->seed);
    write_lists(&out, results);
    rkv_json_end(&out, '}');
    return rkv_text_finish(&text, json);
}

rkv_status rkv_results_save(const rkv_results *results, const char *path) {
    char *json;
    rkv_status status = rkv_results_to_json(results, &json);
    if (!status) status = rkv_write_file(path, json, strlen(json));
    free(json);
    return status;
}

/* ---- reading ---- */

enum { PLACE_SIZE = 40 };

/* An array of at most max elements; *n of them. */
static rkv_status get_list(const json_t *document, const char *key, size_t max, const json_t **list,
                           size_t *n) {
    *list = json_object_get(document, key);
    if (!json_is_array(*list)) return rkv_json_refuse_member(document, "", key, "an array");
    *n = json_array_size(*list);
    if (*n <= max) return RKV_OK;
    return rkv_fail(RKV_DATA, "%s is an array of %zu, more than %zu", key, *n, max);
}

/* Element i, named by its place, which must be an object. */
static rkv_status get_element(const json_t *list, const char *key, size_t i, char place[PLACE_SIZE],
                              const json_t **element) {
    *element = json_array_get(list, i);
    snprintf(place, PLACE_SIZE, "%s[%zu]", key, i);
    return json_is_object(*element) ? RKV_OK : rkv_json_refuse(place, *element, "an object");
}

static rkv_status read_windows(const json_t *document, rkv_results *r) {
    const json_t *list;
    size_t n;
    rkv_status status = get_list(document, "windows", RKV_MAX_WINDOWS, &list, &n);
    if (!status) status = rkv_alloc(&r->window_names, n, sizeof *r->window_names);
    for (; !status && r->n_windows < n; r->n_windows++) {
        const json_t *name = json_array_get(list, r->n_windows);
        char place[PLACE_SIZE];
        snprintf(place, sizeof place, "windows[%zu]", r->n_windows);
        if (!json_is_string(name)) return rkv_json_refuse(place, name, "a string");
        status = rkv_copy_string(&r->window_names[r->n_windows], json_string_value(name));
    }
    return status;
}

static rkv_status read_protocol(const json_t *object, const char *where, rkv_protocol *protocol) {
    const char *name;
    rkv_status status = rkv_json_get_string(object, where, "protocol", &name);
    if (status) return status;
    *protocol = rkv_protocol_find(name);
    if (*protocol < RKV_PROTOCOL_COUNT) return RKV_OK;
    return rkv_json_refuse_member(object, where, "protocol", "the name of a protocol");
}

static rkv_status read_setting(const json_t *object, const char *where, rkv_setting *s) {
    char *method = NULL, *budget = NULL;
    rkv_status status = read_protocol(object, where, &s->protocol);
    if (!status) status = rkv_json_get_number(object, where, "ratio", &s->ratio);
    if (!status && !(s->ratio >= 0 && s->ratio <= 1))
        status = rkv_json_refuse_member(object, where, "ratio", "a number from 0 to 1");
    if (!status) status = rkv_json_get_size(object, where, "entries", 0, RKV_MAX_TOKENS, &s->entries);
    if (!status) status = rkv_json_copy_string(object, where, "method", NULL, &method);
    s->method = method;
    if (!status && rkv_json_has(object, "budget"))
        status = rkv_json_copy_string(object, where, "budget", NULL, &budget);
    s->budget = budget;
    return status;
}

static rkv_status read_settings(const json_t *document, rkv_results *r) {
    const json_t *list, *object;
    size_t n = 0;
    char place[PLACE_SIZE];
    rkv_status status = get_list(document, "settings", RKV_MAX_SETTINGS, &list, &n);
    if (!status) status = rkv_alloc(&r->settings, n, sizeof *r->settings);
    while (!status && r->n_settings < n) {
        status = get_element(list, "settings", r->n_settings, place, &object);
        if (!status) status = read_setting(object, place, &r->settings[r->n_settings++]);
    }
    return status;
}

static rkv_status read_cells(const json_t *document, rkv_results *r) {
    const json_t *list, *object;
    size_t n = 0;
    char place[PLACE_SIZE];
    rkv_status status = get_list(document, "cells", RKV_MAX_CELLS, &list, &n);
    if (!status) status = rkv_alloc(&r->cells, n, sizeof *r->cells);
    while (!status && r->n_cells < n) {
        status = get_element(list, "cells", r->n_cells, place, &object);
        if (status) break;
        rkv_cell *cell = &r->cells[r->n_cells++];
        status = rkv_cell_json_read(object, place, cell);
        cell->compress_s = cell->answer_s = NAN; /* whatever a file says: ours say nothing of times */
    }
    return status;
}

static rkv_status read_document(const json_t *document, rkv_results *r) {
    rkv_status status = rkv_json_check_schema(document, RKV_RESULTS_SCHEMA, RKV_RESULTS_VERSION);
    if (!status) status = rkv_model_json_read(document, &r->model);
    if (!status) status = rkv_json_copy_string(document, "", "device", "", &r->device);
    if (!status) status = rkv_json_copy_string(document, "", "version", "", &r->version);
    if (!status) status = rkv_json_copy_string(document, "", "text", "", &r->text);
    if (!status) status = rkv_json_copy_string(document, "", "profile", "", &r->profile);
    if (!status) status = rkv_json_get_seed(document, "", "seed", &r->seed);
    if (!status) status = read_windows(document, r);
    if (!status) status = read_settings(document, r);
    if (!status) status = read_cells(document, r);
    return status ? status : rkv_results_check(r);
}

rkv_status rkv_results_read(rkv_results **out, const char *path) {
    *out = NULL;
    json_t *document = NULL;
    rkv_results *r = NULL;
    rkv_status status = rkv_json_read(&document, path);
    if (status) return status;
    status = rkv_alloc(&r, 1, sizeof *r);
    if (!status) status = read_document(document, r);
    if (status)
        rkv_results_free(r);
    else
        *out = r;
    json_decref(document);
    return status ? rkv_fail_within(status, "%s", path) : RKV_OK;
}
