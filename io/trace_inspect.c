/* trace_inspect.c: the layout of a foreign trace.h5, through HDF5, in a process that ends afterwards. */
#include "io/trace_inspect.h"

#include <stdlib.h>
#include <string.h>

#include "core/fail.h"
#include "core/memory.h"
#include "core/text.h"
#include "io/hdf5_driver.h"
#include "io/trace_attributes.h"

/* ---- datasets ---- */

/* A dataset that passed the checks of what may be followed. */
typedef struct dataset {
    const char *name;
    hid_t id, type, creation;
    int rank;
    hsize_t shape[4];
    H5D_layout_t layout;
} dataset;

/* Only hard links are followed: others lead to places that the file's author chose, other files included. */
static rkv_status open_object(hid_t file, const char *name, bool *present, hid_t *id) {
    H5L_info_t link;
    htri_t exists = H5Lexists(file, name, H5P_DEFAULT);
    *present = exists > 0;
    if (exists < 0) return rkv_hdf5_fail(RKV_DATA, "cannot look up");
    if (!exists) return RKV_OK;
    if (H5Lget_info(file, name, &link, H5P_DEFAULT) < 0)
        return rkv_hdf5_fail(RKV_DATA, "cannot read its link");
    if (link.type != H5L_TYPE_HARD)
        return rkv_fail(RKV_DATA, "is %s link; only hard links are followed",
                        link.type == H5L_TYPE_SOFT       ? "a soft"
                        : link.type == H5L_TYPE_EXTERNAL ? "an external"
                                                         : "a user-defined");
    *id = H5Oopen(file, name, H5P_DEFAULT);
    if (*id < 0) return rkv_hdf5_fail(RKV_DATA, "cannot open");
    return H5Iget_type(*id) == H5I_DATASET ? RKV_OK : rkv_fail(RKV_DATA, "is no dataset");
}

static rkv_status check_storage(dataset *d) {
    d->creation = H5Dget_create_plist(d->id);
    d->type = H5Dget_type(d->id);
    if (d->creation < 0 || d->type < 0) return rkv_hdf5_fail(RKV_DATA, "cannot read its description");
    d->layout = H5Pget_layout(d->creation);
    if (d->layout != H5D_COMPACT && d->layout != H5D_CONTIGUOUS && d->layout != H5D_CHUNKED)
        return rkv_fail(RKV_DATA, "%s storage; compact, contiguous and chunked are read",
                        d->layout == H5D_VIRTUAL ? "virtual" : "unknown");
    int n_external = H5Pget_external_count(d->creation);
    if (n_external) return rkv_fail(RKV_DATA, "external storage in %d files is not read", n_external);
    int n_filters = d->layout == H5D_CHUNKED ? H5Pget_nfilters(d->creation) : 0;
    if (n_filters < 0 || n_filters > (int)RKV_TRACE_MAX_FILTERS)
        return rkv_fail(RKV_DATA, "%d filters exceed the limit of %u", n_filters, RKV_TRACE_MAX_FILTERS);
    for (int i = 0; i < n_filters; i++) {
        H5Z_filter_t filter = H5Pget_filter2(d->creation, (unsigned)i, NULL, NULL, NULL, 0, NULL, NULL);
        if (filter < RKV_FILTER_DEFLATE || filter > RKV_FILTER_FLETCHER32)
            return rkv_fail(RKV_DATA, "filter number %d; shuffle, deflate and fletcher32 are read", filter);
    }
    return RKV_OK;
}

static rkv_status check_rank(dataset *d, int rank) {
    hid_t space = H5Dget_space(d->id);
    if (space < 0) return rkv_hdf5_fail(RKV_DATA, "cannot read its shape");
    d->rank = H5Sget_simple_extent_type(space) == H5S_SIMPLE ? H5Sget_simple_extent_ndims(space) : 0;
    if (d->rank != rank) return rkv_fail(RKV_DATA, "has %d axes instead of %d", d->rank, rank);
    if (H5Sget_simple_extent_dims(space, d->shape, NULL) < 0)
        return rkv_hdf5_fail(RKV_DATA, "cannot read its shape");
    return RKV_OK;
}

