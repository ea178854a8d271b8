/* trace_writer.h: a trace being written, as its parts share it. */
#ifndef RKV_IO_TRACE_WRITER_H
#define RKV_IO_TRACE_WRITER_H

#include "core/file.h"
#include "io/hdf5_driver.h"
#include "io/hdf5_session.h"
#include "io/trace_layout.h"

struct rkv_trace_writer {
    rkv_output output;
    rkv_hdf5_stream stream; /* over the output's descriptor */
    hid_t file, attention;  /* negative when not open */
    size_t n_layers, n_heads, n_kv_heads, n_tokens;
    rkv_trace_dtype dtype;
    size_t chunk_edge;
    size_t next_layer; /* layers come in order; this one is expected */
};

/* How an rkv_trace_dtype is stored. */
typedef struct rkv_trace_storage {
    const char *name;
    size_t bytes; /* of one element */
} rkv_trace_storage;

extern const rkv_trace_storage rkv_trace_storages[];

/* Chunks of the lower triangle of one head, those on the diagonal included. */
static inline size_t rkv_trace_triangle(size_t n_tokens, size_t edge) {
    size_t n = (n_tokens + edge - 1) / edge;
    return n * (n + 1) / 2;
}

/* status with the file's name; or, when a write failed, that failure: it is the cause of whatever else went
 * wrong. */
rkv_status rkv_trace_conclude(const rkv_trace_writer *writer, rkv_status status);

#endif
