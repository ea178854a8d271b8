/* journal_lines.c: the lines of a journal as text. */
#include "io/journal_lines.h"

#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "io/cell_json.h"
#include "io/documents.h"
#include "io/json.h"

/* ---- writing ---- */

rkv_status rkv_journal_head(const char *run, char **line) {
    json_t *object;
    rkv_text text = {0};
    rkv_json_out out = {.text = &text, .flat = true};
    *line = NULL;
    rkv_status status = rkv_json_parse(&object, run, strlen(run));
    if (status) return rkv_fail_within(status == RKV_DATA ? RKV_USAGE : status, "the run of a journal");
    rkv_json_begin(&out, NULL, '{');
    rkv_json_head(&out, RKV_JOURNAL_SCHEMA, RKV_JOURNAL_VERSION);
    rkv_json_value(&out, "run", object);
    rkv_json_end(&out, '}');
    json_decref(object);
    return rkv_text_finish(&text, line);
}

rkv_status rkv_journal_line(const rkv_cell *cell, char **line) {
    rkv_text text = {0};
    rkv_json_out out = {.text = &text};
    rkv_cell_json_write(&out, cell, true);
    return rkv_text_finish(&text, line);
}

/* ---- reading ---- */

static rkv_status parse(json_t **out, const char *line, size_t length) {
    *out = NULL;
    if (length > RKV_JSON_MAX_BYTES)
        return rkv_fail(RKV_DATA, "%zu bytes, more than the %zu that are read of a line", length,
                        RKV_JSON_MAX_BYTES);
    return rkv_json_parse(out, line, length);
}

rkv_status rkv_journal_read_line(const char *line, size_t length, rkv_cell *cell) {
    json_t *object;
    *cell = (rkv_cell){0};
    rkv_status status = parse(&object, line, length);
    if (!status) status = rkv_cell_json_read(object, "", cell);
    json_decref(object);
    return status;
}

/* ---- what differs between two runs ---- */

/* Where two values differ first; NULL stands for a value that is missing on one side. */
typedef struct difference {
    rkv_text place; /* "settings[2].budget" */
    const json_t *there, *here;
} difference;

static bool differ(difference *d, const json_t *there, const json_t *here);

/* Goes into a member or element; the place stays longer by `step` when they differ in there. */
static bool differ_within(difference *d, const char *step, const json_t *there, const json_t *here) {
    size_t length = d->place.length;
    bool member = *step != '[';
    if (member && length) rkv_text_add(&d->place, ".", 1);
    rkv_text_add_printable(&d->place, step, strlen(step));
    if (differ(d, there, here)) return true;
    d->place.length = length;
    return false;
}

static bool differ_in_object(difference *d, const json_t *there, const json_t *here) {
    json_t *a = (json_t *)there, *b = (json_t *)here; /* jansson's iterators are for writing, too */
    for (void *at = json_object_iter(a); at; at = json_object_iter_next(a, at)) {
        const char *key = json_object_iter_key(at);
        if (differ_within(d, key, json_object_iter_value(at), json_object_get(here, key))) return true;
    }
    for (void *at = json_object_iter(b); at; at = json_object_iter_next(b, at)) {
        const char *key = json_object_iter_key(at);
        if (json_object_get(there, key)) continue;
        if (differ_within(d, key, NULL, json_object_iter_value(at))) return true;
    }
    return false;
}

static bool differ_in_array(difference *d, const json_t *there, const json_t *here) {
    for (size_t i = 0; i < json_array_size(there); i++) {
        char step[32];
        snprintf(step, sizeof step, "[%zu]", i);
        if (differ_within(d, step, json_array_get(there, i), json_array_get(here, i))) return true;
    }
    return false;
}

/* Recursion ends: io/json.c refuses to parse what is nested deeper than RKV_JSON_MAX_DEPTH. */
static bool differ(difference *d, const json_t *there, const json_t *here) {
    if (json_is_object(there) && json_is_object(here)) return differ_in_object(d, there, here);
    if (json_is_array(there) && json_is_array(here) && json_array_size(there) == json_array_size(here))
        return differ_in_array(d, there, here);
    d->there = there;
    d->here = here;
    return !json_equal(there, here);
}

/* Two devices may differ in the last word of a name. */
enum { SHOWN_SIZE = 128, SHOWN_TEXT = 96 };

static void describe_text(const char *value, char shown[SHOWN_SIZE]) {
    rkv_text text = {0};
    rkv_text_add_printable(&text, value, strlen(value));
    bool fits = text.length <= SHOWN_TEXT;
    snprintf(shown, SHOWN_SIZE, "\"%.*s%s\"", SHOWN_TEXT, text.bytes ? text.bytes : "", fits ? "" : "...");
    free(text.bytes);
}

static void describe(const json_t *value, char shown[SHOWN_SIZE]) {
    if (json_is_string(value))
        describe_text(json_string_value(value), shown);
    else if (value)
        rkv_json_describe(value, shown);
    else
        snprintf(shown, SHOWN_SIZE, "missing");
}

static rkv_status check_run(const json_t *there, const json_t *here) {
    difference d = {0};
    rkv_status status = RKV_OK;
    if (differ(&d, there, here)) {
        char was[SHOWN_SIZE], is[SHOWN_SIZE];
        describe(d.there, was);
        describe(d.here, is);
        status = d.place.status;
        if (!status)
            status = rkv_fail(RKV_DATA, "it is of another run: %.200s is %s there, %s now", d.place.bytes,
                              was, is);
    }
    free(d.place.bytes);
    return status;
}

/* ---- what measured the cells ---- */

void rkv_journal_origin_clear(rkv_journal_origin *origin) {
    free(origin->device);
    free(origin->version);
    *origin = (rkv_journal_origin){0};
}

static rkv_status copy_member(const json_t *run, const char *key, char **text) {
    const char *value = json_string_value(json_object_get(run, key));
    return rkv_copy_string(text, value ? value : "");
}

static rkv_status read_origin(const json_t *run, rkv_journal_origin *origin) {
    rkv_journal_origin_clear(origin);
    rkv_status status = copy_member(run, "device", &origin->device);
    return status ? status : copy_member(run, "version", &origin->version);
}

/* Journals from before these members were there are of any device and version. */
static void leave_out_what_is_later(const json_t *there, json_t *here) {
    static const char *const later[] = {"device", "version"};
    for (size_t i = 0; i < sizeof later / sizeof *later; i++)
        if (!json_object_get(there, later[i])) json_object_del(here, later[i]);
}

rkv_status rkv_journal_check_head(const char *line, size_t length, const char *wanted,
                                  rkv_journal_origin *origin) {
    json_t *there = NULL, *here = NULL;
    const json_t *run;
    rkv_status status = parse(&there, line, length);
    if (!status) status = rkv_json_check_schema(there, RKV_JOURNAL_SCHEMA, RKV_JOURNAL_VERSION);
    if (!status) status = rkv_json_get_object(there, "", "run", &run);
    if (!status) status = parse(&here, wanted, strlen(wanted));
    if (!status) leave_out_what_is_later(run, json_object_get(here, "run"));
    if (!status) status = check_run(run, json_object_get(here, "run"));
    if (!status) status = read_origin(run, origin);
    json_decref(here);
    json_decref(there);
    return status;
}
