/* hdf5_attribute.h: attributes of a foreign file's objects, through HDF5: only inside a confined process
 * (confined.h). */
#ifndef RKV_IO_HDF5_ATTRIBUTE_H
#define RKV_IO_HDF5_ATTRIBUTE_H

#include "io/hdf5_session.h"

#define RKV_HDF5_MAX_STRING 255u /* bytes of a string attribute */

/* *value = the attribute of a file or dataset; untouched when there is none. RKV_DATA: not one integer. */
rkv_status rkv_hdf5_get_integer(hid_t object, const char *name, size_t *value);
/* text [RKV_HDF5_MAX_STRING + 1] = the attribute as printable text; untouched when there is none. */
rkv_status rkv_hdf5_get_string(hid_t object, const char *name, char *text);

/* The type in memory of strings that are stored as type, NUL-terminated; *bytes is its size, a pointer's when
 * their length varies. */
hid_t rkv_hdf5_string_type_of(hid_t type, size_t *bytes);

#endif
