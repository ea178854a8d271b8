/* stored_array.c: the limits that a stored array is held to before anything of its size is allocated, and its
 * elements, read from where the inspection found them. */
#include "io/stored_array.h"

#include <errno.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/fail.h"
#include "core/memory.h"

/* ---- limits ---- */

static rkv_status check_form(const rkv_chunk_form *form, const char *name) {
    if (form->element_bytes != 2 && form->element_bytes != 4 && form->element_bytes != 8)
        return rkv_fail(RKV_DATA, "dataset %s: elements of %zu bytes; float16, float32 and float64 are read",
                        name, form->element_bytes);
    if (form->n_filters > RKV_ARRAY_MAX_FILTERS)
        return rkv_fail(RKV_DATA, "dataset %s: %zu filters exceed the limit of %u", name, form->n_filters,
                        RKV_ARRAY_MAX_FILTERS);
    for (size_t i = 0; i < form->n_filters; i++)
        if (form->filter[i] < RKV_FILTER_DEFLATE || form->filter[i] > RKV_FILTER_FLETCHER32)
            return rkv_fail(RKV_DATA,
                            "dataset %s: filter number %d; shuffle, deflate and fletcher32 are read", name,
                            form->filter[i]);
    return RKV_OK;
}

/* All elements must be countable in bytes, whether they are stored or not. */
static rkv_status check_product(const rkv_stored_array *array, const char *name) {
    size_t bytes = array->form.element_bytes;
    bool fits = true;
    for (int i = 0; i < RKV_ARRAY_AXES; i++)
        fits = fits && rkv_multiply(bytes, array->shape[i], &bytes);
    if (fits && bytes <= INT64_MAX) return RKV_OK;
    return rkv_fail(RKV_DATA, "dataset %s: [%zu, %zu, %zu, %zu] elements are more than an address holds",
                    name, array->shape[0], array->shape[1], array->shape[2], array->shape[3]);
}

static rkv_status check_chunks(rkv_stored_array *array, const char *name) {
    size_t bytes = array->form.element_bytes, n = 1;
    for (int i = 0; i < RKV_ARRAY_AXES; i++) {
        if (array->chunk[i] < 1 || !rkv_multiply(bytes, array->chunk[i], &bytes) ||
            bytes > RKV_ARRAY_MAX_CHUNK_SIZE)
            return rkv_fail(RKV_DATA, "dataset %s: a chunk takes more than %u bytes", name,
                            RKV_ARRAY_MAX_CHUNK_SIZE);
        size_t along = (array->shape[i] - 1) / array->chunk[i] + 1;
        if (!rkv_multiply(n, along, &n) || n > RKV_ARRAY_MAX_CHUNKS)
            return rkv_fail(RKV_DATA, "dataset %s: more than %u chunks", name, RKV_ARRAY_MAX_CHUNKS);
    }
    array->form.raw_bytes = bytes;
    array->n_chunks = n;
    return RKV_OK;
}

rkv_status rkv_stored_array_check(rkv_stored_array *array, const char *name) {
    rkv_status status = check_form(&array->form, name);
    for (int i = 0; i < RKV_ARRAY_AXES && !status; i++)
        if (array->shape[i] == 0) status = rkv_fail(RKV_DATA, "dataset %s: axis %d has no entries", name, i);
    if (!status) status = check_product(array, name);
    array->n_chunks = 0;
    return status || !array->chunked ? status : check_chunks(array, name);
}

/* ---- bytes of the file ---- */

/* All threads together unpack chunks in about this much memory. */
#define UNPACK_MEMORY ((size_t)512 << 20)
/* Contiguous storage is read in pieces of this many bytes. */
#define PIECE_BYTES   ((size_t)1 << 20)

static rkv_status read_at(const rkv_stored_file *file, uint64_t address, size_t length, void *bytes) {
    char *rest = bytes;
    if (address > file->bytes || length > file->bytes - address)
        return rkv_fail(RKV_DATA, "%zu bytes at %llu, the file has %llu", length, (unsigned long long)address,
                        (unsigned long long)file->bytes);
    while (length > 0) {
        ssize_t n = pread(file->descriptor, rest, length, (off_t)address);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return rkv_fail_errno(RKV_IO, errno, "cannot read");
        if (n == 0) return rkv_fail(RKV_DATA, "the file was cut while it was read");
        rest += n;
        address += (uint64_t)n;
        length -= (size_t)n;
    }
    return RKV_OK;
}

/* ---- rows of a box ---- */

