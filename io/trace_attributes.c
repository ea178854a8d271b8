/* trace_attributes.c: the root attributes of a foreign trace.h5, through HDF5. */
#include "io/trace_attributes.h"

#include <stdlib.h>
#include <string.h>

#include "core/fail.h"
#include "io/hdf5_attribute.h"

rkv_status rkv_trace_check_schema(hid_t file) {
    char schema[RKV_TRACE_MAX_STRING + 1] = RKV_TRACE_SCHEMA;
    size_t version = RKV_TRACE_SCHEMA_VERSION;
    rkv_status status = rkv_hdf5_get_string(file, "schema", schema);
    if (!status) status = rkv_hdf5_get_integer(file, "schema_version", &version);
    if (!status && strcmp(schema, RKV_TRACE_SCHEMA) != 0)
        status = rkv_fail(RKV_DATA, "attribute schema: \"%s\" instead of \"%s\"", schema, RKV_TRACE_SCHEMA);
    if (!status && version != RKV_TRACE_SCHEMA_VERSION)
        status = rkv_fail(RKV_DATA, "attribute schema_version: %zu; this version of RankKV reads %d", version,
                          RKV_TRACE_SCHEMA_VERSION);
    return status;
}

static rkv_status get_sha256(hid_t file, char *sha256) {
    char text[RKV_TRACE_MAX_STRING + 1] = "";
    rkv_status status = rkv_hdf5_get_string(file, "model_sha256", text);
    if (status) return status;
    size_t length = strlen(text);
    if (length && (length != 64 || strspn(text, "0123456789abcdef") != 64))
        return rkv_fail(RKV_DATA, "attribute model_sha256: \"%.80s\" is not 64 hexadecimal digits", text);
    memcpy(sha256, text, length + 1);
    return RKV_OK;
}

/* What the shape says is what counts; an attribute that says otherwise is an error. */
static rkv_status check_agrees(const char *name, size_t attribute, size_t shape) {
    if (!attribute || attribute == shape) return RKV_OK;
    return rkv_fail(RKV_DATA, "attribute %s: %zu, dataset attention has %zu", name, attribute, shape);
}

rkv_status rkv_trace_get_model(hid_t file, rkv_trace_facts *facts) {
    rkv_model_info info = {0};
    rkv_status status = RKV_OK;
    for (size_t i = 0; i < RKV_TRACE_N_NUMBERS && !status; i++)
        status = rkv_hdf5_get_integer(file, rkv_trace_numbers[i].name,
                                      rkv_trace_number(&info, &rkv_trace_numbers[i]));
    for (size_t i = 0; i < RKV_TRACE_N_STRINGS && !status; i++)
        status = rkv_hdf5_get_string(file, rkv_trace_strings[i].name, facts->strings[i]);
    if (!status) status = get_sha256(file, info.sha256);
    if (!status) status = check_agrees("n_layers", info.n_layers, facts->info.n_layers);
    if (!status) status = check_agrees("n_heads", info.n_heads, facts->info.n_heads);
    info.n_layers = facts->info.n_layers;
    info.n_heads = facts->info.n_heads;
    if (!info.n_kv_heads) info.n_kv_heads = info.n_heads;
    facts->info = info;
    return status;
}
