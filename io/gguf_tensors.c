/* gguf_tensors.c: reading and checking the list of tensors of a GGUF file, and where their data lies. */
#include <inttypes.h>
#include <stdlib.h>

#include "core/memory.h"
#include "io/gguf_file.h"

/* The longest tensor name that the format allows. */
#define NAME_LIMIT 64

#define ALIGNMENT_KEY     "general.alignment"
#define ALIGNMENT_DEFAULT 32
#define ALIGNMENT_LIMIT   65536

/* ---- one tensor ---- */

static rkv_status take_dims(rkv_gguf_cursor *cursor, rkv_gguf_tensor *tensor) {
    size_t at = cursor->at;
    uint32_t n_dims;
    rkv_status status = rkv_gguf_take_u32(cursor, "number of dimensions", &n_dims);
    if (status) return status;
    if (n_dims < 1 || n_dims > 4)
        return rkv_gguf_refuse(cursor, at, "%" PRIu32 " dimensions, 1 to 4 are allowed", n_dims);
    tensor->n_dims = n_dims;
    tensor->n_elements = 1;
    for (size_t i = 0; i < 4; i++) {
        at = cursor->at;
        tensor->dims[i] = 1;
        if (i < n_dims) status = rkv_gguf_take_u64(cursor, "dimension", &tensor->dims[i]);
        if (status) return status;
        if (tensor->dims[i] == 0) return rkv_gguf_refuse(cursor, at, "dimension %zu is 0", i);
        if (tensor->dims[i] > SIZE_MAX ||
            !rkv_multiply(tensor->n_elements, (size_t)tensor->dims[i], &tensor->n_elements))
            return rkv_gguf_refuse(cursor, at,
                                   "dimension %zu is %" PRIu64 ": more elements than can be counted", i,
                                   tensor->dims[i]);
    }
    return RKV_OK;
}

static rkv_status take_type(rkv_gguf_cursor *cursor, rkv_gguf_tensor *tensor) {
    size_t at = cursor->at;
    uint32_t id;
    rkv_status status = rkv_gguf_take_u32(cursor, "type", &id);
    if (status) return status;
    const rkv_tensor_type *type = tensor->type = rkv_tensor_type_find(id);
    if (!type)
        return rkv_gguf_refuse(cursor, at, "type %" PRIu32 " (%s) is not one that RankKV reads", id,
                               rkv_tensor_type_name(id));
    if (tensor->dims[0] % type->block_elements != 0)
        return rkv_gguf_refuse(cursor, at, "rows of %" PRIu64 " elements, %s needs a multiple of %zu",
                               tensor->dims[0], type->name, type->block_elements);
    if (!rkv_multiply(tensor->n_elements / type->block_elements, type->block_bytes, &tensor->bytes))
        return rkv_gguf_refuse(cursor, at, "%zu elements of type %s: more bytes than can be counted",
                               tensor->n_elements, type->name);
    return RKV_OK;
}

static rkv_status take_tensor(rkv_gguf_cursor *cursor, rkv_gguf_record *record) {
    *record = (rkv_gguf_record){0};
    rkv_status status = rkv_gguf_take_name(cursor, NAME_LIMIT);
    if (!status) status = take_dims(cursor, &record->tensor);
    if (!status) status = take_type(cursor, &record->tensor);
    record->at = cursor->at;
    if (!status) status = rkv_gguf_take_u64(cursor, "data offset", &record->offset);
    return status;
}

/* ---- where the data lies ---- */

static rkv_status data_alignment(rkv_gguf_cursor *cursor, size_t *alignment) {
    const rkv_gguf *file = cursor->file;
    uint64_t value = *alignment = ALIGNMENT_DEFAULT;
    size_t position;
    if (!rkv_name_index_find(&file->keys, ALIGNMENT_KEY, &position)) return RKV_OK;
    rkv_status status = rkv_gguf_u64(file, ALIGNMENT_KEY, &value);
    if (status) return status;
    *alignment = (size_t)value;
    if (value >= 8 && value <= ALIGNMENT_LIMIT && (value & (value - 1)) == 0) return RKV_OK;
    rkv_gguf_point_at(cursor, "metadata key", ALIGNMENT_KEY);
    return rkv_gguf_refuse(cursor, (size_t)(file->entries[position].values - file->mapping.bytes),
                           "%" PRIu64 " is not a power of two from 8 to %d", value, ALIGNMENT_LIMIT);
}