/* Place of an element in an array of a shape, row-major. */
static size_t place_of(const size_t at[RKV_ARRAY_AXES], const size_t shape[RKV_ARRAY_AXES]) {
    size_t place = 0;
    for (int i = 0; i < RKV_ARRAY_AXES; i++)
        place = place * shape[i] + at[i];
    return place;
}

/* The next row (run along the last axis) of a part [count] of an array; false past the last. */
static bool next_row(size_t at[RKV_ARRAY_AXES], const size_t count[RKV_ARRAY_AXES]) {
    for (int i = RKV_ARRAY_AXES - 2; i >= 0; i--) {
        if (++at[i] < count[i]) return true;
        at[i] = 0;
    }
    return false;
}

static char *value_at(const rkv_stored_box *box, const size_t at[RKV_ARRAY_AXES]) {
    return (char *)box->out + place_of(at, box->count) * box->value_bytes;
}

/* n values of the fill value. */
static void fill(const rkv_stored_array *array, const rkv_stored_box *box, char *out, size_t n) {
    box->convert(array->fill, array->form.element_bytes, out, 1);
    for (size_t i = 1; i < n; i++)
        memcpy(out + i * box->value_bytes, out, box->value_bytes);
}

/* ---- contiguous storage ---- */

/* Elements [first, first + n) of the array to out. */
static rkv_status read_run(const rkv_stored_file *file, const rkv_stored_array *array,
                           const rkv_stored_box *box, size_t first, size_t n, char *out,
                           unsigned char *piece) {
    size_t bytes = array->form.element_bytes, step = PIECE_BYTES / bytes;
    uint64_t address = first * bytes; /* checked when it was opened */
    if (__builtin_add_overflow(address, array->address, &address))
        return rkv_fail(RKV_DATA, "it begins at %llu", (unsigned long long)array->address);
    rkv_status status = RKV_OK;
    for (size_t i = 0; i < n && !status; i += step) {
        size_t count = n - i < step ? n - i : step;
        status = read_at(file, address + i * bytes, count * bytes, piece);
        if (!status) box->convert(piece, bytes, out + i * box->value_bytes, count);
    }
    return status;
}

/* Rows that lie one after the other in the file and in the box are one run. */
static rkv_status read_contiguous(const rkv_stored_file *file, const rkv_stored_array *array,
                                  const rkv_stored_box *box) {
    size_t count[RKV_ARRAY_AXES], at[RKV_ARRAY_AXES] = {0}, run = 1;
    bool whole = true; /* the axes after this one are read as a whole */
    unsigned char *piece = NULL;
    rkv_status status = rkv_alloc_raw(&piece, PIECE_BYTES, 1);
    for (int i = RKV_ARRAY_AXES - 1; i >= 0; i--) {
        count[i] = whole ? 1 : box->count[i];
        if (whole) run *= box->count[i];
        whole = whole && box->count[i] == array->shape[i];
    }
    do {
        size_t place[RKV_ARRAY_AXES];
        for (int i = 0; i < RKV_ARRAY_AXES; i++)
            place[i] = box->first[i] + at[i];
        if (array->address == RKV_ARRAY_ABSENT)
            fill(array, box, value_at(box, at), run);
        else if (!status)
            status = read_run(file, array, box, place_of(place, array->shape), run, value_at(box, at), piece);
    } while (!status && next_row(at, count));
    free(piece);
    return status;
}

/* ---- chunked storage ---- */

/* The chunks that a box touches: along each axis from `first`, `count` of them. */
typedef struct grid {
    size_t first[RKV_ARRAY_AXES], count[RKV_ARRAY_AXES], all[RKV_ARRAY_AXES], n;
} grid;

static grid grid_of(const rkv_stored_array *array, const rkv_stored_box *box) {
    grid g = {.n = 1};
    for (int i = 0; i < RKV_ARRAY_AXES; i++) {
        g.all[i] = (array->shape[i] - 1) / array->chunk[i] + 1;
        g.first[i] = box->first[i] / array->chunk[i];
        g.count[i] = (box->first[i] + box->count[i] - 1) / array->chunk[i] + 1 - g.first[i];
        g.n *= g.count[i];
    }
    return g;
}

/* What a chunk and a box have in common: where it begins in either, and its extent. */
typedef struct tile {
    size_t index; /* of the chunk */
    size_t in_chunk[RKV_ARRAY_AXES], in_box[RKV_ARRAY_AXES], count[RKV_ARRAY_AXES];
} tile;

