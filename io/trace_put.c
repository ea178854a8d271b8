/* trace_put.c: attributes, datasets and dimension scales of a trace being written. */
#include "io/trace_put.h"

#include <hdf5_hl.h>
#include <stdlib.h>

#include "core/fail.h"
#include "core/memory.h"

/* Members and attributes up to this many stay in one list at the object's head, the form that every reader
 * knows. */
#define MAX_COMPACT 64

hid_t rkv_put_creation(hid_t class_id) {
    hid_t list = H5Pcreate(class_id);
    const unsigned order = H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED;
    int group = class_id == H5P_FILE_CREATE || class_id == H5P_GROUP_CREATE;
    herr_t failed = H5Pset_obj_track_times(list, 0) < 0 || H5Pset_attr_creation_order(list, order) < 0 ||
                    H5Pset_attr_phase_change(list, MAX_COMPACT, MAX_COMPACT / 2) < 0;
    if (group)
        failed = failed || H5Pset_link_creation_order(list, order) < 0 ||
                 H5Pset_link_phase_change(list, MAX_COMPACT, MAX_COMPACT / 2) < 0;
    if (!failed) return list;
    H5Pclose(list);
    return H5I_INVALID_HID;
}

/* ---- attributes ---- */

static rkv_status put_attribute(hid_t object, const char *name, hid_t type, hid_t space, const void *value) {
    hid_t attribute = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    rkv_status status = RKV_OK;
    if (attribute < 0 || H5Awrite(attribute, type, value) < 0)
        status = rkv_hdf5_fail(RKV_ERROR, "attribute %s: cannot write", name);
    if (attribute >= 0) H5Aclose(attribute);
    return status;
}

static rkv_status put_scalar(hid_t object, const char *name, hid_t type, const void *value) {
    hid_t space = H5Screate(H5S_SCALAR);
    rkv_status status = put_attribute(object, name, type, space, value);
    H5Sclose(space);
    return status;
}

rkv_status rkv_put_string(hid_t object, const char *name, const char *value) {
    if (!value) value = "";
    hid_t type = rkv_hdf5_string_type();
    rkv_status status = put_scalar(object, name, type, &value);
    H5Tclose(type);
    return status;
}

rkv_status rkv_put_strings(hid_t object, const char *name, const char *const *values, size_t n) {
    hid_t type = rkv_hdf5_string_type(), space = H5Screate_simple(1, (hsize_t[]){n}, NULL);
    rkv_status status = put_attribute(object, name, type, space, values);
    H5Sclose(space);
    H5Tclose(type);
    return status;
}

rkv_status rkv_put_integer(hid_t object, const char *name, uint64_t value) {
    return put_scalar(object, name, H5T_NATIVE_UINT64, &value);
}

rkv_status rkv_put_real(hid_t object, const char *name, double value) {
    return put_scalar(object, name, H5T_NATIVE_DOUBLE, &value);
}

/* ---- datasets ---- */

static rkv_status attach_axis(hid_t file, hid_t dataset, const char *axis, unsigned index) {
    hid_t scale = H5Dopen2(file, axis, H5P_DEFAULT);
    rkv_status status = RKV_OK;
    if (scale < 0 || H5DSattach_scale(dataset, scale, index) < 0 || H5DSset_label(dataset, index, axis) < 0)
        status = rkv_hdf5_fail(RKV_ERROR, "axis %s: cannot attach", axis);
    if (scale >= 0) H5Dclose(scale);
    return status;
}

/* The dataset's shape is that of its axes. */
static hid_t axes_space(const rkv_put_dataset *dataset, unsigned *rank) {
    hsize_t shape[4] = {0};
    for (*rank = 0; *rank < 4 && dataset->axes[*rank]; ++*rank) {
        hid_t scale = H5Dopen2(dataset->file, dataset->axes[*rank], H5P_DEFAULT);
        hid_t space = scale < 0 ? H5I_INVALID_HID : H5Dget_space(scale);
        hssize_t n = space < 0 ? -1 : H5Sget_simple_extent_npoints(space);
        if (space >= 0) H5Sclose(space);
        if (scale >= 0) H5Dclose(scale);
        if (n < 0) return H5I_INVALID_HID;
        shape[*rank] = (hsize_t)n;
    }
    return H5Screate_simple((int)*rank, shape, NULL);
}

/* The group of the dataset, open; made when it is not there. */
static hid_t open_group(const rkv_put_dataset *dataset) {
    if (!dataset->group) return H5Gopen2(dataset->file, "/", H5P_DEFAULT);
    if (H5Lexists(dataset->file, dataset->group, H5P_DEFAULT) > 0)
        return H5Gopen2(dataset->file, dataset->group, H5P_DEFAULT);
    hid_t creation = rkv_put_creation(H5P_GROUP_CREATE);
    hid_t group = H5Gcreate2(dataset->file, dataset->group, H5P_DEFAULT, creation, H5P_DEFAULT);
    H5Pclose(creation);
    return group;
}

static hid_t create_dataset(const rkv_put_dataset *dataset, unsigned *rank) {
    hid_t own = dataset->creation ? H5I_INVALID_HID : rkv_put_creation(H5P_DATASET_CREATE);
    hid_t group = open_group(dataset), space = axes_space(dataset, rank), id = H5I_INVALID_HID;
    if (group >= 0 && space >= 0)
        id = H5Dcreate2(group, dataset->name, dataset->file_type, space, H5P_DEFAULT,
                        dataset->creation ? dataset->creation : own, H5P_DEFAULT);
    if (space >= 0) H5Sclose(space);
    if (group >= 0) H5Gclose(group);
    if (own >= 0) H5Pclose(own);
    return id;
}

rkv_status rkv_put_values(const rkv_put_dataset *dataset, const void *values, hid_t *out) {
    unsigned rank;
    rkv_status status = RKV_OK;
    hid_t id = create_dataset(dataset, &rank);
    if (id < 0) status = rkv_hdf5_fail(RKV_ERROR, "cannot create");
    if (!status && values && H5Dwrite(id, dataset->memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0)
        status = rkv_hdf5_fail(RKV_ERROR, "cannot write");
    for (unsigned i = 0; i < rank && !status; i++)
        status = attach_axis(dataset->file, id, dataset->axes[i], i);
    if (!status && dataset->units) status = rkv_put_string(id, "units", dataset->units);
    if (!status && dataset->long_name) status = rkv_put_string(id, "long_name", dataset->long_name);
    if (id >= 0 && (status || !out)) H5Dclose(id);
    if (status) return rkv_fail_within(status, "dataset %s", dataset->name);
    if (out) *out = id;
    return RKV_OK;
}

rkv_status rkv_put_scale(hid_t file, const char *name, size_t n) {
    int32_t *values = NULL;
    rkv_status status = rkv_alloc_raw(&values, n, sizeof *values);
    if (status) return status;
    for (size_t i = 0; i < n; i++)
        values[i] = (int32_t)i;
    hid_t space = H5Screate_simple(1, (hsize_t[]){n}, NULL);
    hid_t creation = rkv_put_creation(H5P_DATASET_CREATE);
    hid_t id = H5Dcreate2(file, name, H5T_STD_I32LE, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    if (id < 0 || H5Dwrite(id, H5T_NATIVE_INT32, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0 ||
        H5DSset_scale(id, name) < 0)
        status = rkv_hdf5_fail(RKV_ERROR, "axis %s: cannot write", name);
    if (id >= 0) H5Dclose(id);
    H5Pclose(creation);
    H5Sclose(space);
    free(values);
    return status;
}
