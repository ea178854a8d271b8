/* trace_writer.c: trace.h5 being written: created, finished or given up. */
#include <stdio.h>
#include <stdlib.h>

#include "core/fail.h"
#include "core/memory.h"
#include "io/trace_chunk.h"
#include "io/trace_put.h"
#include "io/trace_results.h"
#include "io/trace_writer.h"

const rkv_trace_storage rkv_trace_storages[] = {
    [RKV_FLOAT16] = {"float16", 2}, [RKV_FLOAT32] = {"float32", 4}};

static size_t chunk_edge(size_t n_tokens) {
    return n_tokens < RKV_TRACE_CHUNK_EDGE ? n_tokens : RKV_TRACE_CHUNK_EDGE;
}

uint64_t rkv_trace_estimate_bytes(const rkv_model_info *model, size_t n_tokens, rkv_trace_dtype dtype) {
    if (!n_tokens) return 0;
    size_t edge = chunk_edge(n_tokens);
    return (uint64_t)model->n_layers * model->n_heads * rkv_trace_triangle(n_tokens, edge) * edge * edge *
           rkv_trace_storages[dtype].bytes;
}

rkv_status rkv_trace_conclude(const rkv_trace_writer *writer, rkv_status status) {
    if (writer->stream.write_errno)
        return rkv_fail_errno(RKV_IO, writer->stream.write_errno, "%s: cannot write", writer->output.path);
    return status ? rkv_fail_within(status, "%s", writer->output.path) : RKV_OK;
}

/* ---- creating ---- */