static tile tile_of(const rkv_stored_array *array, const rkv_stored_box *box, const grid *g, size_t index) {
    tile t;
    size_t chunk[RKV_ARRAY_AXES];
    for (int i = RKV_ARRAY_AXES - 1; i >= 0; i--) {
        chunk[i] = g->first[i] + index % g->count[i];
        index /= g->count[i];
        size_t begin = chunk[i] * array->chunk[i], end = begin + array->chunk[i];
        size_t box_end = box->first[i] + box->count[i];
        size_t from = begin > box->first[i] ? begin : box->first[i], to = end < box_end ? end : box_end;
        t.in_chunk[i] = from - begin;
        t.in_box[i] = from - box->first[i];
        t.count[i] = to - from;
    }
    t.index = place_of(chunk, g->all);
    return t;
}

/* *raw = the elements of a chunk; NULL when it was never written. */
static rkv_status unpack(const rkv_stored_file *file, const rkv_stored_array *array,
                         const rkv_stored_chunk *chunk, rkv_chunk_unpacker *unpacker,
                         const unsigned char **raw) {
    size_t limit = rkv_chunk_packed_limit(&array->form);
    *raw = NULL;
    if (chunk->address == RKV_ARRAY_ABSENT) return RKV_OK;
    if (chunk->bytes > limit)
        return rkv_fail(RKV_DATA, "chunk at %llu: %u bytes exceed the %zu that it can need",
                        (unsigned long long)chunk->address, (unsigned)chunk->bytes, limit);
    rkv_status status = read_at(file, chunk->address, chunk->bytes, unpacker->packed);
    if (!status) status = rkv_chunk_unpack(unpacker, chunk->bytes, chunk->skipped, raw);
    return status ? rkv_fail_within(status, "chunk at %llu", (unsigned long long)chunk->address) : RKV_OK;
}

static rkv_status read_tile(const rkv_stored_file *file, const rkv_stored_array *array,
                            const rkv_stored_chunk *chunks, const rkv_stored_box *box, const tile *t,
                            rkv_chunk_unpacker *unpacker) {
    const unsigned char *raw;
    size_t at[RKV_ARRAY_AXES] = {0}, row = t->count[RKV_ARRAY_AXES - 1], bytes = array->form.element_bytes;
    rkv_status status = unpack(file, array, &chunks[t->index], unpacker, &raw);
    if (status) return status;
    do {
        size_t from[RKV_ARRAY_AXES], to[RKV_ARRAY_AXES];
        for (int i = 0; i < RKV_ARRAY_AXES; i++) {
            from[i] = t->in_chunk[i] + at[i];
            to[i] = t->in_box[i] + at[i];
        }
        if (raw)
            box->convert(raw + place_of(from, array->chunk) * bytes, bytes, value_at(box, to), row);
        else
            fill(array, box, value_at(box, to), row);
    } while (next_row(at, t->count));
    return RKV_OK;
}

/* Threads for n tiles whose buffers stay within UNPACK_MEMORY. */
static int thread_count(const rkv_chunk_form *form, size_t n) {
    size_t most = UNPACK_MEMORY / (3 * rkv_chunk_packed_limit(form)), threads = (size_t)omp_get_max_threads();
    if (threads > most) threads = most;
    if (threads > n) threads = n;
    return threads ? (int)threads : 1;
}

static rkv_status read_chunked(const rkv_stored_file *file, const rkv_stored_array *array,
                               const rkv_stored_chunk *chunks, const rkv_stored_box *box) {
    grid g = grid_of(array, box);
    rkv_first_failure failure = {0};
#pragma omp parallel num_threads(thread_count(&array->form, g.n))
    {
        rkv_chunk_unpacker unpacker;
        rkv_first_failure_note(&failure, rkv_chunk_unpacker_open(&unpacker, &array->form));
#pragma omp for schedule(dynamic)
        for (size_t i = 0; i < g.n; i++) {
            tile t = tile_of(array, box, &g, i);
            if (!rkv_first_failure_seen(&failure))
                rkv_first_failure_note(&failure, read_tile(file, array, chunks, box, &t, &unpacker));
        }
        rkv_chunk_unpacker_close(&unpacker);
    }
    return rkv_first_failure_raise(&failure);
}

rkv_status rkv_stored_array_read(const rkv_stored_file *file, const rkv_stored_array *array,
                                 const rkv_stored_chunk *chunks, const rkv_stored_box *box) {
    return array->chunked ? read_chunked(file, array, chunks, box) : read_contiguous(file, array, box);
}
