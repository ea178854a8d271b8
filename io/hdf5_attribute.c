/* hdf5_attribute.c: attributes of a foreign file's objects, through HDF5. */
#include "io/hdf5_attribute.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/fail.h"
#include "core/text.h"

/* *id stays 0 when there is none of that name; else it is one value of that class. */
static rkv_status open_attribute(hid_t object, const char *name, H5T_class_t class, hid_t *id, hid_t *type) {
    htri_t exists = H5Aexists(object, name);
    *id = 0;
    if (exists == 0) return RKV_OK;
    hid_t attribute = exists < 0 ? H5I_INVALID_HID : H5Aopen(object, name, H5P_DEFAULT);
    if (attribute < 0) return rkv_hdf5_fail(RKV_DATA, "attribute %s: cannot open", name);
    *type = H5Aget_type(attribute);
    hid_t space = H5Aget_space(attribute);
    if (*type < 0 || space < 0 || H5Tget_class(*type) != class || H5Sget_simple_extent_npoints(space) != 1)
        return rkv_fail(RKV_DATA, "attribute %s: is not one %s", name,
                        class == H5T_STRING ? "string" : "integer");
    *id = attribute;
    return RKV_OK;
}

rkv_status rkv_hdf5_get_integer(hid_t object, const char *name, size_t *value) {
    hid_t id, type;
    uint64_t number;
    rkv_status status = open_attribute(object, name, H5T_INTEGER, &id, &type);
    if (status || !id) return status;
    if (H5Aread(id, H5T_NATIVE_UINT64, &number) < 0)
        return rkv_hdf5_fail(RKV_DATA, "attribute %s: cannot read", name);
    *value = number;
    return RKV_OK;
}

hid_t rkv_hdf5_string_type_of(hid_t type, size_t *bytes) {
    bool variable = H5Tis_variable_str(type) > 0;
    *bytes = variable ? sizeof(char *) : H5Tget_size(type) + 1;
    hid_t memory = H5Tcopy(H5T_C_S1);
    H5Tset_size(memory, variable ? H5T_VARIABLE : *bytes);
    H5Tset_cset(memory, H5Tget_cset(type));
    return memory;
}

rkv_status rkv_hdf5_get_string(hid_t object, const char *name, char *text) {
    hid_t id, type;
    char fixed[RKV_HDF5_MAX_STRING + 2] = "", *string = fixed;
    size_t bytes;
    rkv_status status = open_attribute(object, name, H5T_STRING, &id, &type);
    if (status || !id) return status;
    hid_t memory = rkv_hdf5_string_type_of(type, &bytes);
    bool variable = H5Tis_variable_str(type) > 0;
    if (bytes > RKV_HDF5_MAX_STRING + 1)
        return rkv_fail(RKV_DATA, "attribute %s: %zu bytes exceed the limit of %u", name, bytes - 1,
                        RKV_HDF5_MAX_STRING);
    if (H5Aread(id, memory, variable ? (void *)&string : fixed) < 0)
        return rkv_hdf5_fail(RKV_DATA, "attribute %s: cannot read", name);
    rkv_text printable = {0};
    char *out;
    rkv_text_add_printable(&printable, string ? string : "", string ? strlen(string) : 0);
    status = rkv_text_finish(&printable, &out);
    if (status) return status;
    if (strlen(out) > RKV_HDF5_MAX_STRING)
        return rkv_fail(RKV_DATA, "attribute %s: %zu bytes exceed the limit of %u", name, strlen(out),
                        RKV_HDF5_MAX_STRING);
    strcpy(text, out);
    free(out);
    return RKV_OK;
}