static rkv_status check_size(const rkv_model_info *model, size_t n_tokens, const char *path) {
    const struct {
        const char *name;
        size_t value, limit;
    } sizes[] = {{"layers", model->n_layers, RKV_TRACE_MAX_LAYERS},
                 {"heads", model->n_heads, RKV_TRACE_MAX_HEADS},
                 {"KV heads", model->n_kv_heads, RKV_TRACE_MAX_HEADS},
                 {"tokens", n_tokens, RKV_TRACE_MAX_TOKENS}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (sizes[i].value < 1 || sizes[i].value > sizes[i].limit)
            return rkv_fail(RKV_USAGE, "%s: a trace cannot have %zu %s: the range is 1 .. %zu", path,
                            sizes[i].value, sizes[i].name, sizes[i].limit);
    return RKV_OK;
}

static rkv_status check_space(const rkv_model_info *model, size_t n_tokens, rkv_trace_dtype dtype,
                              const char *path) {
    uint64_t wanted = rkv_trace_estimate_bytes(model, n_tokens, dtype), free_bytes = rkv_free_space(path);
    if (wanted <= free_bytes) return RKV_OK;
    return rkv_fail(RKV_CANNOT_CREATE,
                    "%s: cannot create: the attention takes up to %llu bytes, the file system has %llu free",
                    path, (unsigned long long)wanted, (unsigned long long)free_bytes);
}

static rkv_status put_header(const rkv_trace_writer *writer, const rkv_model_info *model) {
    hid_t file = writer->file;
    rkv_model_info info = *model;
    char creator[64];
    snprintf(creator, sizeof creator, "rankkv %s", rkv_version());
    rkv_status status = rkv_put_string(file, "schema", RKV_TRACE_SCHEMA);
    if (!status) status = rkv_put_integer(file, "schema_version", RKV_TRACE_SCHEMA_VERSION);
    if (!status) status = rkv_put_string(file, "creator", creator);
    for (size_t i = 0; i < RKV_TRACE_N_STRINGS && !status; i++)
        status =
            rkv_put_string(file, rkv_trace_strings[i].name, *rkv_trace_string(&info, &rkv_trace_strings[i]));
    if (!status) status = rkv_put_string(file, "model_sha256", model->sha256);
    for (size_t i = 0; i < RKV_TRACE_N_NUMBERS && !status; i++)
        status =
            rkv_put_integer(file, rkv_trace_numbers[i].name, *rkv_trace_number(&info, &rkv_trace_numbers[i]));
    if (!status) status = rkv_put_integer(file, "n_tokens", writer->n_tokens);
    if (!status) status = rkv_put_string(file, "dtype", rkv_trace_storages[writer->dtype].name);
    return status;
}

static rkv_status put_scales(const rkv_trace_writer *writer) {
    const struct {
        const char *name;
        size_t n;
    } scales[] = {{"layer", writer->n_layers},
                  {"head", writer->n_heads},
                  {"kv_head", writer->n_kv_heads},
                  {"query", writer->n_tokens},
                  {"key", writer->n_tokens}};
    rkv_status status = RKV_OK;
    for (size_t i = 0; i < sizeof scales / sizeof *scales && !status; i++)
        status = rkv_put_scale(writer->file, scales[i].name, scales[i].n);
    return status;
}

static rkv_status put_tokens(const rkv_trace_writer *writer, const int32_t *tokens, char *const *text) {
    rkv_put_dataset dataset = {.file = writer->file,
                               .name = "tokens",
                               .axes = {"key"},
                               .file_type = H5T_STD_I32LE,
                               .memory_type = H5T_NATIVE_INT32,
                               .long_name = "token ids of the prompt"};
    rkv_status status = tokens ? rkv_put_values(&dataset, tokens, NULL) : RKV_OK;
    if (status || !text) return status;
    hid_t type = rkv_hdf5_string_type();
    dataset.name = "token_text";
    dataset.file_type = dataset.memory_type = type;
    dataset.long_name = "what each token says";
    status = rkv_put_values(&dataset, text, NULL);
    H5Tclose(type);
    return status;
}

/* Chunks come into being when they are written; those never written read as the fill value, 0. */
static hid_t attention_creation(const rkv_trace_writer *writer) {
    hid_t list = rkv_put_creation(H5P_DATASET_CREATE);
    float zero = 0;
    if (H5Pset_chunk(list, 4, (hsize_t[]){1, 1, writer->chunk_edge, writer->chunk_edge}) >= 0 &&
        H5Pset_shuffle(list) >= 0 && H5Pset_deflate(list, RKV_DEFLATE_LEVEL) >= 0 &&
        H5Pset_fill_value(list, H5T_NATIVE_FLOAT, &zero) >= 0 &&
        H5Pset_alloc_time(list, H5D_ALLOC_TIME_INCR) >= 0)
        return list;
    H5Pclose(list);
    return H5I_INVALID_HID;
}

static rkv_status put_attention(rkv_trace_writer *writer) {
    hid_t type = writer->dtype == RKV_FLOAT16 ? rkv_hdf5_half_type() : H5Tcopy(H5T_IEEE_F32LE);
    hid_t creation = attention_creation(writer);
    rkv_put_dataset dataset = {.file = writer->file,
                               .name = "attention",
                               .axes = {"layer", "head", "query", "key"},
                               .file_type = type,
                               .creation = creation,
                               .units = "mass",
                               .long_name = "attention of each query on each key"};
    rkv_status status = rkv_put_values(&dataset, NULL, &writer->attention);
    if (creation >= 0) H5Pclose(creation);
    if (type >= 0) H5Tclose(type);
    return status;
}

/* Metadata in the form of HDF5 1.8 (2008), which every reader in use knows, and which carries checksums. */
static rkv_status create_file(rkv_trace_writer *writer) {
    hid_t access = rkv_hdf5_stream_access(&writer->stream), creation = rkv_put_creation(H5P_FILE_CREATE);
    rkv_status status = RKV_OK;
    if (access >= 0 && creation >= 0 && H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_V18) >= 0)
        writer->file = H5Fcreate(writer->output.path, H5F_ACC_TRUNC, creation, access);
    if (writer->file < 0) status = rkv_hdf5_fail(RKV_CANNOT_CREATE, "cannot create");
    if (creation >= 0) H5Pclose(creation);
    if (access >= 0) H5Pclose(access);
    return status;
}

