/* trace_inspect.c: the layout of a foreign trace.h5, through HDF5, in a process that ends afterwards. */
#include "io/trace_inspect.h"

#include <stdlib.h>
#include <string.h>

#include "core/fail.h"
#include "core/memory.h"
#include "core/text.h"
#include "io/hdf5_attribute.h"
#include "io/hdf5_dataset.h"
#include "io/trace_attributes.h"

/* ---- attention ---- */

static rkv_status get_attention(hid_t file, rkv_hdf5_dataset *d, rkv_trace_facts *facts) {
    rkv_status status = rkv_hdf5_open_dataset(d, file, "attention", 4);
    if (status) return status;
    if (!d->id) return rkv_fail(RKV_DATA, "no dataset attention: not a trace");
    if (d->shape[2] != d->shape[3])
        return rkv_fail(RKV_DATA, "dataset attention: %llu queries but %llu keys",
                        (unsigned long long)d->shape[2], (unsigned long long)d->shape[3]);
    facts->info.n_layers = d->shape[0];
    facts->info.n_heads = d->shape[1];
    facts->n_tokens = d->shape[2];
    size_t element_bytes = rkv_hdf5_float_bytes(d->type);
    if (!element_bytes)
        return rkv_fail(RKV_DATA,
                        "dataset attention: its type is not float16, float32 or float64, little-endian");
    return rkv_hdf5_describe(d, element_bytes, &facts->attention);
}

/* ---- what stands beside it ---- */

static rkv_status check_shape(const rkv_hdf5_dataset *d, const size_t *shape) {
    for (int i = 0; i < d->rank; i++)
        if (d->shape[i] != shape[i])
            return rkv_fail(RKV_DATA, "dataset %s: axis %d has %llu entries, the attention asks for %zu",
                            d->name, i, (unsigned long long)d->shape[i], shape[i]);
    return RKV_OK;
}

static rkv_status get_tokens(hid_t file, rkv_trace_contents *out) {
    rkv_hdf5_dataset d;
    size_t n = out->facts.n_tokens;
    rkv_status status = rkv_hdf5_open_dataset(&d, file, "tokens", 1);
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
    rkv_hdf5_dataset d;
    const size_t shape[] = {out->facts.info.n_layers, out->facts.info.n_heads};
    rkv_status status = rkv_hdf5_open_dataset(&d, file, "effective_rank", 2);
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

static rkv_status read_text(const rkv_hdf5_dataset *d, rkv_trace_contents *out) {
    size_t n = out->facts.n_tokens, bytes, left = RKV_TRACE_MAX_TEXT;
    hid_t memory = rkv_hdf5_string_type_of(d->type, &bytes), transfer = H5Pcreate(H5P_DATASET_XFER);
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
    rkv_hdf5_dataset d;
    rkv_status status = rkv_hdf5_open_dataset(&d, file, "token_text", 1);
    if (status || !d.id) return status;
    status = check_shape(&d, &out->facts.n_tokens);
    if (!status && H5Tget_class(d.type) != H5T_STRING)
        status = rkv_fail(RKV_DATA, "dataset token_text: its type is no string");
    return status ? status : read_text(&d, out);
}

/* ---- the whole ---- */

rkv_status rkv_trace_inspect_here(rkv_trace_contents *out, int descriptor) {
    rkv_hdf5_stream stream = {.descriptor = descriptor};
    rkv_hdf5_dataset attention;
    hid_t file;
    rkv_status status = rkv_hdf5_open_foreign(&stream, &file);
    if (!status) status = rkv_trace_check_schema(file);
    if (!status) status = get_attention(file, &attention, &out->facts);
    if (!status) status = rkv_trace_get_model(file, &out->facts);
    if (!status) status = rkv_trace_facts_check(&out->facts);
    if (!status && out->facts.attention.chunked)
        status = rkv_hdf5_list_chunks(&attention, &stream, &out->facts.attention, &out->chunks);
    if (!status) status = get_tokens(file, out);
    if (!status) status = get_text(file, out);
    if (!status) status = get_erank(file, out);
    return status;
}

/* ---- in a process of its own ---- */

static rkv_status inspect_contents(void *contents, int descriptor) {
    return rkv_trace_inspect_here(contents, descriptor);
}

static rkv_status check_contents(void *contents) {
    rkv_trace_facts *facts = &((rkv_trace_contents *)contents)->facts;
    facts->info.sha256[64] = '\0';
    for (size_t i = 0; i < RKV_TRACE_N_STRINGS; i++) {
        facts->strings[i][RKV_TRACE_MAX_STRING] = '\0';
        *rkv_trace_string(&facts->info, &rkv_trace_strings[i]) = NULL;
    }
    facts->info.path = NULL;
    return rkv_trace_facts_check(facts);
}

static void list_sections(void *memory, rkv_confined_section out[RKV_CONFINED_SECTIONS]) {
    rkv_trace_contents *contents = memory;
    const rkv_trace_facts *facts = &contents->facts;
    size_t n_heads = facts->info.n_layers * facts->info.n_heads;
    out[0] = (rkv_confined_section){(void **)&contents->tokens,
                                    facts->has_tokens ? facts->n_tokens * sizeof *contents->tokens : 0};
    out[1] = (rkv_confined_section){(void **)&contents->text, facts->has_text ? facts->text_bytes : 0};
    out[2] = (rkv_confined_section){(void **)&contents->erank,
                                    facts->has_erank ? n_heads * sizeof *contents->erank : 0};
    out[3] = (rkv_confined_section){(void **)&contents->chunks,
                                    facts->attention.n_chunks * sizeof *contents->chunks};
}

static bool holds_n_strings(const rkv_trace_contents *contents) {
    size_t n = 0, length = contents->facts.text_bytes;
    for (size_t i = 0; i < length; i++)
        n += contents->text[i] == '\0';
    return n == contents->facts.n_tokens && length && contents->text[length - 1] == '\0';
}

rkv_status rkv_trace_inspect(rkv_trace_contents *out, const char *path, int descriptor) {
    *out = (rkv_trace_contents){0};
    const rkv_confined_task task = {out, sizeof out->facts, inspect_contents, check_contents, list_sections};
    rkv_status status = rkv_confined_run(&task, descriptor);
    if (!status && out->text && !holds_n_strings(out))
        status = rkv_fail(RKV_DATA, "dataset token_text: not one string per token");
    if (!status) return RKV_OK;
    rkv_trace_contents_clear(out);
    return rkv_fail_within(status, "%s", path);
}
