/* hdf5_dataset.h: the datasets of a foreign file, through HDF5: only inside a confined process (confined.h),
 * whose end releases HDF5's identifiers. */
#ifndef RKV_IO_HDF5_DATASET_H
#define RKV_IO_HDF5_DATASET_H

#include "io/hdf5_driver.h"
#include "io/hdf5_session.h"
#include "io/stored_array.h"

/* Opens the file behind stream->descriptor; no plugin is loaded for it. */
rkv_status rkv_hdf5_open_foreign(rkv_hdf5_stream *stream, hid_t *file);

/* A dataset that passed the checks of what may be followed: a hard link, storage within the file, filters
 * that are read. */
typedef struct rkv_hdf5_dataset {
    const char *name;
    hid_t id, type, creation;
    int rank;
    hsize_t shape[RKV_ARRAY_AXES];
    H5D_layout_t layout;
} rkv_hdf5_dataset;

/* d->id is 0 when there is none of that name. */
rkv_status rkv_hdf5_open_dataset(rkv_hdf5_dataset *d, hid_t file, const char *name, int rank);

/* 2, 4 or 8 for the three IEEE types in little-endian order, 0 for all others. */
size_t rkv_hdf5_float_bytes(hid_t type);

/* How a dataset of four axes with elements of element_bytes is stored. */
rkv_status rkv_hdf5_describe(const rkv_hdf5_dataset *d, size_t element_bytes, rkv_stored_array *out);

/* *chunks [array->n_chunks] = where the chunks lie; array was checked. */
rkv_status rkv_hdf5_list_chunks(const rkv_hdf5_dataset *d, rkv_hdf5_stream *stream,
                                const rkv_stored_array *array, rkv_stored_chunk **chunks);

#endif
