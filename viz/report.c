/* report.c: documents and arrays, gathered for one page. */
#include <stdlib.h>
#include <string.h>

#include "core/fail.h"
#include "core/memory.h"
#include "io/json.h"
#include "viz/report_parts.h"

/* The kinds of documents, as docs/FORMATS.md lists them. */
static const char *const kinds[] = {"analysis", "budget", "selection", "profile", "results",
                                    "bench",    "run",    "cache",     "made"};

static bool is_kind(const char *name) {
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i], name) == 0) return true;
    return false;
}

rkv_status rkv_report_new(rkv_report **out, const char *title) {
    rkv_report *report = NULL;
    *out = NULL;
    rkv_status status = rkv_alloc(&report, 1, sizeof *report);
    if (!status) status = rkv_copy_string(&report->title, title ? title : "");
    if (status)
        rkv_report_free(report);
    else
        *out = report;
    return status;
}

static void clear_document(report_document *document) {
    free(document->kind);
    free(document->name);
    free(document->json);
    *document = (report_document){0};
}

void rkv_report_free(rkv_report *report) {
    if (!report) return;
    for (size_t i = 0; i < report->n_documents; i++)
        clear_document(&report->documents[i]);
    for (size_t i = 0; i < report->n_arrays; i++)
        rkv_report_array_clear(&report->arrays[i]);
    free(report->documents);
    free(report->arrays);
    free(report->title);
    free(report);
}

/* ---- documents ---- */

/* What ends a script element, or a line of a script in old browsers, stands only in strings of JSON: there it
 * can be written as an escape, and means the same. */
static const struct {
    const char *bytes, *escape;
} dangerous[] = {{"<", "\\u003c"}, {"\u2028", "\\u2028"}, {"\u2029", "\\u2029"}};

static size_t escape_at(const char *json, const char **escape) {
    for (size_t i = 0; i < sizeof dangerous / sizeof *dangerous; i++) {
        size_t n = strlen(dangerous[i].bytes);
        *escape = dangerous[i].escape;
        if (strncmp(json, dangerous[i].bytes, n) == 0) return n;
    }
    return 0;
}

rkv_status rkv_report_escape_json(const char *json, char **out) {
    rkv_text text = {0};
    const char *escape;
    while (*json) {
        size_t plain = strcspn(json, "<\xE2"), n;
        rkv_text_add(&text, json, plain);
        json += plain;
        if ((n = escape_at(json, &escape)) > 0)
            rkv_text_printf(&text, "%s", escape);
        else if (*json)
            rkv_text_add(&text, json, n = 1);
        json += n;
    }
    return rkv_text_finish(&text, out);
}

static rkv_status fill_document(report_document *out, const char *kind, const char *name, const char *json) {
    rkv_status status = rkv_copy_string(&out->kind, kind);
    if (!status) status = rkv_copy_string(&out->name, name);
    return status ? status : rkv_report_escape_json(json, &out->json);
}

rkv_status rkv_report_add_document(rkv_report *report, const char *kind, const char *name, const char *json) {
    report_document document = {0};
    if (!is_kind(kind)) return rkv_fail(RKV_USAGE, "a report has no documents of kind '%s'", kind);
    rkv_status status = rkv_json_check(json, strlen(json));
    if (status) return rkv_fail_within(status, "%s %s", kind, name);
    status =
        rkv_grow(&report->documents, &report->documents_capacity, report->n_documents + 1, sizeof document);
    if (!status) status = fill_document(&document, kind, name, json);
    if (status)
        clear_document(&document);
    else
        report->documents[report->n_documents++] = document;
    return status;
}

/* ---- arrays ---- */

static bool has_array(const rkv_report *report, const char *name) {
    for (size_t i = 0; i < report->n_arrays; i++)
        if (report->arrays[i].document + 1 == report->n_documents &&
            strcmp(report->arrays[i].name, name) == 0)
            return true;
    return false;
}

rkv_status rkv_report_take_array(rkv_report *report, report_array *array) {
    if (report->n_documents == 0)
        return rkv_fail(RKV_USAGE, "array %s: there is no document that it could belong to", array->name);
    if (has_array(report, array->name))
        return rkv_fail(RKV_USAGE, "array %s: the document has one of that name", array->name);
    if (array->n_put != array->n_parts)
        return rkv_fail(RKV_USAGE, "array %s: %zu of its %zu parts were given", array->name, array->n_put,
                        array->n_parts);
    rkv_status status =
        rkv_grow(&report->arrays, &report->arrays_capacity, report->n_arrays + 1, sizeof *array);
    if (status) return status;
    array->document = report->n_documents - 1;
    report->arrays[report->n_arrays++] = *array;
    *array = (report_array){0};
    return RKV_OK;
}

rkv_status rkv_report_add_array(rkv_report *report, const rkv_report_array *array) {
    report_array packed = {0};
    rkv_status status = rkv_report_array_begin(&packed, array);
    if (!status) status = rkv_report_array_put(&packed, array->data, packed.n_parts);
    if (!status) status = rkv_report_take_array(report, &packed);
    rkv_report_array_clear(&packed);
    return status;
}
