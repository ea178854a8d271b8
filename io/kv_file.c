/* kv_file.c: keys and values without a model, from an HDF5 file. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/fail.h"
#include "io/confined.h"
#include "io/dtype.h"
#include "io/hdf5_attribute.h"
#include "io/hdf5_dataset.h"

enum { KEYS, VALUES, N_TENSORS };
static const char *const names[N_TENSORS] = {"keys", "values"};

/* What crosses the pipe. */
typedef struct facts {
    rkv_stored_array array[N_TENSORS];
    rkv_dtype dtype[N_TENSORS];
} facts;

typedef struct contents {
    facts facts;
    rkv_stored_chunk *chunks[N_TENSORS]; /* [array.n_chunks] */
} contents;

/* ---- in the confined process ---- */

/* HDF5 has no bfloat16 of its own: unsigned 16-bit integers that an attribute calls so. */
static rkv_status get_dtype(const rkv_hdf5_dataset *d, rkv_dtype *dtype) {
    char attribute[RKV_HDF5_MAX_STRING + 1] = "";
    size_t bytes = rkv_hdf5_float_bytes(d->type);
    rkv_status status = RKV_OK;
    if (bytes == 2 || bytes == 4) {
        *dtype = bytes == 2 ? RKV_DTYPE_F16 : RKV_DTYPE_F32;
        return RKV_OK;
    }
    if (H5Tequal(d->type, H5T_STD_U16LE) > 0) status = rkv_hdf5_get_string(d->id, "dtype", attribute);
    if (status) return rkv_fail_within(status, "dataset %s", d->name);
    *dtype = RKV_DTYPE_BF16;
    if (strcmp(attribute, "bfloat16") == 0) return RKV_OK;
    return rkv_fail(RKV_DATA,
                    "dataset %s: its type is not float32, float16, or uint16 with the attribute dtype = "
                    "\"bfloat16\", little-endian",
                    d->name);
}

/* Keys and values belong together. */
static rkv_status check_alike(const facts *f) {
    const size_t *keys = f->array[KEYS].shape, *values = f->array[VALUES].shape;
    for (size_t i = 0; i < RKV_ARRAY_AXES; i++)
        if (keys[i] != values[i])
            return rkv_fail(RKV_DATA,
                            "dataset values [%zu, %zu, %zu, %zu] differs from keys [%zu, %zu, %zu, %zu]",
                            values[0], values[1], values[2], values[3], keys[0], keys[1], keys[2], keys[3]);
    if (f->dtype[KEYS] == f->dtype[VALUES]) return RKV_OK;
    return rkv_fail(RKV_DATA, "dataset values is %s, keys are %s", rkv_dtype_get(f->dtype[VALUES])->name,
                    rkv_dtype_get(f->dtype[KEYS])->name);
}

static rkv_status check_facts(void *memory) {
    facts *f = &((contents *)memory)->facts;
    rkv_status status = RKV_OK;
    for (int i = 0; i < N_TENSORS && !status; i++) {
        const rkv_dtype_info *info = rkv_dtype_get(f->dtype[i]);
        if (!info || info->bytes != f->array[i].form.element_bytes)
            return rkv_fail(RKV_DATA, "dataset %s: elements of %zu bytes", names[i],
                            f->array[i].form.element_bytes);
        status = rkv_stored_array_check(&f->array[i], names[i]);
    }
    return status ? status : check_alike(f);
}

static rkv_status inspect(void *memory, int descriptor) {
    contents *c = memory;
    rkv_hdf5_stream stream = {.descriptor = descriptor};
    rkv_hdf5_dataset d[N_TENSORS];
    hid_t file;
    rkv_status status = rkv_hdf5_open_foreign(&stream, &file);
    for (int i = 0; i < N_TENSORS && !status; i++) {
        status = rkv_hdf5_open_dataset(&d[i], file, names[i], RKV_ARRAY_AXES);
        if (!status && !d[i].id) status = rkv_fail(RKV_DATA, "there is no dataset %s", names[i]);
        if (!status) status = get_dtype(&d[i], &c->facts.dtype[i]);
        if (!status)
            status = rkv_hdf5_describe(&d[i], rkv_dtype_get(c->facts.dtype[i])->bytes, &c->facts.array[i]);
    }
    if (!status) status = check_facts(c);
    for (int i = 0; i < N_TENSORS && !status; i++)
        if (c->facts.array[i].chunked)
            status = rkv_hdf5_list_chunks(&d[i], &stream, &c->facts.array[i], &c->chunks[i]);
    return status;
}

static void list_sections(void *memory, rkv_confined_section out[RKV_CONFINED_SECTIONS]) {
    contents *c = memory;
    for (int i = 0; i < N_TENSORS; i++)
        out[i] =
            (rkv_confined_section){(void **)&c->chunks[i], c->facts.array[i].n_chunks * sizeof *c->chunks[i]};
}

/* ---- here ---- */

static rkv_status open_regular(const char *path, rkv_stored_file *file) {
    struct stat info;
    file->descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hang */
    if (file->descriptor < 0) return rkv_fail_errno(RKV_NO_INPUT, errno, "cannot open");
    if (fstat(file->descriptor, &info) != 0) return rkv_fail_errno(RKV_NO_INPUT, errno, "cannot stat");
    if (!S_ISREG(info.st_mode)) return rkv_fail(RKV_NO_INPUT, "not a regular file");
    file->bytes = (uint64_t)info.st_size;
    return RKV_OK;
}

static void copy_elements(const unsigned char *elements, size_t element_bytes, void *out, size_t n) {
    memcpy(out, elements, n * element_bytes);
}

static rkv_status read_tensor(const rkv_stored_file *file, const contents *c, int i, rkv_kv_tensor *out) {
    const rkv_stored_array *array = &c->facts.array[i];
    const size_t *n = array->shape;
    *out = (rkv_kv_tensor){NULL, c->facts.dtype[i], n[0], n[1], n[2], n[3]};
    rkv_status status = rkv_kv_tensor_new(out);
    if (!status) {
        const rkv_stored_box box = {.count = {n[0], n[1], n[2], n[3]},
                                    .convert = copy_elements,
                                    .value_bytes = array->form.element_bytes,
                                    .out = out->data};
        status = rkv_stored_array_read(file, array, c->chunks[i], &box);
    }
    return status ? rkv_fail_within(status, "dataset %s", names[i]) : RKV_OK;
}

rkv_status rkv_kv_read(const char *path, rkv_kv_tensor *keys, rkv_kv_tensor *values) {
    contents c = {0};
    rkv_stored_file file = {.descriptor = -1};
    rkv_kv_tensor read[N_TENSORS] = {{0}};
    const rkv_confined_task task = {&c, sizeof c.facts, inspect, check_facts, list_sections};
    rkv_status status = open_regular(path, &file);
    if (!status) status = rkv_confined_run(&task, file.descriptor);
    for (int i = 0; i < N_TENSORS && !status; i++)
        status = read_tensor(&file, &c, i, &read[i]);
    if (file.descriptor >= 0) close(file.descriptor);
    for (int i = 0; i < N_TENSORS; i++) {
        free(c.chunks[i]);
        if (status) free(read[i].data);
    }
    if (status) return rkv_fail_within(status, "%s", path);
    *keys = read[KEYS];
    *values = read[VALUES];
    return RKV_OK;
}
