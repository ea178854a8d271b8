/* hdf5_dataset.c: the datasets of a foreign file, through HDF5, in a process that ends afterwards. */
#include "io/hdf5_dataset.h"

#include <stdlib.h>
#include <string.h>

#include "core/fail.h"
#include "core/memory.h"

rkv_status rkv_hdf5_open_foreign(rkv_hdf5_stream *stream, hid_t *file) {
    hsize_t user_block = 0;
    H5PLset_loading_state(0); /* a file names filters and drivers; none is loaded for it */
    *file = H5Fopen("foreign", H5F_ACC_RDONLY, rkv_hdf5_stream_access(stream));
    if (*file < 0) return rkv_hdf5_fail(RKV_DATA, "not an HDF5 file, or a damaged one");
    if (H5Pget_userblock(H5Fget_create_plist(*file), &user_block) < 0 || user_block)
        return rkv_fail(RKV_DATA, "a user block of %llu bytes is not read", (unsigned long long)user_block);
    return RKV_OK;
}

/* ---- opening ---- */

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

static rkv_status check_storage(rkv_hdf5_dataset *d) {
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
    if (n_filters < 0 || n_filters > (int)RKV_ARRAY_MAX_FILTERS)
        return rkv_fail(RKV_DATA, "%d filters exceed the limit of %u", n_filters, RKV_ARRAY_MAX_FILTERS);
    for (int i = 0; i < n_filters; i++) {
        H5Z_filter_t filter = H5Pget_filter2(d->creation, (unsigned)i, NULL, NULL, NULL, 0, NULL, NULL);
        if (filter < RKV_FILTER_DEFLATE || filter > RKV_FILTER_FLETCHER32)
            return rkv_fail(RKV_DATA, "filter number %d; shuffle, deflate and fletcher32 are read", filter);
    }
    return RKV_OK;
}

static rkv_status check_rank(rkv_hdf5_dataset *d, int rank) {
    hid_t space = H5Dget_space(d->id);
    if (space < 0) return rkv_hdf5_fail(RKV_DATA, "cannot read its shape");
    d->rank = H5Sget_simple_extent_type(space) == H5S_SIMPLE ? H5Sget_simple_extent_ndims(space) : 0;
    if (d->rank != rank) return rkv_fail(RKV_DATA, "has %d axes instead of %d", d->rank, rank);
    if (H5Sget_simple_extent_dims(space, d->shape, NULL) < 0)
        return rkv_hdf5_fail(RKV_DATA, "cannot read its shape");
    return RKV_OK;
}

rkv_status rkv_hdf5_open_dataset(rkv_hdf5_dataset *d, hid_t file, const char *name, int rank) {
    bool present;
    *d = (rkv_hdf5_dataset){.name = name};
    rkv_status status = open_object(file, name, &present, &d->id);
    if (!status && present) status = check_storage(d);
    if (!status && present) status = check_rank(d, rank);
    return status ? rkv_fail_within(status, "dataset %s", name) : RKV_OK;
}

/* ---- describing ---- */

size_t rkv_hdf5_float_bytes(hid_t type) {
    if (H5Tequal(type, rkv_hdf5_half_type()) > 0) return 2;
    if (H5Tequal(type, H5T_IEEE_F32LE) > 0) return 4;
    return H5Tequal(type, H5T_IEEE_F64LE) > 0 ? 8 : 0;
}

static rkv_status get_chunking(const rkv_hdf5_dataset *d, rkv_stored_array *out) {
    hsize_t chunk[RKV_ARRAY_AXES];
    unsigned options = 0;
    if (H5Pget_chunk(d->creation, RKV_ARRAY_AXES, chunk) != RKV_ARRAY_AXES ||
        H5Pget_chunk_opts(d->creation, &options) < 0)
        return rkv_hdf5_fail(RKV_DATA, "dataset %s: cannot read the shape of a chunk", d->name);
    if (options & H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS)
        return rkv_fail(RKV_DATA, "dataset %s: unfiltered partial chunks are not read", d->name);
    for (int i = 0; i < RKV_ARRAY_AXES; i++)
        out->chunk[i] = chunk[i];
    out->chunked = true;
    out->form.n_filters = (size_t)H5Pget_nfilters(d->creation);
    for (unsigned i = 0; i < out->form.n_filters; i++)
        out->form.filter[i] = H5Pget_filter2(d->creation, i, NULL, NULL, NULL, 0, NULL, NULL);
    return RKV_OK;
}