/* d->id is 0 when there is none of that name. */
static rkv_status open_dataset(dataset *d, hid_t file, const char *name, int rank) {
    bool present;
    *d = (dataset){.name = name};
    rkv_status status = open_object(file, name, &present, &d->id);
    if (!status && present) status = check_storage(d);
    if (!status && present) status = check_rank(d, rank);
    return status ? rkv_fail_within(status, "dataset %s", name) : RKV_OK;
}

static rkv_status check_shape(const dataset *d, const size_t *shape) {
    for (int i = 0; i < d->rank; i++)
        if (d->shape[i] != shape[i])
            return rkv_fail(RKV_DATA, "dataset %s: axis %d has %llu entries, the attention asks for %zu",
                            d->name, i, (unsigned long long)d->shape[i], shape[i]);
    return RKV_OK;
}

/* ---- attention ---- */

/* 2, 4 or 8 for the three IEEE types in little-endian order, 0 for all others. */
static size_t float_bytes(hid_t type) {
    if (H5Tequal(type, rkv_hdf5_half_type()) > 0) return 2;
    if (H5Tequal(type, H5T_IEEE_F32LE) > 0) return 4;
    return H5Tequal(type, H5T_IEEE_F64LE) > 0 ? 8 : 0;
}

static rkv_status get_chunking(const dataset *d, rkv_trace_facts *facts) {
    hsize_t chunk[4];
    unsigned options = 0;
    if (H5Pget_chunk(d->creation, 4, chunk) != 4 || H5Pget_chunk_opts(d->creation, &options) < 0)
        return rkv_hdf5_fail(RKV_DATA, "dataset attention: cannot read the shape of a chunk");
    if (options & H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS)
        return rkv_fail(RKV_DATA, "dataset attention: unfiltered partial chunks are not read");
    for (int i = 0; i < 4; i++)
        facts->chunk[i] = chunk[i];
    facts->chunked = true;
    facts->form.n_filters = (size_t)H5Pget_nfilters(d->creation);
    for (unsigned i = 0; i < facts->form.n_filters; i++)
        facts->form.filter[i] = H5Pget_filter2(d->creation, i, NULL, NULL, NULL, 0, NULL, NULL);
    return RKV_OK;
}

static rkv_status get_attention(hid_t file, dataset *d, rkv_trace_facts *facts) {
    rkv_status status = open_dataset(d, file, "attention", 4);
    if (status) return status;
    if (!d->id) return rkv_fail(RKV_DATA, "no dataset attention: not a trace");
    if (d->shape[2] != d->shape[3])
        return rkv_fail(RKV_DATA, "dataset attention: %llu queries but %llu keys",
                        (unsigned long long)d->shape[2], (unsigned long long)d->shape[3]);
    facts->info.n_layers = d->shape[0];
    facts->info.n_heads = d->shape[1];
    facts->n_tokens = d->shape[2];
    facts->form.element_bytes = float_bytes(d->type);
    if (!facts->form.element_bytes)
        return rkv_fail(RKV_DATA,
                        "dataset attention: its type is not float16, float32 or float64, little-endian");
    H5D_fill_value_t fill;
    if (H5Pfill_value_defined(d->creation, &fill) >= 0 && fill != H5D_FILL_VALUE_UNDEFINED &&
        H5Pget_fill_value(d->creation, H5T_NATIVE_FLOAT, &facts->fill) < 0)
        return rkv_hdf5_fail(RKV_DATA, "dataset attention: cannot read its fill value");
    if (d->layout == H5D_CHUNKED) return get_chunking(d, facts);
    if (d->layout == H5D_COMPACT)
        return rkv_fail(RKV_DATA, "dataset attention: compact storage; contiguous and chunked are read");
    haddr_t address = H5Dget_offset(d->id);
    facts->address = address == HADDR_UNDEF ? RKV_TRACE_ABSENT : address;
    return RKV_OK;
}

/* The walk ends with the cause. */
static herr_t note_absence(unsigned depth, const H5E_error2_t *error, void *absent) {
    (void)depth;
    *(bool *)absent = error->desc && strcmp(error->desc, "chunk storage is not allocated") == 0;
    return 0;
}

/* *bytes = what the chunk at a place takes in the file, 0 when it was never written. HDF5 calls that an
 * error, which differs from a damaged index in its words only. */
