/* trace_read_head.c: the attention of one head, read from where the inspection found it and unpacked in
 * threads. */
#include <errno.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/fail.h"
#include "core/half.h"
#include "core/memory.h"
#include "io/trace_reader.h"

/* All threads together unpack chunks in about this much memory. */
#define UNPACK_MEMORY ((size_t)512 << 20)
/* Contiguous storage is read in pieces of this many bytes. */
#define PIECE_BYTES   ((size_t)1 << 20)

static rkv_status read_at(const rkv_trace *trace, uint64_t address, size_t length, void *bytes) {
    char *rest = bytes;
    if (address > trace->file_bytes || length > trace->file_bytes - address)
        return rkv_fail(RKV_DATA, "%zu bytes at %llu, the file has %llu", length, (unsigned long long)address,
                        (unsigned long long)trace->file_bytes);
    while (length > 0) {
        ssize_t n = pread(trace->descriptor, rest, length, (off_t)address);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return rkv_fail_errno(RKV_IO, errno, "cannot read");
        if (n == 0) return rkv_fail(RKV_DATA, "the file was cut while it was read");
        rest += n;
        address += (uint64_t)n;
        length -= (size_t)n;
    }
    return RKV_OK;
}

/* n stored elements to float32; the file's order of bytes is little-endian, as that of every host RankKV runs
 * on. */
static void convert(const unsigned char *elements, size_t element_bytes, float *values, size_t n) {
    if (element_bytes == 2) {
        rkv_halves_to_floats((const uint16_t *)elements, values, n);
    } else if (element_bytes == 4) {
        memcpy(values, elements, n * sizeof *values);
    } else {
        for (size_t i = 0; i < n; i++)
            values[i] = (float)((const double *)elements)[i];
    }
}

static void fill(float *values, size_t n, float value) {
    for (size_t i = 0; i < n; i++)
        values[i] = value;
}

/* The head is T * T elements in a row. */
static rkv_status read_contiguous(const rkv_trace *trace, size_t layer, size_t head, float *attention) {
    const rkv_trace_facts *facts = &trace->contents.facts;
    size_t bytes = facts->form.element_bytes, n = facts->n_tokens * facts->n_tokens,
           step = PIECE_BYTES / bytes;
    if (facts->address == RKV_TRACE_ABSENT) {
        fill(attention, n, facts->fill);
        return RKV_OK;
    }
    uint64_t address = (layer * facts->info.n_heads + head) * n * bytes; /* checked when it was opened */
    if (__builtin_add_overflow(address, facts->address, &address))
        return rkv_fail(RKV_DATA, "it begins at %llu", (unsigned long long)facts->address);
    unsigned char *piece = NULL;
    rkv_status status = rkv_alloc_raw(&piece, PIECE_BYTES, 1);
    for (size_t i = 0; i < n && !status; i += step) {
        size_t count = n - i < step ? n - i : step;
        status = read_at(trace, address + i * bytes, count * bytes, piece);
        if (!status) convert(piece, bytes, attention + i, count);
    }
    free(piece);
    return status;
}

/* The part of a chunk that belongs to one head: its first query and key, its extent, and where its first
 * element lies in the chunk. */
typedef struct tile {
    size_t index; /* of the chunk in the grid */
    size_t query, key, rows, cols;
    size_t first;
} tile;

/* The i-th tile of a head; the tiles cover [T, T] row by row. */
static tile tile_of(const rkv_trace_facts *facts, size_t layer, size_t head, size_t i) {
    const size_t *chunk = facts->chunk, n = facts->n_tokens;
    size_t across = (n - 1) / chunk[3] + 1, down = (n - 1) / chunk[2] + 1;
    size_t heads = (facts->info.n_heads - 1) / chunk[1] + 1;
    tile t = {.query = i / across * chunk[2], .key = i % across * chunk[3]};
    t.index = (layer / chunk[0] * heads + head / chunk[1]) * down * across + i;
    t.rows = n - t.query < chunk[2] ? n - t.query : chunk[2];
    t.cols = n - t.key < chunk[3] ? n - t.key : chunk[3];
    t.first = (layer % chunk[0] * chunk[1] + head % chunk[1]) * chunk[2] * chunk[3];
    return t;
}

