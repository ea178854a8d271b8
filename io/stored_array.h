/* stored_array.h: a dataset of a foreign HDF5 file: what HDF5 tells of it in a confined process
 * (hdf5_dataset.h), and its elements, read and unpacked by our own code, in threads. */
#ifndef RKV_IO_STORED_ARRAY_H
#define RKV_IO_STORED_ARRAY_H

#include <stdbool.h>
#include <stdint.h>

#include "io/trace_chunk.h"

#define RKV_ARRAY_AXES 4

/* What is refused: far above any real file, low enough that sums and products stay small. */
#define RKV_ARRAY_MAX_CHUNKS     (1u << 24)
#define RKV_ARRAY_MAX_CHUNK_SIZE (1u << 30) /* bytes of one chunk, unpacked */
#define RKV_ARRAY_MAX_FILTERS    4u

/* Where one chunk lies in the file. */
typedef struct rkv_stored_chunk {
    uint64_t address; /* RKV_ARRAY_ABSENT: never written, it reads as the fill value */
    uint32_t bytes;
    uint32_t skipped; /* bit i: filter i was not applied */
} rkv_stored_chunk;

#define RKV_ARRAY_ABSENT UINT64_MAX

/* Plain data: it crosses the pipe as it is. */
typedef struct rkv_stored_array {
    size_t shape[RKV_ARRAY_AXES];
    rkv_chunk_form form;   /* of a chunk; contiguous storage uses element_bytes (2, 4 or 8) only */
    unsigned char fill[8]; /* one element */
    bool chunked;
    size_t chunk[RKV_ARRAY_AXES]; /* shape of a chunk */
    uint64_t address;             /* of contiguous storage, or RKV_ARRAY_ABSENT */
    size_t n_chunks;
} rkv_stored_array;

/* Every size within its limit, every product without overflow; completes n_chunks and form.raw_bytes.
 * RKV_DATA names the dataset. */
rkv_status rkv_stored_array_check(rkv_stored_array *array, const char *name);

/* The open file that elements are read from. */
typedef struct rkv_stored_file {
    int descriptor;
    uint64_t bytes; /* its size */
} rkv_stored_file;

/* Turns n stored elements into values at out; the file's order of bytes is little-endian, as that of every
 * host RankKV runs on. */
typedef void (*rkv_element_fn)(const unsigned char *elements, size_t element_bytes, void *out, size_t n);

/* A part of an array, and where it goes: values of value_bytes each, row-major. */
typedef struct rkv_stored_box {
    size_t first[RKV_ARRAY_AXES], count[RKV_ARRAY_AXES]; /* within the shape, counts above 0 */
    rkv_element_fn convert;
    size_t value_bytes;
    void *out;
} rkv_stored_box;

/* array was checked; chunks [n_chunks] is the grid of chunks in row-major order. */
rkv_status rkv_stored_array_read(const rkv_stored_file *file, const rkv_stored_array *array,
                                 const rkv_stored_chunk *chunks, const rkv_stored_box *box);

#endif