static rkv_status chunk_bytes(const dataset *d, const hsize_t *at, hsize_t *bytes) {
    bool absent = false;
    *bytes = 0;
    if (H5Dget_chunk_storage_size(d->id, at, bytes) >= 0) return RKV_OK;
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, note_absence, &absent);
    return absent ? RKV_OK : rkv_hdf5_fail(RKV_DATA, "cannot be found");
}

/* Where the chunk at a place lies. HDF5 has a question for that, but 1.10 answers it by going through all
 * chunks each time; so the chunk is read instead, and the driver notes the address. */
static rkv_status find_chunk(const dataset *d, const hsize_t *at, rkv_hdf5_stream *stream, size_t limit,
                             void *buffer, rkv_trace_chunk *out) {
    hsize_t bytes = 0;
    *out = (rkv_trace_chunk){.address = RKV_TRACE_ABSENT};
    stream->raw_address = HADDR_UNDEF;
    rkv_status status = chunk_bytes(d, at, &bytes);
    if (status || !bytes) return status;
    if (bytes > limit)
        return rkv_fail(RKV_DATA, "%llu bytes exceed the %zu that it can need", (unsigned long long)bytes,
                        limit);
    if (H5Dread_chunk(d->id, H5P_DEFAULT, at, &out->skipped, buffer) < 0 ||
        stream->raw_address == HADDR_UNDEF)
        return rkv_hdf5_fail(RKV_DATA, "cannot be found");
    out->address = stream->raw_address;
    out->bytes = (uint32_t)bytes;
    return RKV_OK;
}

static rkv_status get_chunks(const dataset *d, rkv_hdf5_stream *stream, rkv_trace_contents *out) {
    const rkv_trace_facts *facts = &out->facts;
    size_t limit = rkv_chunk_packed_limit(&facts->form);
    void *buffer = NULL;
    hsize_t at[4] = {0};
    rkv_status status = rkv_alloc_raw(&out->chunks, facts->n_chunks, sizeof *out->chunks);
    if (!status) status = rkv_alloc_raw(&buffer, limit, 1);
    stream->note_raw = true;
    for (size_t i = 0; i < facts->n_chunks && !status; i++) {
        status = find_chunk(d, at, stream, limit, buffer, &out->chunks[i]);
        if (status)
            status = rkv_fail_within(status, "dataset attention: chunk at [%llu, %llu, %llu, %llu]",
                                     (unsigned long long)at[0], (unsigned long long)at[1],
                                     (unsigned long long)at[2], (unsigned long long)at[3]);
        for (int k = 3; k >= 0; k--) { /* the next place of the grid, the last axis fastest */
            at[k] += facts->chunk[k];
            if (at[k] < d->shape[k] || k == 0) break;
            at[k] = 0;
        }
    }
    stream->note_raw = false;
    free(buffer);
    return status;
}

/* ---- what stands beside it ---- */

static rkv_status get_tokens(hid_t file, rkv_trace_contents *out) {
    dataset d;
    size_t n = out->facts.n_tokens;
    rkv_status status = open_dataset(&d, file, "tokens", 1);
    if (status || !d.id) return status;
    status = check_shape(&d, &n);
    if (!status && H5Tget_class(d.type) != H5T_INTEGER)
        status = rkv_fail(RKV_DATA, "dataset tokens: its type is no integer");
    if (!status) status = rkv_alloc_raw(&out->tokens, n, sizeof *out->tokens);
    if (!status && H5Dread(d.id, H5T_NATIVE_INT32, H5S_ALL, H5S_ALL, H5P_DEFAULT, out->tokens) < 0)
        status = rkv_hdf5_fail(RKV_DATA, "dataset tokens: cannot read");
    out->facts.has_tokens = true;
    return status;
}

static rkv_status get_erank(hid_t file, rkv_trace_contents *out) {
    dataset d;
    const size_t shape[] = {out->facts.info.n_layers, out->facts.info.n_heads};
    rkv_status status = open_dataset(&d, file, "effective_rank", 2);
    if (status || !d.id) return status;
    status = check_shape(&d, shape);
    if (!status && H5Tget_class(d.type) != H5T_FLOAT)
        status = rkv_fail(RKV_DATA, "dataset effective_rank: its type is no floating-point number");
    if (!status) status = rkv_alloc_raw(&out->erank, shape[0] * shape[1], sizeof *out->erank);
    if (!status && H5Dread(d.id, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, out->erank) < 0)
        status = rkv_hdf5_fail(RKV_DATA, "dataset effective_rank: cannot read");
    out->facts.has_erank = true;
    return status;
}

