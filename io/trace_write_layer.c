/* trace_write_layer.c: one layer's attention, cut into chunks, packed in threads and written. */
#include <string.h>

#include "core/fail.h"
#include "core/half.h"
#include "io/trace_chunk.h"
#include "io/trace_writer.h"

/* Where a chunk lies in a layer: its head and its first query and key. */
typedef struct chunk_place {
    size_t head, query, key;
} chunk_place;

/* The index-th chunk of a layer: head by head, and in each the lower triangle row by row. */
static chunk_place place_of(const rkv_trace_writer *writer, size_t index) {
    size_t per_head = rkv_trace_triangle(writer->n_tokens, writer->chunk_edge);
    size_t head = index / per_head, rest = index % per_head, row = 0;
    while (rest > row)
        rest -= ++row;
    return (chunk_place){head, row * writer->chunk_edge, rest * writer->chunk_edge};
}

/* Copies the chunk out of attention [H, T, T] in the stored type; what hangs over the edge is 0. */
static void gather(const rkv_trace_writer *writer, const float *attention, chunk_place at,
                   unsigned char *raw) {
    size_t edge = writer->chunk_edge, n = writer->n_tokens, bytes = rkv_trace_storages[writer->dtype].bytes;
    size_t rows = n - at.query < edge ? n - at.query : edge, cols = n - at.key < edge ? n - at.key : edge;
    if (rows < edge || cols < edge) memset(raw, 0, edge * edge * bytes);
    for (size_t i = 0; i < rows; i++) {
        const float *row = attention + (at.head * n + at.query + i) * n + at.key;
        if (writer->dtype == RKV_FLOAT16)
            rkv_floats_to_halves(row, (uint16_t *)raw + i * edge, cols);
        else
            memcpy((float *)raw + i * edge, row, cols * sizeof *row);
    }
}

static rkv_status write_chunk(const rkv_trace_writer *writer, size_t layer, chunk_place at,
                              const rkv_chunk_packer *packer) {
    const hsize_t offset[4] = {layer, at.head, at.query, at.key};
    rkv_hdf5_session session = rkv_hdf5_begin();
    rkv_status status = RKV_OK;
    if (H5Dwrite_chunk(writer->attention, H5P_DEFAULT, 0, offset, packer->packed_bytes, packer->packed) < 0)
        status = rkv_hdf5_fail(RKV_IO, "attention[%zu, %zu]: cannot write", layer, at.head);
    status = rkv_trace_conclude(writer, status);
    rkv_hdf5_end(&session);
    return status;
}

/* Every thread packs chunks into buffers of its own; they are written in order, so that a file's bytes do not
 * depend on the number of threads. */
static rkv_status write_chunks(const rkv_trace_writer *writer, const rkv_layer *layer) {
    size_t n = writer->n_heads * rkv_trace_triangle(writer->n_tokens, writer->chunk_edge);
    size_t element_bytes = rkv_trace_storages[writer->dtype].bytes;
    size_t raw_bytes = writer->chunk_edge * writer->chunk_edge * element_bytes;
    rkv_first_failure failure = {0};
#pragma omp parallel
    {
        rkv_chunk_packer packer;
        rkv_first_failure_note(&failure, rkv_chunk_packer_open(&packer, raw_bytes, element_bytes));
#pragma omp for ordered schedule(dynamic)
        for (size_t i = 0; i < n; i++) {
            chunk_place at = place_of(writer, i);
            if (!rkv_first_failure_seen(&failure)) {
                gather(writer, layer->attention, at, packer.raw);
                rkv_first_failure_note(&failure, rkv_chunk_pack(&packer));
            }
#pragma omp ordered
            if (!rkv_first_failure_seen(&failure))
                rkv_first_failure_note(&failure, write_chunk(writer, layer->index, at, &packer));
        }
        rkv_chunk_packer_close(&packer);
    }
    return rkv_first_failure_raise(&failure);
}

rkv_status rkv_trace_write_layer(void *user, const rkv_layer *layer) {
    rkv_trace_writer *writer = user;
    if (layer->n_layers != writer->n_layers || layer->n_heads != writer->n_heads ||
        layer->n_tokens != writer->n_tokens)
        return rkv_fail(RKV_USAGE,
                        "%s: a layer of [%zu layers, %zu heads, %zu tokens] in a trace of [%zu, %zu, %zu]",
                        writer->output.path, layer->n_layers, layer->n_heads, layer->n_tokens,
                        writer->n_layers, writer->n_heads, writer->n_tokens);
    if (layer->index != writer->next_layer || !layer->attention)
        return rkv_fail(RKV_USAGE, "%s: layer %zu %s, layer %zu is expected", writer->output.path,
                        layer->index, layer->attention ? "came" : "came without attention",
                        writer->next_layer);
    rkv_status status = write_chunks(writer, layer);
    if (!status) writer->next_layer++;
    return status;
}
