/* test_kv_file.c: keys and values from HDF5 files: every type and storage, and files that are wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <hdf5.h>
#include <stdlib.h>
#include <string.h>

#include <rankkv/compress.h>

#include "core/file.h"
#include "core/random.h"
#include "io/dtype.h"
#include "io/hdf5_session.h"
#include "support/temporary.h"

enum { B = 2, H = 3, T = 5, D = 4, N = B * H * T * D };

static int set_up(void **state) {
    (void)state;
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    temporary_make();
    return 0;
}

/* ---- making files ---- */

static hid_t type_of(rkv_dtype dtype) {
    return dtype == RKV_DTYPE_F32   ? H5Tcopy(H5T_IEEE_F32LE)
           : dtype == RKV_DTYPE_F16 ? rkv_hdf5_half_type()
                                    : H5Tcopy(H5T_STD_U16LE);
}

static void put_attribute(hid_t object, const char *name, const char *value) {
    hid_t type = rkv_hdf5_string_type(), space = H5Screate(H5S_SCALAR);
    hid_t id = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(id >= 0 && H5Awrite(id, type, &value) >= 0);
    H5Aclose(id);
    H5Sclose(space);
    H5Tclose(type);
}

/* Elements as they are, no conversion; attribute: its dtype, or NULL. */
static void put_dataset(hid_t file, const char *name, hid_t type, int rank, const hsize_t *shape,
                        hid_t creation, const void *elements, const char *attribute) {
    hid_t space = H5Screate_simple(rank, shape, NULL);
    hid_t id = H5Dcreate2(file, name, type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    assert_true(id >= 0);
    if (elements) assert_true(H5Dwrite(id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, elements) >= 0);
    if (attribute) put_attribute(id, "dtype", attribute);
    H5Dclose(id);
    H5Sclose(space);
}

static hid_t new_file(void) {
    hid_t file = H5Fcreate(temporary_path("kv.h5"), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(file >= 0);
    return file;
}

/* How a dataset can be stored. */
static hid_t storage(int kind) {
    hid_t list = H5Pcreate(H5P_DATASET_CREATE);
    if (kind == 0) return list;
    assert_true(H5Pset_chunk(list, 4, kind == 1 ? (hsize_t[]){1, 2, 3, 4} : (hsize_t[]){2, 1, 2, 3}) >= 0);
    if (kind == 2) assert_true(H5Pset_shuffle(list) >= 0 && H5Pset_deflate(list, 4) >= 0);
    if (kind == 2) assert_true(H5Pset_fletcher32(list) >= 0);
    return list;
}

static rkv_kv_tensor draw(rkv_dtype dtype, uint64_t seed) {
    rkv_kv_tensor tensor = {NULL, dtype, B, H, T, D};
    assert_int_equal(rkv_kv_random(&tensor, &(rkv_kv_random_options){seed, 1, 10}), RKV_OK);
    return tensor;
}

static void put_tensor(hid_t file, const char *name, const rkv_kv_tensor *tensor, int kind) {
    hid_t type = type_of(tensor->dtype), creation = storage(kind);
    put_dataset(file, name, type, 4, (hsize_t[]){B, H, T, D}, creation, tensor->data,
                tensor->dtype == RKV_DTYPE_BF16 ? "bfloat16" : NULL);
    H5Pclose(creation);
    H5Tclose(type);
}

/* ---- reading ---- */

static void check_same(const rkv_kv_tensor *got, const rkv_kv_tensor *wanted) {
    assert_int_equal(got->dtype, wanted->dtype);
    assert_true(got->batch == B && got->heads == H && got->tokens == T && got->dim == D);
    assert_memory_equal(got->data, wanted->data, N * rkv_dtype_get(wanted->dtype)->bytes);
}

static void test_types_and_storage(void **state) {
    (void)state;
    for (rkv_dtype dtype = RKV_DTYPE_F32; rkv_dtype_name(dtype); dtype++)
        for (int kind = 0; kind < 3; kind++) {
            rkv_kv_tensor keys = draw(dtype, 1), values = draw(dtype, 2), got_keys, got_values;
            hid_t file = new_file();
            put_tensor(file, "keys", &keys, kind);
            put_tensor(file, "values", &values, (kind + 1) % 3);
            H5Fclose(file);
            if (rkv_kv_read(temporary_path("kv.h5"), &got_keys, &got_values)) fail_msg("%s", rkv_message());
            check_same(&got_keys, &keys);
            check_same(&got_values, &values);
            void *memory[] = {keys.data, values.data, got_keys.data, got_values.data};
            for (size_t i = 0; i < 4; i++)
                rkv_free(memory[i]);
        }
}

/* What was never written is the fill value. */
static void test_fill(void **state) {
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        rkv_kv_tensor keys, values;
        const float fill = 2.5f;
        hid_t file = new_file(), creation = storage(kind);
        assert_true(H5Pset_fill_value(creation, H5T_NATIVE_FLOAT, &fill) >= 0);
        assert_true(H5Pset_alloc_time(creation, H5D_ALLOC_TIME_LATE) >= 0);
        for (int k = 0; k < 2; k++)
            put_dataset(file, k ? "values" : "keys", H5T_IEEE_F32LE, 4, (hsize_t[]){B, H, T, D}, creation,
                        NULL, NULL);
        H5Pclose(creation);
        H5Fclose(file);
        if (rkv_kv_read(temporary_path("kv.h5"), &keys, &values)) fail_msg("%s", rkv_message());
        for (size_t i = 0; i < N; i++)
            assert_true(((float *)keys.data)[i] == fill);
        rkv_free(keys.data);
        rkv_free(values.data);
    }
}

/* ---- refusing ---- */

static void expect(rkv_status wanted, const char *words) {
    rkv_kv_tensor keys = {0}, values = {0};
    rkv_status got = rkv_kv_read(temporary_path("kv.h5"), &keys, &values);
    if (got != wanted || !strstr(rkv_message(), words) || !strstr(rkv_message(), "kv.h5"))
        fail_msg("%s, not \"%s\": \"%s\"", rkv_status_meaning(got), words, rkv_message());
    assert_null(keys.data);
}

static const struct wrong {
    const char *keys, *values; /* their names */
    int rank;
    hsize_t shape[5];
    bool integers;
    const char *attribute, *words;
} wrongs[] = {
    {"keys", "v", 4, {B, H, T, D}, false, NULL, "there is no dataset values"},
    {"k", "values", 4, {B, H, T, D}, false, NULL, "there is no dataset keys"},
    {"keys", "values", 3, {B, H, T}, false, NULL, "dataset keys: has 3 axes instead of 4"},
    {"keys", "values", 5, {B, H, T, D, 1}, false, NULL, "dataset keys: has 5 axes instead of 4"},
    {"keys", "values", 4, {B, 0, T, D}, false, NULL, "dataset keys: axis 1 has no entries"},
    {"keys",
     "values",
     4,
     {B, H, T, D},
     true,
     NULL,
     "dataset keys: its type is not float32, float16, or uint16"},
    {"keys", "values", 4, {B, H, T, D}, true, "float16", "dataset keys: its type is not"},
    {"keys", "values", 4, {1 << 20, 1 << 10, 1 << 10, 1 << 10}, true, "bfloat16", "out of memory"},
    {"keys",
     "values",
     4,
     {1 << 30, 1 << 30, 1 << 30, 1 << 30},
     true,
     "bfloat16",
     "more than an address holds"},
};

static void test_wrong_layouts(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof wrongs / sizeof *wrongs; i++) {
        const struct wrong *w = &wrongs[i];
        hid_t file = new_file(), creation = H5Pcreate(H5P_DATASET_CREATE);
        H5Pset_alloc_time(creation, H5D_ALLOC_TIME_LATE); /* the large ones take no room */
        for (int k = 0; k < 2; k++)
            put_dataset(file, k ? w->values : w->keys, w->integers ? H5T_STD_U16LE : H5T_IEEE_F32LE, w->rank,
                        w->shape, creation, NULL, w->attribute);
        H5Pclose(creation);
        H5Fclose(file);
        expect(strcmp(w->words, "out of memory") ? RKV_DATA : RKV_NO_MEMORY, w->words);
    }
}