static rkv_status read_tile(const rkv_trace *trace, const tile *t, rkv_chunk_unpacker *unpacker,
                            float *attention) {
    const rkv_trace_facts *facts = &trace->contents.facts;
    const rkv_trace_chunk *chunk = &trace->contents.chunks[t->index];
    size_t n = facts->n_tokens, bytes = facts->form.element_bytes;
    const unsigned char *raw = NULL;
    if (chunk->address != RKV_TRACE_ABSENT) {
        size_t limit = rkv_chunk_packed_limit(&facts->form);
        if (chunk->bytes > limit)
            return rkv_fail(RKV_DATA, "chunk at %llu: %u bytes exceed the %zu that it can need",
                            (unsigned long long)chunk->address, (unsigned)chunk->bytes, limit);
        rkv_status status = read_at(trace, chunk->address, chunk->bytes, unpacker->packed);
        if (!status) status = rkv_chunk_unpack(unpacker, chunk->bytes, chunk->skipped, &raw);
        if (status) return rkv_fail_within(status, "chunk at %llu", (unsigned long long)chunk->address);
    }
    for (size_t i = 0; i < t->rows; i++) {
        float *row = attention + (t->query + i) * n + t->key;
        if (raw)
            convert(raw + (t->first + i * facts->chunk[3]) * bytes, bytes, row, t->cols);
        else
            fill(row, t->cols, facts->fill);
    }
    return RKV_OK;
}

/* Threads for n tiles whose buffers stay within UNPACK_MEMORY. */
static int thread_count(const rkv_chunk_form *form, size_t n) {
    size_t most = UNPACK_MEMORY / (3 * rkv_chunk_packed_limit(form)), threads = (size_t)omp_get_max_threads();
    if (threads > most) threads = most;
    if (threads > n) threads = n;
    return threads ? (int)threads : 1;
}

static rkv_status read_chunked(const rkv_trace *trace, size_t layer, size_t head, float *attention) {
    const rkv_trace_facts *facts = &trace->contents.facts;
    size_t n = ((facts->n_tokens - 1) / facts->chunk[2] + 1) * ((facts->n_tokens - 1) / facts->chunk[3] + 1);
    rkv_first_failure failure = {0};
#pragma omp parallel num_threads(thread_count(&facts->form, n))
    {
        rkv_chunk_unpacker unpacker;
        rkv_first_failure_note(&failure, rkv_chunk_unpacker_open(&unpacker, &facts->form));
#pragma omp for schedule(dynamic)
        for (size_t i = 0; i < n; i++) {
            tile t = tile_of(facts, layer, head, i);
            if (!rkv_first_failure_seen(&failure))
                rkv_first_failure_note(&failure, read_tile(trace, &t, &unpacker, attention));
        }
        rkv_chunk_unpacker_close(&unpacker);
    }
    return rkv_first_failure_raise(&failure);
}

rkv_status rkv_trace_read_head(const rkv_trace *trace, size_t layer, size_t head, float *attention) {
    const rkv_trace_facts *facts = &trace->contents.facts;
    if (layer >= facts->info.n_layers || head >= facts->info.n_heads)
        return rkv_fail(RKV_USAGE, "%s: there is no layer %zu, head %zu in [%zu layers, %zu heads]",
                        trace->path, layer, head, facts->info.n_layers, facts->info.n_heads);
    rkv_status status = facts->chunked ? read_chunked(trace, layer, head, attention)
                                       : read_contiguous(trace, layer, head, attention);
    if (!status) return RKV_OK;
    return rkv_fail_within(status, "%s: dataset attention[%zu, %zu]", trace->path, layer, head);
}