/* HDF5 asks here for the memory of each variable-length string: together they stay within the limit. */
static void *allocate_string(size_t bytes, void *remaining) {
    size_t *left = remaining;
    if (bytes > *left) return NULL;
    *left -= bytes;
    return malloc(bytes);
}

static void free_string(void *string, void *remaining) {
    (void)remaining;
    free(string);
}

/* n strings of `bytes` bytes each, or n pointers to strings, into T printable strings one after another. */
static rkv_status join_strings(const char *values, size_t bytes, bool variable, rkv_trace_contents *out) {
    rkv_text text = {0};
    for (size_t i = 0; i < out->facts.n_tokens; i++) {
        const char *string = values + i * bytes;
        if (variable) memcpy(&string, values + i * bytes, sizeof string);
        if (string) rkv_text_add_printable(&text, string, strlen(string));
        rkv_text_add(&text, "", 1);
    }
    out->facts.text_bytes = text.length;
    out->facts.has_text = true;
    return rkv_text_finish(&text, &out->text);
}

static rkv_status read_text(const dataset *d, rkv_trace_contents *out) {
    size_t n = out->facts.n_tokens, bytes, left = RKV_TRACE_MAX_TEXT;
    hid_t memory = rkv_trace_string_type(d->type, &bytes), transfer = H5Pcreate(H5P_DATASET_XFER);
    char *values = NULL;
    if (bytes > RKV_TRACE_MAX_TEXT / n)
        return rkv_fail(RKV_DATA, "dataset token_text: %zu strings of %zu bytes exceed the limit of %zu", n,
                        bytes, RKV_TRACE_MAX_TEXT);
    H5Pset_vlen_mem_manager(transfer, allocate_string, &left, free_string, &left);
    rkv_status status = rkv_alloc(&values, n, bytes);
    if (!status && H5Dread(d->id, memory, H5S_ALL, H5S_ALL, transfer, values) < 0)
        status = rkv_hdf5_fail(RKV_DATA, "dataset token_text: cannot read, or it exceeds %zu bytes",
                               RKV_TRACE_MAX_TEXT);
    if (!status) status = join_strings(values, bytes, H5Tis_variable_str(d->type) > 0, out);
    free(values);
    return status;
}

static rkv_status get_text(hid_t file, rkv_trace_contents *out) {
    dataset d;
    rkv_status status = open_dataset(&d, file, "token_text", 1);
    if (status || !d.id) return status;
    status = check_shape(&d, &out->facts.n_tokens);
    if (!status && H5Tget_class(d.type) != H5T_STRING)
        status = rkv_fail(RKV_DATA, "dataset token_text: its type is no string");
    return status ? status : read_text(&d, out);
}

/* ---- the whole ---- */

static rkv_status open_file(rkv_hdf5_stream *stream, hid_t *file) {
    hsize_t user_block = 0;
    H5PLset_loading_state(0); /* a file names filters and drivers; none is loaded for it */
    *file = H5Fopen("trace", H5F_ACC_RDONLY, rkv_hdf5_stream_access(stream));
    if (*file < 0) return rkv_hdf5_fail(RKV_DATA, "not an HDF5 file, or a damaged one");
    if (H5Pget_userblock(H5Fget_create_plist(*file), &user_block) < 0 || user_block)
        return rkv_fail(RKV_DATA, "a user block of %llu bytes is not read", (unsigned long long)user_block);
    return RKV_OK;
}

rkv_status rkv_trace_inspect_here(rkv_trace_contents *out, int descriptor) {
    rkv_hdf5_stream stream = {.descriptor = descriptor};
    dataset attention;
    hid_t file;
    rkv_status status = open_file(&stream, &file);
    if (!status) status = rkv_trace_check_schema(file);
    if (!status) status = get_attention(file, &attention, &out->facts);
    if (!status) status = rkv_trace_get_model(file, &out->facts);
    if (!status) status = rkv_trace_facts_check(&out->facts);
    if (!status && out->facts.chunked) status = get_chunks(&attention, &stream, out);
    if (!status) status = get_tokens(file, out);
    if (!status) status = get_text(file, out);
    if (!status) status = get_erank(file, out);
    return status;
}
