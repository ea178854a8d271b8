/* windows_json.c: windows as a JSON file, in the short form (tokens alone) and the full one. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/memory.h"
#include "io/json.h"
#include "io/json_write.h"
#include "io/windows.h"

/* Windows that a file may hold, and bytes of their names: so that comparing names stays quick, whatever they
 * are. */
#define MAX_WINDOWS    ((size_t)1 << 12)
#define MAX_NAME_BYTES ((size_t)1023)

/* Room for "windows[4095].questions[262143]", and for a member of that. */
#define WHERE_SIZE 64
#define NAME_SIZE  (2 * WHERE_SIZE)

/* ---- reading ---- */

/* What is said of every window of a file. */
typedef struct reading_terms {
    size_t continuation; /* of windows in the short form */
    size_t n_vocab;
} reading_terms;

static void join(char name[NAME_SIZE], const char *where, const char *key) {
    snprintf(name, NAME_SIZE, "%.*s.%s", WHERE_SIZE, where, key);
}

static rkv_status read_ids(const json_t *object, const char *where, const char *key, size_t n_vocab,
                           int32_t **ids, size_t *n) {
    const json_t *array = json_object_get(object, key);
    char name[NAME_SIZE];
    join(name, where, key);
    if (!json_is_array(array)) return rkv_json_refuse(name, array, "an array of token ids");
    *n = json_array_size(array);
    rkv_status status = rkv_json_get_ids(object, where, key, *n, ids);
    for (size_t i = 0; !status && i < *n; i++)
        if ((size_t)(*ids)[i] >= n_vocab)
            status = rkv_fail(RKV_DATA, "%s[%zu] is %d, not a token of the model, which has %zu", name, i,
                              (int)(*ids)[i], n_vocab);
    return status;
}

/* A missing or null member is false. */
static rkv_status read_flag(const json_t *object, const char *where, const char *key, bool *out) {
    const json_t *value = json_object_get(object, key);
    char name[NAME_SIZE];
    *out = json_is_true(value);
    if (!rkv_json_has(object, key) || json_is_boolean(value)) return RKV_OK;
    join(name, where, key);
    return rkv_json_refuse(name, value, "true or false");
}

/* A copy of a name, which may be missing where something stands for it. */
static rkv_status read_name(const json_t *object, const char *where, const char *key, const char *missing,
                            char **name) {
    rkv_status status = rkv_json_copy_string(object, where, key, missing, name);
    if (status) return status;
    size_t length = strlen(*name);
    if (length && length <= MAX_NAME_BYTES) return RKV_OK;
    return rkv_fail(RKV_DATA, "%s.%s has %zu bytes, not 1 to %zu", where, key, length, MAX_NAME_BYTES);
}

/* The short form: {"book", "token_ids"}. */
static rkv_status split_ids(rkv_window *window, const char *where, const reading_terms *terms,
                            const int32_t *ids, size_t n) {
    if (terms->continuation < 2)
        return rkv_fail(RKV_USAGE, "%s has tokens alone: a continuation of %zu tokens, not of at least 2",
                        where, terms->continuation);
    if (n < 1 || n - 1 < terms->continuation)
        return rkv_fail(RKV_DATA, "%s.token_ids: %zu tokens, too few for a continuation of %zu and a context",
                        where, n, terms->continuation);
    window->n_context = n - terms->continuation;
    rkv_status status = rkv_alloc(&window->context, window->n_context, sizeof *window->context);
    if (status) return status;
    memcpy(window->context, ids, window->n_context * sizeof *ids);
    return rkv_window_add_question(window, RKV_TASK_NATURAL, ids + window->n_context, terms->continuation, 1,
                                   NAN);
}

static rkv_status read_short(const json_t *object, const char *where, const reading_terms *terms,
                             const rkv_windows *windows, rkv_window *window) {
    char *book = NULL;
    int32_t *ids = NULL;
    size_t n;
    rkv_status status = read_name(object, where, "book", "window", &book);
    if (!status) status = rkv_window_make_name(&window->name, book, rkv_windows_next_number(windows, book));
    if (!status) status = read_ids(object, where, "token_ids", terms->n_vocab, &ids, &n);
    if (!status) status = split_ids(window, where, terms, ids, n);
    free(ids);
    free(book);
    return status;
}

static rkv_status read_task(const json_t *object, const char *where, rkv_task *task) {
    const char *name = rkv_task_name(RKV_TASK_NATURAL);
    char field[NAME_SIZE];
    rkv_status status = RKV_OK;
    if (rkv_json_has(object, "task")) status = rkv_json_get_string(object, where, "task", &name);
    if (status) return status;
    *task = rkv_task_find(name);
    if (*task != RKV_TASK_COUNT) return RKV_OK;
    join(field, where, "task");
    return rkv_json_refuse(field, json_object_get(object, "task"), "a task");
}

/* What is scored of n tokens: a missing first_scored leaves out the first, where there is another. */
static rkv_status read_scored(const json_t *object, const char *where, size_t n, size_t *first) {
    if (n < 1) return rkv_fail(RKV_DATA, "%s.ids is empty", where);
    *first = n > 1;
    if (!rkv_json_has(object, "first_scored")) return RKV_OK;
    return rkv_json_get_size(object, where, "first_scored", 0, n - 1, first);
}

static rkv_status read_depth(const json_t *object, const char *where, double *depth) {
    rkv_status status = rkv_json_get_number(object, where, "depth", depth);
    if (status || isnan(*depth) || (*depth >= 0 && *depth <= 1)) return status;
    return rkv_fail(RKV_DATA, "%s.depth is %g, not from 0 to 1", where, *depth);
}