static void test_no_file(void **state) {
    (void)state;
    expect(RKV_NO_INPUT, "cannot open");
    temporary_write(temporary_path("kv.h5"), "not HDF5", 8);
    expect(RKV_DATA, "not an HDF5 file");
}

/* Damaged bytes: a message, never a crash; an answer may be right by luck. */
static void test_damage(void **state) {
    (void)state;
    rkv_random random = {11};
    char *bytes = NULL;
    size_t length;
    for (int kind = 0; kind < 3; kind += 2) {
        rkv_kv_tensor keys = draw(RKV_DTYPE_F16, 1);
        hid_t file = new_file();
        put_tensor(file, "keys", &keys, kind);
        put_tensor(file, "values", &keys, kind);
        H5Fclose(file);
        rkv_free(keys.data);
        assert_int_equal(rkv_read_file(temporary_path("kv.h5"), 1 << 20, &bytes, &length), RKV_OK);
        for (int trial = 0; trial < 60; trial++) {
            size_t at = rkv_random_below(&random, length);
            char was = bytes[at];
            bytes[at] = (char)rkv_random_next(&random);
            temporary_write(temporary_path("kv.h5"), bytes, trial % 10 ? length : at);
            rkv_kv_tensor got_keys = {0}, got_values = {0};
            (void)rkv_kv_read(temporary_path("kv.h5"), &got_keys, &got_values);
            rkv_free(got_keys.data);
            rkv_free(got_values.data);
            bytes[at] = was;
        }
        free(bytes);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_types_and_storage, set_up, temporary_tear_down),
        cmocka_unit_test_setup_teardown(test_fill, set_up, temporary_tear_down),
        cmocka_unit_test_setup_teardown(test_wrong_layouts, set_up, temporary_tear_down),
        cmocka_unit_test_setup_teardown(test_no_file, set_up, temporary_tear_down),
        cmocka_unit_test_setup_teardown(test_damage, set_up, temporary_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
