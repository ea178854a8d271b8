/* report_array.c: an array of a report: its description checked, its parts deflated. */
#include <stdlib.h>
#include <string.h>

#include "core/base64.h"
#include "core/fail.h"
#include "core/memory.h"
#include "io/deflate.h"
#include "io/json.h"
#include "viz/report_parts.h"

static const struct {
    const char *name;
    size_t bytes;
} types[RKV_REPORT_TYPE_COUNT] = {
#define TYPE_ROW(symbol, name, bytes) [symbol] = {name, bytes},
    RKV_REPORT_TYPE_LIST(TYPE_ROW)
#undef TYPE_ROW
};

const char *rkv_report_type_name(rkv_report_type type) {
    return types[type].name;
}

/* ---- its description ---- */

static rkv_status check(const rkv_report_array *d) {
    if (!d->name || !*d->name) return rkv_fail(RKV_USAGE, "an array of a report has no name");
    if ((unsigned)d->type >= RKV_REPORT_TYPE_COUNT)
        return rkv_fail(RKV_USAGE, "array %s: there is no type %u", d->name, (unsigned)d->type);
    if (d->n_dims < 1 || d->n_dims > RKV_REPORT_DIMS || d->part_dims >= d->n_dims)
        return rkv_fail(RKV_USAGE, "array %s: %zu dimensions in parts of %zu: 1 to %zu, and fewer for parts",
                        d->name, d->n_dims, d->part_dims, RKV_REPORT_DIMS);
    if (!d->attributes) return RKV_OK;
    if (*d->attributes != '{') return rkv_fail(RKV_USAGE, "array %s: attributes are no object", d->name);
    rkv_status status = rkv_json_check(d->attributes, strlen(d->attributes));
    return status ? rkv_fail_within(status, "array %s: attributes", d->name) : RKV_OK;
}

static rkv_status measure(report_array *a) {
    size_t product[2] = {1, types[a->type].bytes}; /* parts, bytes of one */
    for (size_t i = 0; i < a->n_dims; i++) {
        if (a->shape[i] == 0)
            return rkv_fail(RKV_USAGE, "array %s: dimension %zu has no element", a->name, i);
        if (!rkv_multiply(product[i >= a->part_dims], a->shape[i], &product[i >= a->part_dims]))
            return rkv_fail(RKV_NO_MEMORY, "out of memory: array %s", a->name);
    }
    a->n_parts = product[0];
    a->part_bytes = product[1];
    return RKV_OK;
}

rkv_status rkv_report_array_begin(report_array *out, const rkv_report_array *description) {
    *out = (report_array){0};
    rkv_status status = check(description);
    if (status) return status;
    out->type = description->type;
    out->n_dims = description->n_dims;
    out->part_dims = description->part_dims;
    memcpy(out->shape, description->shape, sizeof out->shape);
    status = rkv_copy_string(&out->name, description->name);
    if (!status)
        status = rkv_copy_string(&out->attributes, description->attributes ? description->attributes : "{}");
    if (!status) status = measure(out);
    if (status) rkv_report_array_clear(out);
    return status;
}

void rkv_report_array_clear(report_array *array) {
    free(array->name);
    free(array->attributes);
    free(array->lines.bytes);
    *array = (report_array){0};
}

/* ---- its parts ---- */

typedef struct packed {
    unsigned char *bytes;
    size_t n;
} packed;

static rkv_status deflate_all(const report_array *array, const unsigned char *data, size_t n, packed *parts) {
    rkv_first_failure failure = {0};
#pragma omp parallel for schedule(dynamic, 1) if (n > 1)
    for (size_t i = 0; i < n; i++)
        if (!rkv_first_failure_seen(&failure))
            rkv_first_failure_note(&failure, rkv_deflate(data + i * array->part_bytes, array->part_bytes,
                                                         &parts[i].bytes, &parts[i].n));
    return rkv_first_failure_raise(&failure);
}

static void add_line(rkv_text *lines, const packed *part) {
    rkv_text_add_base64(lines, part->bytes, part->n);
    rkv_text_add(lines, "\n", 1);
}

rkv_status rkv_report_array_put(report_array *array, const void *data, size_t n) {
    packed *parts = NULL;
    if (n > array->n_parts - array->n_put)
        return rkv_fail(RKV_USAGE, "array %s: %zu parts more than its shape has", array->name,
                        n - (array->n_parts - array->n_put));
    rkv_status status = rkv_alloc(&parts, n, sizeof *parts);
    if (!status) status = deflate_all(array, data, n, parts);
    for (size_t i = 0; i < n && !status; i++)
        add_line(&array->lines, &parts[i]);
    if (!status) status = array->lines.status;
    if (!status) array->n_put += n;
    for (size_t i = 0; i < n && parts; i++)
        free(parts[i].bytes);
    free(parts);
    return status;
}