static rkv_status read_question(const json_t *object, const char *where, size_t n_vocab, rkv_window *window) {
    rkv_task task;
    int32_t *ids = NULL;
    size_t n, first;
    double depth;
    if (!json_is_object(object)) return rkv_json_refuse(where, object, "an object");
    rkv_status status = read_task(object, where, &task);
    if (!status) status = read_ids(object, where, "ids", n_vocab, &ids, &n);
    if (!status) status = read_scored(object, where, n, &first);
    if (!status) status = read_depth(object, where, &depth);
    if (!status) status = rkv_window_add_question(window, task, ids, n, first, depth);
    free(ids);
    return status;
}

static rkv_status read_questions(const json_t *object, const char *where, size_t n_vocab,
                                 rkv_window *window) {
    const json_t *array = json_object_get(object, "questions");
    char place[NAME_SIZE];
    join(place, where, "questions");
    if (!json_is_array(array) || json_array_size(array) == 0)
        return rkv_json_refuse(place, array, "an array of questions");
    rkv_status status = RKV_OK;
    for (size_t i = 0; !status && i < json_array_size(array); i++) {
        snprintf(place, sizeof place, "%.*s.questions[%zu]", WHERE_SIZE, where, i);
        status = read_question(json_array_get(array, i), place, n_vocab, window);
    }
    return status;
}

/* The full form: {"name", "query_aware", "context", "questions"}. */
static rkv_status read_full(const json_t *object, const char *where, size_t n_vocab, rkv_window *window) {
    rkv_status status = read_name(object, where, "name", NULL, &window->name);
    if (!status) status = read_flag(object, where, "query_aware", &window->query_aware);
    if (!status) status = read_ids(object, where, "context", n_vocab, &window->context, &window->n_context);
    if (!status && window->n_context == 0) status = rkv_fail(RKV_DATA, "%s.context is empty", where);
    return status ? status : read_questions(object, where, n_vocab, window);
}

static rkv_status read_window(rkv_windows *windows, const json_t *object, size_t index,
                              const reading_terms *terms) {
    char where[WHERE_SIZE];
    rkv_window window = {0};
    snprintf(where, sizeof where, "windows[%zu]", index);
    if (!json_is_object(object)) return rkv_json_refuse(where, object, "an object");
    rkv_status status = rkv_json_has(object, "token_ids") ? read_short(object, where, terms, windows, &window)
                                                          : read_full(object, where, terms->n_vocab, &window);
    if (!status) status = rkv_windows_push(windows, &window);
    rkv_window_clear(&window);
    return status;
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static rkv_status check_names(const rkv_windows *windows) {
    const char **names = NULL;
    rkv_status status = rkv_alloc(&names, windows->n, sizeof *names);
    if (status) return status;
    for (size_t i = 0; i < windows->n; i++)
        names[i] = windows->items[i].name;
    qsort(names, windows->n, sizeof *names, by_name);
    for (size_t i = 1; !status && i < windows->n; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            status = rkv_fail(RKV_DATA, "two windows are named \"%.100s\"", names[i]);
    free(names);
    return status;
}

static rkv_status read_document(rkv_windows *windows, const json_t *document, const reading_terms *terms) {
    size_t n = json_array_size(document);
    if (n < 1 || n > MAX_WINDOWS)
        return rkv_fail(RKV_DATA, "the document has %zu windows, not 1 to %zu", n, MAX_WINDOWS);
    rkv_status status = RKV_OK;
    for (size_t i = 0; !status && i < n; i++)
        status = read_window(windows, json_array_get(document, i), i, terms);
    return status ? status : check_names(windows);
}

rkv_status rkv_windows_load(rkv_windows *windows, const char *path, size_t continuation, size_t n_vocab) {
    const reading_terms terms = {continuation, n_vocab};
    json_t *document = NULL;
    size_t before = windows->n;
    rkv_status status = rkv_json_read_array(&document, path);
    if (status) return status;
    status = read_document(windows, document, &terms);
    if (status) rkv_windows_drop(windows, before);
    json_decref(document);
    return status ? rkv_fail_within(status, "%s", path) : RKV_OK;
}

/* ---- writing ---- */

static void write_question(rkv_json_out *out, const rkv_question *q) {
    rkv_json_begin(out, NULL, '{');
    rkv_json_string(out, "task", rkv_task_name(q->task));
    rkv_json_ids(out, "ids", q->ids, q->n);
    rkv_json_size(out, "first_scored", q->first_scored);
    if (!isnan(q->depth)) rkv_json_number(out, "depth", q->depth);
    rkv_json_end(out, '}');
}

static void write_window(rkv_json_out *out, const rkv_window *w) {
    rkv_json_begin(out, NULL, '{');
    rkv_json_string(out, "name", w->name);
    rkv_json_value(out, "query_aware", w->query_aware ? json_true() : json_false());
    rkv_json_ids(out, "context", w->context, w->n_context);
    rkv_json_begin(out, "questions", '[');
    for (size_t i = 0; i < w->n_questions; i++)
        write_question(out, &w->questions[i]);
    rkv_json_end(out, ']');
    rkv_json_end(out, '}');
}

rkv_status rkv_windows_save(const rkv_windows *windows, const char *path) {
    if (windows->n > MAX_WINDOWS)
        return rkv_fail(RKV_USAGE, "%s: %zu windows, more than the %zu that a file holds", path, windows->n,
                        MAX_WINDOWS);
    rkv_text text = {0};
    rkv_json_out out = {.text = &text};
    char *json = NULL;
    rkv_json_begin(&out, NULL, '[');
    for (size_t i = 0; i < windows->n; i++)
        write_window(&out, &windows->items[i]);
    rkv_json_end(&out, ']');
    size_t length = text.length;
    rkv_status status = rkv_text_finish(&text, &json);
    if (!status) status = rkv_write_file(path, json, length);
    free(json);
    return status;
}