/* Sets where the tensor's data lies, in a data section that starts at byte data_start. */
static rkv_status place(const rkv_gguf_cursor *cursor, rkv_gguf_record *record, size_t alignment,
                        size_t data_start) {
    const rkv_mapping *mapping = &cursor->file->mapping;
    size_t data_bytes = data_start < mapping->size ? mapping->size - data_start : 0;
    if (record->offset % alignment != 0)
        return rkv_gguf_refuse(cursor, record->at,
                               "data offset %" PRIu64 " is not a multiple of the alignment %zu",
                               record->offset, alignment);
    if (record->offset >= data_bytes)
        return rkv_gguf_refuse(cursor, record->at,
                               "data offset %" PRIu64 " is past the data section's %zu bytes", record->offset,
                               data_bytes);
    size_t start = data_start + (size_t)record->offset;
    if (record->tensor.bytes > mapping->size - start)
        return rkv_gguf_refuse(cursor, record->at,
                               "%zu bytes of data from byte %zu on end past the file's %zu",
                               record->tensor.bytes, start, mapping->size);
    record->tensor.data = mapping->bytes + start;
    return RKV_OK;
}

/* ---- no two tensors share data, so that decoding all of them is bounded by the file's size ---- */

typedef struct extent {
    uint64_t start;
    size_t position;
} extent;

static int compare_extents(const void *a, const void *b) {
    const extent *left = a, *right = b;
    return (left->start > right->start) - (left->start < right->start);
}

static rkv_status check_overlap(rkv_gguf_cursor *cursor) {
    const rkv_gguf *file = cursor->file;
    size_t n = file->tensors.n;
    extent *extents = NULL;
    rkv_status status = rkv_alloc_raw(&extents, n, sizeof *extents);
    if (status) return status;
    for (size_t i = 0; i < n; i++)
        extents[i] = (extent){file->records[i].offset, i};
    qsort(extents, n, sizeof *extents, compare_extents);
    for (size_t i = 1; !status && i < n; i++) {
        const rkv_gguf_record *before = &file->records[extents[i - 1].position];
        const rkv_gguf_record *after = &file->records[extents[i].position];
        if (after->offset - before->offset >= before->tensor.bytes) continue;
        rkv_gguf_point_at(cursor, "tensor", after->tensor.name);
        status =
            rkv_gguf_refuse(cursor, after->at,
                            "data offset %" PRIu64 " lies inside the %zu bytes of another tensor at %" PRIu64,
                            after->offset, before->tensor.bytes, before->offset);
    }
    free(extents);
    return status;
}

/* ---- all of them ---- */

static rkv_status take_tensors(rkv_gguf_cursor *cursor, uint64_t count) {
    rkv_gguf *file = cursor->file;
    rkv_status status = RKV_OK;
    for (uint64_t i = 0; !status && i < count; i++) {
        cursor->number = i;
        rkv_gguf_record record;
        status = take_tensor(cursor, &record);
        if (!status)
            status = rkv_grow(&file->records, &file->record_capacity, file->tensors.n + 1, sizeof record);
        if (status) break;
        file->records[file->tensors.n] = record;
        status = rkv_name_index_add(&file->tensors, cursor->name.bytes, cursor->name.length);
    }
    return status;
}

static rkv_status index_tensors(rkv_gguf_cursor *cursor) {
    rkv_gguf *file = cursor->file;
    size_t twice;
    rkv_status status = rkv_name_index_seal(&file->tensors, &twice);
    if (status) return status;
    for (size_t i = 0; i < file->tensors.n; i++)
        file->records[i].tensor.name = rkv_name_index_at(&file->tensors, i);
    if (twice == file->tensors.n) return RKV_OK;
    rkv_gguf_point_at(cursor, "tensor", file->records[twice].tensor.name);
    return rkv_gguf_refuse(cursor, file->records[twice].at, "appears twice");
}

rkv_status rkv_gguf_read_tensors(rkv_gguf_cursor *cursor, uint64_t count) {
    rkv_gguf *file = cursor->file;
    size_t alignment;
    rkv_status status = data_alignment(cursor, &alignment);
    cursor->part = "tensor";
    cursor->name = (rkv_gguf_string){0};
    if (!status) status = take_tensors(cursor, count);
    if (!status) status = index_tensors(cursor);
    if (status) return status;
    size_t data_start = (cursor->at + alignment - 1) / alignment * alignment;
    for (size_t i = 0; !status && i < file->tensors.n; i++) {
        rkv_gguf_point_at(cursor, "tensor", file->records[i].tensor.name);
        status = place(cursor, &file->records[i], alignment, data_start);
    }
    return status ? status : check_overlap(cursor);
}
