/* trace_put.h: attributes, datasets and dimension scales of a trace being written. Inside an HDF5 session;
 * failures name the attribute or dataset, the caller adds the file. */
#ifndef RKV_IO_TRACE_PUT_H
#define RKV_IO_TRACE_PUT_H

#include <stdint.h>

#include "io/hdf5_session.h"

rkv_status rkv_put_string(hid_t object, const char *name, const char *value); /* NULL: "" */
rkv_status rkv_put_strings(hid_t object, const char *name, const char *const *values, size_t n);
rkv_status rkv_put_integer(hid_t object, const char *name, uint64_t value);
rkv_status rkv_put_real(hid_t object, const char *name, double value);

/* A dataset: its place, its axes by the names of dimension scales, and what it holds. */
typedef struct rkv_put_dataset {
    hid_t file;
    const char *group; /* NULL: the root; else made when it is not there */
    const char *name;
    const char *axes[4]; /* scales in the root; the first NULL ends them */
    hid_t file_type, memory_type;
    hid_t creation;                /* property list; 0: that of rkv_put_creation, contiguous */
    const char *units, *long_name; /* attributes; NULL: none */
} rkv_put_dataset;

/* Creates it, writes values (NULL: nothing), attaches its axes; *out is its id that the caller closes (NULL:
 * it is closed). */
rkv_status rkv_put_values(const rkv_put_dataset *dataset, const void *values, hid_t *out);

/* A dimension scale [n] in the root, its values 0 .. n-1. */
rkv_status rkv_put_scale(hid_t file, const char *name, size_t n);

/* Property lists whose objects carry no times, so that equal content gives equal bytes, and show their
 * members in the order of writing. The caller closes them; negative on failure. */
hid_t rkv_put_creation(hid_t class_id);

#endif