rkv_status rkv_hdf5_describe(const rkv_hdf5_dataset *d, size_t element_bytes, rkv_stored_array *out) {
    *out = (rkv_stored_array){.form = {.element_bytes = element_bytes}};
    for (int i = 0; i < RKV_ARRAY_AXES; i++)
        out->shape[i] = d->shape[i];
    H5D_fill_value_t fill;
    if (H5Pfill_value_defined(d->creation, &fill) >= 0 && fill != H5D_FILL_VALUE_UNDEFINED &&
        element_bytes <= sizeof out->fill && H5Tget_size(d->type) == element_bytes &&
        H5Pget_fill_value(d->creation, d->type, out->fill) < 0)
        return rkv_hdf5_fail(RKV_DATA, "dataset %s: cannot read its fill value", d->name);
    if (d->layout == H5D_CHUNKED) return get_chunking(d, out);
    if (d->layout == H5D_COMPACT)
        return rkv_fail(RKV_DATA, "dataset %s: compact storage; contiguous and chunked are read", d->name);
    haddr_t address = H5Dget_offset(d->id);
    out->address = address == HADDR_UNDEF ? RKV_ARRAY_ABSENT : address;
    return RKV_OK;
}

/* ---- chunks ---- */

/* The walk ends with the cause. */
static herr_t note_absence(unsigned depth, const H5E_error2_t *error, void *absent) {
    (void)depth;
    *(bool *)absent = error->desc && strcmp(error->desc, "chunk storage is not allocated") == 0;
    return 0;
}

/* *bytes = what the chunk at a place takes in the file, 0 when it was never written. HDF5 calls that an
 * error, which differs from a damaged index in its words only. */
static rkv_status chunk_bytes(const rkv_hdf5_dataset *d, const hsize_t *at, hsize_t *bytes) {
    bool absent = false;
    *bytes = 0;
    if (H5Dget_chunk_storage_size(d->id, at, bytes) >= 0) return RKV_OK;
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, note_absence, &absent);
    return absent ? RKV_OK : rkv_hdf5_fail(RKV_DATA, "cannot be found");
}

/* Where the chunk at a place lies. HDF5 has a question for that, but 1.10 answers it by going through all
 * chunks each time; so the chunk is read instead, and the driver notes the address. */
static rkv_status find_chunk(const rkv_hdf5_dataset *d, const hsize_t *at, rkv_hdf5_stream *stream,
                             size_t limit, void *buffer, rkv_stored_chunk *out) {
    hsize_t bytes = 0;
    *out = (rkv_stored_chunk){.address = RKV_ARRAY_ABSENT};
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

rkv_status rkv_hdf5_list_chunks(const rkv_hdf5_dataset *d, rkv_hdf5_stream *stream,
                                const rkv_stored_array *array, rkv_stored_chunk **chunks) {
    size_t limit = rkv_chunk_packed_limit(&array->form);
    void *buffer = NULL;
    hsize_t at[RKV_ARRAY_AXES] = {0};
    rkv_status status = rkv_alloc_raw(chunks, array->n_chunks, sizeof **chunks);
    if (!status) status = rkv_alloc_raw(&buffer, limit, 1);
    stream->note_raw = true;
    for (size_t i = 0; i < array->n_chunks && !status; i++) {
        status = find_chunk(d, at, stream, limit, buffer, &(*chunks)[i]);
        if (status)
            status = rkv_fail_within(status, "dataset %s: chunk at [%llu, %llu, %llu, %llu]", d->name,
                                     (unsigned long long)at[0], (unsigned long long)at[1],
                                     (unsigned long long)at[2], (unsigned long long)at[3]);
        for (int k = RKV_ARRAY_AXES - 1; k >= 0;
             k--) { /* the next place of the grid, the last axis fastest */
            at[k] += array->chunk[k];
            if (at[k] < d->shape[k] || k == 0) break;
            at[k] = 0;
        }
    }
    stream->note_raw = false;
    free(buffer);
    return status;
}
