/* trace_attributes.c: the root attributes of a foreign trace.h5, through HDF5. */
#include "io/trace_attributes.h"

#include <stdlib.h>
#include <string.h>

#include "core/fail.h"
#include "core/text.h"

/* *id stays 0 when there is none of that name; else it is one value of that class. */
static rkv_status open_attribute(hid_t file, const char *name, H5T_class_t class, hid_t *id, hid_t *type) {
    htri_t exists = H5Aexists(file, name);
    *id = 0;
    if (exists == 0) return RKV_OK;
    hid_t attribute = exists < 0 ? H5I_INVALID_HID : H5Aopen(file, name, H5P_DEFAULT);
    if (attribute < 0) return rkv_hdf5_fail(RKV_DATA, "attribute %s: cannot open", name);
    *type = H5Aget_type(attribute);
    hid_t space = H5Aget_space(attribute);
    if (*type < 0 || space < 0 || H5Tget_class(*type) != class || H5Sget_simple_extent_npoints(space) != 1)
        return rkv_fail(RKV_DATA, "attribute %s: is not one %s", name,
                        class == H5T_STRING ? "string" : "integer");
    *id = attribute;
    return RKV_OK;
}

static rkv_status get_integer(hid_t file, const char *name, size_t *value) {
    hid_t id, type;
    uint64_t number;
    rkv_status status = open_attribute(file, name, H5T_INTEGER, &id, &type);
    if (status || !id) return status;
    if (H5Aread(id, H5T_NATIVE_UINT64, &number) < 0)
        return rkv_hdf5_fail(RKV_DATA, "attribute %s: cannot read", name);
    *value = number;
    return RKV_OK;
}

hid_t rkv_trace_string_type(hid_t type, size_t *bytes) {
    bool variable = H5Tis_variable_str(type) > 0;
    *bytes = variable ? sizeof(char *) : H5Tget_size(type) + 1;
    hid_t memory = H5Tcopy(H5T_C_S1);
    H5Tset_size(memory, variable ? H5T_VARIABLE : *bytes);
    H5Tset_cset(memory, H5Tget_cset(type));
    return memory;
}

/* text [RKV_TRACE_MAX_STRING + 1] = the attribute as printable text; untouched when there is none. */
static rkv_status get_string(hid_t file, const char *name, char *text) {
    hid_t id, type;
    char fixed[RKV_TRACE_MAX_STRING + 2] = "", *string = fixed;
    size_t bytes;
    rkv_status status = open_attribute(file, name, H5T_STRING, &id, &type);
    if (status || !id) return status;
    hid_t memory = rkv_trace_string_type(type, &bytes);
    bool variable = H5Tis_variable_str(type) > 0;
    if (bytes > RKV_TRACE_MAX_STRING + 1)
        return rkv_fail(RKV_DATA, "attribute %s: %zu bytes exceed the limit of %u", name, bytes - 1,
                        RKV_TRACE_MAX_STRING);
    if (H5Aread(id, memory, variable ? (void *)&string : fixed) < 0)
        return rkv_hdf5_fail(RKV_DATA, "attribute %s: cannot read", name);
    rkv_text printable = {0};
    char *out;
    rkv_text_add_printable(&printable, string ? string : "", string ? strlen(string) : 0);
    status = rkv_text_finish(&printable, &out);
    if (status) return status;
    if (strlen(out) > RKV_TRACE_MAX_STRING)
        return rkv_fail(RKV_DATA, "attribute %s: %zu bytes exceed the limit of %u", name, strlen(out),
                        RKV_TRACE_MAX_STRING);
    strcpy(text, out);
    free(out);
    return RKV_OK;
}

rkv_status rkv_trace_check_schema(hid_t file) {
    char schema[RKV_TRACE_MAX_STRING + 1] = RKV_TRACE_SCHEMA;
    size_t version = RKV_TRACE_SCHEMA_VERSION;
    rkv_status status = get_string(file, "schema", schema);
    if (!status) status = get_integer(file, "schema_version", &version);
    if (!status && strcmp(schema, RKV_TRACE_SCHEMA) != 0)
        status = rkv_fail(RKV_DATA, "attribute schema: \"%s\" instead of \"%s\"", schema, RKV_TRACE_SCHEMA);
    if (!status && version != RKV_TRACE_SCHEMA_VERSION)
        status = rkv_fail(RKV_DATA, "attribute schema_version: %zu; this version of RankKV reads %d", version,
                          RKV_TRACE_SCHEMA_VERSION);
    return status;
}

static rkv_status get_sha256(hid_t file, char *sha256) {
    char text[RKV_TRACE_MAX_STRING + 1] = "";
    rkv_status status = get_string(file, "model_sha256", text);
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
        status = get_integer(file, rkv_trace_numbers[i].name, rkv_trace_number(&info, &rkv_trace_numbers[i]));
    for (size_t i = 0; i < RKV_TRACE_N_STRINGS && !status; i++)
        status = get_string(file, rkv_trace_strings[i].name, facts->strings[i]);
    if (!status) status = get_sha256(file, info.sha256);
    if (!status) status = check_agrees("n_layers", info.n_layers, facts->info.n_layers);
    if (!status) status = check_agrees("n_heads", info.n_heads, facts->info.n_heads);
    info.n_layers = facts->info.n_layers;
    info.n_heads = facts->info.n_heads;
    if (!info.n_kv_heads) info.n_kv_heads = info.n_heads;
    facts->info = info;
    return status;
}
