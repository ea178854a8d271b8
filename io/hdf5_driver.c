/* hdf5_driver.c: a file driver for HDF5 over a descriptor that is already open. */
#include "io/hdf5_driver.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif

#include "core/memory.h"

/* Largest address: what off_t holds. */
#define MAX_ADDRESS ((haddr_t)INT64_MAX)

typedef struct file {
    H5FD_t base; /* HDF5's part, first */
    rkv_hdf5_stream *stream;
    haddr_t allocated; /* end of what HDF5 has given out */
    haddr_t end;       /* end of what is there */
} file;

static H5FD_t *open_file(const char *name, unsigned flags, hid_t access, haddr_t max_address) {
    (void)name;
    (void)flags;
    (void)max_address;
    rkv_hdf5_stream *const *stream = H5Pget_driver_info(access);
    struct stat info;
    file *f = NULL;
    if (!stream || fstat((*stream)->descriptor, &info) != 0 || rkv_alloc(&f, 1, sizeof *f)) return NULL;
    f->stream = *stream;
    f->end = (haddr_t)info.st_size;
    return &f->base;
}

static herr_t close_file(H5FD_t *base) {
    free(base);
    return 0;
}

static herr_t query(const H5FD_t *base, unsigned long *flags) {
    (void)base;
    *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
             H5FD_FEAT_AGGREGATE_SMALLDATA | H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
    return 0;
}

static haddr_t get_allocated(const H5FD_t *base, H5FD_mem_t type) {
    (void)type;
    return ((const file *)base)->allocated;
}

static herr_t set_allocated(H5FD_t *base, H5FD_mem_t type, haddr_t address) {
    (void)type;
    ((file *)base)->allocated = address;
    return 0;
}

static haddr_t get_end(const H5FD_t *base, H5FD_mem_t type) {
    (void)type;
    return ((const file *)base)->end;
}

/* What lies past the end, a hole that a failed write left included, reads as zeros. */
static herr_t read_all(int descriptor, haddr_t address, size_t size, char *bytes) {
    while (size > 0) {
        ssize_t n = pread(descriptor, bytes, size, (off_t)address);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return -1;
        if (n == 0) {
            memset(bytes, 0, size);
            break;
        }
        bytes += n;
        address += (haddr_t)n;
        size -= (size_t)n;
    }
    return 0;
}

static herr_t read_bytes(H5FD_t *base, H5FD_mem_t type, hid_t transfer, haddr_t address, size_t size,
                         void *buffer) {
    (void)transfer;
    rkv_hdf5_stream *stream = ((file *)base)->stream;
    if (address > MAX_ADDRESS - size) return -1;
    if (!stream->note_raw || type != H5FD_MEM_DRAW)
        return read_all(stream->descriptor, address, size, buffer);
    stream->raw_address = address;
    return 0;
}

static void write_all(rkv_hdf5_stream *stream, haddr_t address, size_t size, const char *bytes) {
    while (size > 0) {
        ssize_t n = pwrite(stream->descriptor, bytes, size, (off_t)address);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
            stream->write_errno = n < 0 ? errno : ENOSPC;
            return;
        }
        bytes += n;
        address += (haddr_t)n;
        size -= (size_t)n;
    }
}

static herr_t write_bytes(H5FD_t *base, H5FD_mem_t type, hid_t transfer, haddr_t address, size_t size,
                          const void *buffer) {
    (void)type;
    (void)transfer;
    file *f = (file *)base;
    if (address > MAX_ADDRESS - size) return -1;
    if (!f->stream->write_errno) write_all(f->stream, address, size, buffer);
    if (address + size > f->end) f->end = address + size;
    return 0;
}

static herr_t truncate_file(H5FD_t *base, hid_t transfer, hbool_t closing) {
    (void)transfer;
    (void)closing;
    file *f = (file *)base;
    if (f->end == f->allocated) return 0;
    if (!f->stream->write_errno && ftruncate(f->stream->descriptor, (off_t)f->allocated) != 0)
        f->stream->write_errno = errno;
    f->end = f->allocated;
    return 0;
}

static const H5FD_class_t driver = {
#if H5_VERSION_GE(1, 13, 0)
    .version = H5FD_CLASS_VERSION,
    .value = (H5FD_class_value_t)420, /* of the range for private use */
#endif
    .name = "rankkv_stream",
    .maxaddr = MAX_ADDRESS,
    .fc_degree = H5F_CLOSE_STRONG, /* closing the file closes what was left open in it */
    .fapl_size = sizeof(rkv_hdf5_stream *),
    .open = open_file,
    .close = close_file,
    .query = query,
    .get_eoa = get_allocated,
    .set_eoa = set_allocated,
    .get_eof = get_end,
    .read = read_bytes,
    .write = write_bytes,
    .truncate = truncate_file,
    .fl_map = H5FD_FLMAP_DICHOTOMY,
};

hid_t rkv_hdf5_stream_access(rkv_hdf5_stream *stream) {
    hid_t id = H5FDregister(&driver), access = H5Pcreate(H5P_FILE_ACCESS);
    int failed = id < 0 || access < 0 || H5Pset_driver(access, id, &stream) < 0;
    if (id >= 0) H5FDunregister(id);
    if (!failed) return access;
    if (access >= 0) H5Pclose(access);
    return H5I_INVALID_HID;
}
