/* hdf5_session.h: the HDF5 library, used quietly and by one thread at a time.
 *
 * Every use stands between rkv_hdf5_begin and rkv_hdf5_end: the library keeps global state and, in most
 * builds, has no lock of its own; and it prints its errors unless told not to, which is undone at the end for
 * the host's sake. */
#ifndef RKV_IO_HDF5_SESSION_H
#define RKV_IO_HDF5_SESSION_H

#include <hdf5.h>

#include <rankkv/status.h>

typedef struct rkv_hdf5_session {
    H5E_auto2_t report; /* the host's error reporting */
    void *report_data;
} rkv_hdf5_session;

rkv_hdf5_session rkv_hdf5_begin(void);
void rkv_hdf5_end(const rkv_hdf5_session *session);

/* As rkv_fail, with the innermost entry of HDF5's error stack added. Inside a session. */
rkv_status rkv_hdf5_fail(rkv_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A copy of the type IEEE binary16, little-endian, that HDF5 1.10 has no name for; the caller closes it. */
hid_t rkv_hdf5_half_type(void);
/* A copy of the type of variable-length UTF-8 strings; the caller closes it. */
hid_t rkv_hdf5_string_type(void);

#endif
