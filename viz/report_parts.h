/* report_parts.h: what a report holds until it is saved. */
#ifndef RKV_VIZ_REPORT_PARTS_H
#define RKV_VIZ_REPORT_PARTS_H

#include <rankkv/report.h>

#include "core/text.h"

typedef struct report_document {
    char *kind, *name;
    char *json; /* as it stands in the page: escaped */
} report_document;

/* An array whose parts are deflated as they come. */
typedef struct report_array {
    size_t document; /* index of the one that it belongs to */
    char *name, *attributes;
    rkv_report_type type;
    size_t n_dims, shape[RKV_REPORT_DIMS], part_dims;
    size_t n_parts, part_bytes;
    size_t n_put;   /* parts that are in lines */
    rkv_text lines; /* a line per part: base64 of deflate; never NULL once a part is in it */
} report_array;

struct rkv_report {
    char *title;
    report_document *documents; /* [n_documents] */
    size_t n_documents, documents_capacity;
    report_array *arrays; /* [n_arrays] */
    size_t n_arrays, arrays_capacity;
};

/* ---- report_array.c ---- */

/* Fills *out from what description says but data; strings are copied. RKV_USAGE: no such type, a shape or
 * attributes that cannot be. */
rkv_status rkv_report_array_begin(report_array *out, const rkv_report_array *description);
/* Adds the next n parts, data [n, part_bytes]. */
rkv_status rkv_report_array_put(report_array *array, const void *data, size_t n);
void rkv_report_array_clear(report_array *array);

/* ---- report.c ---- */

/* Adds *array to the document added last and leaves it {0}; on failure it stays the caller's. */
rkv_status rkv_report_take_array(rkv_report *report, report_array *array);

/* JSON as it may stand in a script element of a page; the caller frees *out. */
rkv_status rkv_report_escape_json(const char *json, char **out);

/* "u8", "i32", "f32". */
const char *rkv_report_type_name(rkv_report_type type);

#endif
