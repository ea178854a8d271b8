/* hdf5_driver.h: a file driver for HDF5 over a descriptor that is already open.
 *
 * HDF5 hides a failed write: it may happen when a cache is flushed as the file closes, the close then fails
 * half way, and what cannot be written is tried again, loudly, when the program exits. This driver keeps the
 * first failure and lets HDF5 believe that all went well, so that it always closes cleanly; the owner of the
 * descriptor looks at the failure afterwards and throws the file away. It also takes no file locks, which
 * some network file systems refuse. */
#ifndef RKV_IO_HDF5_DRIVER_H
#define RKV_IO_HDF5_DRIVER_H

#include <hdf5.h>
#include <stdbool.h>

/* The owner's; lives as long as the HDF5 file is open. */
typedef struct rkv_hdf5_stream {
    int descriptor;
    int write_errno; /* of the first write that failed; 0: none did */
    /* true: reads of raw data (elements of datasets, not metadata) fetch nothing, and only note where they
     * would. */
    bool note_raw;
    haddr_t raw_address;
} rkv_hdf5_stream;

/* A file access property list with this driver; negative on failure. The caller closes it; the name then
 * given to H5Fcreate or H5Fopen only serves messages. */
hid_t rkv_hdf5_stream_access(rkv_hdf5_stream *stream);

#endif