rkv_status rkv_trace_create(rkv_trace_writer **out, const char *path, const rkv_model_info *model,
                            const int32_t *tokens, char *const *token_text, size_t n_tokens,
                            rkv_trace_dtype dtype) {
    rkv_trace_writer *writer = NULL;
    *out = NULL;
    rkv_status status = check_size(model, n_tokens, path);
    if (!status) status = check_space(model, n_tokens, dtype, path);
    if (!status) status = rkv_alloc(&writer, 1, sizeof *writer);
    if (status) return status;
    *writer = (rkv_trace_writer){.output.descriptor = -1,
                                 .file = H5I_INVALID_HID,
                                 .attention = H5I_INVALID_HID,
                                 .n_layers = model->n_layers,
                                 .n_heads = model->n_heads,
                                 .n_kv_heads = model->n_kv_heads,
                                 .n_tokens = n_tokens,
                                 .dtype = dtype,
                                 .chunk_edge = chunk_edge(n_tokens)};
    status = rkv_output_open(&writer->output, path);
    if (!status) {
        writer->stream.descriptor = writer->output.descriptor;
        rkv_hdf5_session session = rkv_hdf5_begin();
        status = create_file(writer);
        if (!status) status = put_header(writer, model);
        if (!status) status = put_scales(writer);
        if (!status) status = put_tokens(writer, tokens, token_text);
        if (!status) status = put_attention(writer);
        status = rkv_trace_conclude(writer, status);
        rkv_hdf5_end(&session);
    }
    if (status)
        rkv_trace_abandon(writer);
    else
        *out = writer;
    return status;
}

/* ---- the end ---- */

static rkv_status check_results(const rkv_trace_writer *writer, const rkv_analysis *analysis,
                                const rkv_budget *budget) {
    const rkv_model_info *models[] = {analysis ? &analysis->model : NULL, budget ? &budget->model : NULL};
    if (writer->next_layer < writer->n_layers)
        return rkv_fail(RKV_USAGE, "%zu of %zu layers were written", writer->next_layer, writer->n_layers);
    if (analysis && analysis->n_tokens != writer->n_tokens)
        return rkv_fail(RKV_USAGE, "the analysis is of %zu tokens, the trace of %zu", analysis->n_tokens,
                        writer->n_tokens);
    for (int i = 0; i < 2; i++)
        if (models[i] && (models[i]->n_layers != writer->n_layers || models[i]->n_heads != writer->n_heads ||
                          models[i]->n_kv_heads != writer->n_kv_heads))
            return rkv_fail(RKV_USAGE,
                            "the %s is of a model of %zu layers, %zu heads, %zu KV heads, not %zu, %zu, %zu",
                            i ? "budget" : "analysis", models[i]->n_layers, models[i]->n_heads,
                            models[i]->n_kv_heads, writer->n_layers, writer->n_heads, writer->n_kv_heads);
    return RKV_OK;
}

static rkv_status close_file(rkv_trace_writer *writer) {
    herr_t failed = 0;
    if (writer->attention >= 0) failed |= H5Dclose(writer->attention);
    if (writer->file >= 0) failed |= H5Fclose(writer->file);
    writer->attention = writer->file = H5I_INVALID_HID;
    return failed < 0 ? rkv_hdf5_fail(RKV_IO, "cannot close") : RKV_OK;
}

rkv_status rkv_trace_finish(rkv_trace_writer *writer, const rkv_analysis *analysis,
                            const rkv_budget *budget) {
    rkv_hdf5_session session = rkv_hdf5_begin();
    rkv_status status = check_results(writer, analysis, budget);
    if (!status) status = rkv_trace_put_results(writer->file, analysis, budget);
    if (!status) status = close_file(writer);
    status = rkv_trace_conclude(writer, status);
    rkv_hdf5_end(&session);
    if (!status) status = rkv_output_commit(&writer->output);
    rkv_trace_abandon(writer);
    return status;
}

void rkv_trace_abandon(rkv_trace_writer *writer) {
    if (!writer) return;
    rkv_hdf5_session session = rkv_hdf5_begin();
    close_file(writer);
    rkv_hdf5_end(&session);
    rkv_output_abandon(&writer->output);
    free(writer);
}
