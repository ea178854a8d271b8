/* test_trace_hostile.c: traces from elsewhere: unusual, wrong, forged, damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"
#include "core/random.h"
#include "io/hdf5_session.h"
#include "support/sample_trace.h"
#include "support/temporary.h"

static int set_up(void **state) {
    (void)state;
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    temporary_make();
    return 0;
}

/* ---- making files ---- */

/* Attention of the small foreign files: [2, 3, 4, 4]. */
enum { L = 2, H = 3, T = 4, N = L * H * T * T };

static float attention_at(size_t i) {
    return (float)(i % 64) / 64;
}

static void put_attribute(hid_t object, const char *name, hid_t type, const void *value) {
    hid_t space = H5Screate(H5S_SCALAR), id = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(id >= 0 && H5Awrite(id, type, value) >= 0);
    H5Aclose(id);
    H5Sclose(space);
}

static void put_string(hid_t object, const char *name, const char *value) {
    hid_t type = rkv_hdf5_string_type();
    put_attribute(object, name, type, &value);
    H5Tclose(type);
}

static void put_dataset(hid_t file, const char *name, hid_t type, int rank, const hsize_t *shape,
                        hid_t creation, hid_t memory_type, const void *values) {
    hid_t space = H5Screate_simple(rank, shape, NULL);
    hid_t id = H5Dcreate2(file, name, type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    assert_true(id >= 0);
    if (values) assert_true(H5Dwrite(id, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
    H5Dclose(id);
    H5Sclose(space);
}

/* attention in the given type and storage. */
static void put_attention(hid_t file, hid_t type, hid_t creation) {
    float values[N];
    for (size_t i = 0; i < N; i++)
        values[i] = attention_at(i);
    put_dataset(file, "attention", type, 4, (hsize_t[]){L, H, T, T}, creation, H5T_NATIVE_FLOAT, values);
}

static hid_t chunked(hsize_t l, hsize_t h, hsize_t i, hsize_t j) {
    hid_t list = H5Pcreate(H5P_DATASET_CREATE);
    assert_true(H5Pset_chunk(list, 4, (hsize_t[]){l, h, i, j}) >= 0);
    return list;
}

/* ---- files that are welcome ---- */

static void plain(hid_t file) {
    put_attention(file, H5T_IEEE_F32LE, H5P_DEFAULT);
}

static void plain_double(hid_t file) {
    put_attention(file, H5T_IEEE_F64LE, H5P_DEFAULT);
}

static void half_in_odd_chunks(hid_t file) {
    hid_t list = chunked(2, 2, 3, 3);
    H5Pset_shuffle(list);
    H5Pset_deflate(list, 9);
    put_attention(file, rkv_hdf5_half_type(), list);
}

static void all_filters(hid_t file) {
    hid_t list = chunked(1, 3, 2, 4);
    H5Pset_fletcher32(list);
    H5Pset_deflate(list, 4);
    H5Pset_shuffle(list);
    put_attention(file, H5T_IEEE_F64LE, list);
}

static void
odd_checksum(hid_t file) { /* 27 elements of 2 bytes: the words of the checksum do not come out even */
    hid_t list = chunked(1, 3, 3, 3);
    H5Pset_deflate(list, 1);
    H5Pset_fletcher32(list);
    put_attention(file, rkv_hdf5_half_type(), list);
}

static void with_extras(hid_t file) {
    int64_t tokens[T] = {5, 6, 7, 8};
    hid_t fixed = H5Tcopy(H5T_C_S1);
    H5Tset_size(fixed, 3);
    H5Tset_strpad(fixed, H5T_STR_NULLPAD);
    plain(file);
    put_dataset(file, "tokens", H5T_STD_I64BE, 1, (hsize_t[]){T}, H5P_DEFAULT, H5T_NATIVE_INT64, tokens);
    put_dataset(file, "token_text", fixed, 1, (hsize_t[]){T}, H5P_DEFAULT, fixed, "abcd\0\0\ne\0\xFFgh");
    put_attribute(file, "n_kv_heads", H5T_NATIVE_INT, &(int){1});
    put_attribute(file, "model_name", fixed, "m/7");
}

typedef struct welcome_row {
    const char *name;
    void (*make)(hid_t file);
} welcome_row;

static const welcome_row welcome[] = {
    {"contiguous float32", plain},
    {"contiguous float64", plain_double},
    {"chunks over heads", half_in_odd_chunks},
    {"all filters", all_filters},
    {"odd checksum", odd_checksum},
    {"fixed strings, big-endian tokens", with_extras},
};

static hid_t create(const char *path, bool latest) {
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    if (latest) H5Pset_libver_bounds(access, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST);
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, access);
    H5Pclose(access);
    assert_true(file >= 0);
    return file;
}

static void check_welcome(const welcome_row *row, bool latest) {
    rkv_trace *trace;
    float head[T * T];
    hid_t file = create(temporary_path("f.h5"), latest);
    row->make(file);
    H5Fclose(file);
    if (rkv_trace_open(&trace, temporary_path("f.h5"))) fail_msg("%s: %s", row->name, rkv_message());
    for (size_t i = 0; i < L * H; i++) {
        if (rkv_trace_read_head(trace, i / H, i % H, head)) fail_msg("%s: %s", row->name, rkv_message());
        for (size_t k = 0; k < T * T; k++)
            assert_true(head[k] == attention_at(i * T * T + k));
    }
    if (row->make == with_extras) {
        static const char *const text[T] = {"abc", "d", "⏎e", "\\xFFgh"};
        for (size_t i = 0; i < T; i++) {
            assert_int_equal(rkv_trace_tokens(trace)[i], 5 + i);
            assert_string_equal(rkv_trace_token_text(trace)[i], text[i]);
        }
        assert_string_equal(rkv_trace_model(trace)->name, "m/7");
        assert_int_equal(rkv_trace_model(trace)->n_kv_heads, 1);
    } else {
        assert_int_equal(rkv_trace_model(trace)->n_kv_heads, H);
    }
    assert_int_equal(rkv_trace_read_head(trace, L, 0, head), RKV_USAGE);
    rkv_trace_close(trace);
}

/* In the oldest form of HDF5's metadata and in the newest. */
static void test_foreign_files_are_welcome(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof welcome / sizeof *welcome; i++)
        for (int latest = 0; latest < 2; latest++)
            check_welcome(&welcome[i], latest);
}

/* What was never written reads as the fill value. */
static void test_unwritten_storage_reads_as_fill(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        hid_t list = i ? chunked(1, 1, 3, 3) : H5Pcreate(H5P_DATASET_CREATE),
              file = create(temporary_path("f.h5"), false);
        rkv_trace *trace;
        float head[T * T];
        H5Pset_fill_value(list, H5T_NATIVE_FLOAT, &(float){0.5f});
        put_dataset(file, "attention", H5T_IEEE_F32LE, 4, (hsize_t[]){L, H, T, T}, list, 0, NULL);
        H5Fclose(file);
        assert_int_equal(rkv_trace_open(&trace, temporary_path("f.h5")), RKV_OK);
        assert_int_equal(rkv_trace_read_head(trace, 1, 2, head), RKV_OK);
        for (size_t k = 0; k < T * T; k++)
            assert_true(head[k] == 0.5f);
        rkv_trace_close(trace);
        H5Pclose(list);
    }
}

/* ---- files that are refused ---- */

static void no_attention(hid_t file) {
    (void)file;
}

static void is_group(hid_t file) {
    H5Gclose(H5Gcreate2(file, "attention", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
}

static void soft_link(hid_t file) {
    put_dataset(file, "x", H5T_IEEE_F32LE, 4, (hsize_t[]){L, H, T, T}, H5P_DEFAULT, 0, NULL);
    H5Lcreate_soft("/x", file, "attention", H5P_DEFAULT, H5P_DEFAULT);
}

static void external_link(hid_t file) {
    H5Lcreate_external("/etc/passwd", "/x", file, "attention", H5P_DEFAULT, H5P_DEFAULT);
}

static void external_storage(hid_t file) {
    hid_t list = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_external(list, "/etc/passwd", 0, H5F_UNLIMITED);
    put_dataset(file, "attention", H5T_IEEE_F32LE, 4, (hsize_t[]){L, H, T, T}, list, 0, NULL);
}

static void virtual_storage(hid_t file) {
    hid_t list = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(4, (hsize_t[]){L, H, T, T}, NULL);
    H5Pset_virtual(list, space, "/etc/passwd", "/x", space);
    put_dataset(file, "attention", H5T_IEEE_F32LE, 4, (hsize_t[]){L, H, T, T}, list, 0, NULL);
}

static void compact_storage(hid_t file) {
    hid_t list = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_layout(list, H5D_COMPACT);
    put_attention(file, H5T_IEEE_F32LE, list);
}

static void scale_offset(hid_t file) {
    hid_t list = chunked(1, 1, T, T);
    H5Pset_scaleoffset(list, H5Z_SO_FLOAT_DSCALE, 2);
    put_attention(file, H5T_IEEE_F32LE, list);
}

static void five_filters(hid_t file) {
    hid_t list = chunked(1, 1, T, T);
    for (int i = 0; i < 5; i++)
        H5Pset_deflate(list, 1);
    put_attention(file, H5T_IEEE_F32LE, list);
}

static void wrong_rank(hid_t file) {
    put_dataset(file, "attention", H5T_IEEE_F32LE, 3, (hsize_t[]){H, T, T}, H5P_DEFAULT, 0, NULL);
}

static void scalar(hid_t file) {
    hid_t space = H5Screate(H5S_SCALAR);
    H5Dclose(H5Dcreate2(file, "attention", H5T_IEEE_F32LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Sclose(space);
}

static void of_shape(hid_t file, hid_t type, hsize_t l, hsize_t h, hsize_t i, hsize_t j, hid_t list) {
    put_dataset(file, "attention", type, 4, (hsize_t[]){l, h, i, j}, list, 0, NULL);
}

static void not_square(hid_t file) {
    of_shape(file, H5T_IEEE_F32LE, L, H, T, T + 1, H5P_DEFAULT);
}

static void no_tokens(hid_t file) {
    of_shape(file, H5T_IEEE_F32LE, L, H, 0, 0, H5P_DEFAULT);
}

static void many_layers(hid_t file) {
    of_shape(file, H5T_IEEE_F32LE, 4097, 1, 1, 1, H5P_DEFAULT);
}

static void many_heads(hid_t file) {
    of_shape(file, H5T_IEEE_F32LE, 1, 4097, 1, 1, H5P_DEFAULT);
}

static void huge_tokens(hid_t file) {
    of_shape(file, H5T_IEEE_F32LE, 1, 1, (hsize_t)1 << 40, (hsize_t)1 << 40, chunked(1, 1, 256, 256));
}

static void huge_product(hid_t file) {
    of_shape(file, H5T_IEEE_F64LE, 4096, 4096, 1 << 20, 1 << 20, chunked(1, 1, 1024, 1024));
}

static void huge_chunks(hid_t file) {
    of_shape(file, H5T_IEEE_F32LE, 1, 1, 1 << 20, 1 << 20, chunked(1, 1, 1 << 14, (1 << 14) + 1));
}

static void tiny_chunks(hid_t file) {
    of_shape(file, H5T_IEEE_F32LE, 1, 1, 1 << 20, 1 << 20, chunked(1, 1, 1, 1));
}

static void big_endian(hid_t file) {
    put_attention(file, H5T_IEEE_F32BE, H5P_DEFAULT);
}

static void integers(hid_t file) {
    put_attention(file, H5T_STD_I32LE, H5P_DEFAULT);
}

static void compound(hid_t file) {
    hid_t type = H5Tcreate(H5T_COMPOUND, 8);
    H5Tinsert(type, "a", 0, H5T_IEEE_F32LE);
    H5Tinsert(type, "b", 4, H5T_IEEE_F32LE);
    of_shape(file, type, L, H, T, T, H5P_DEFAULT);
}

static void other_schema(hid_t file) {
    plain(file);
    put_string(file, "schema", "kvtrace");
}

static void later_schema(hid_t file) {
    plain(file);
    put_attribute(file, "schema_version", H5T_NATIVE_INT, &(int){2});
}

static void schema_is_number(hid_t file) {
    plain(file);
    put_attribute(file, "schema", H5T_NATIVE_INT, &(int){1});
}

static void layers_disagree(hid_t file) {
    plain(file);
    put_attribute(file, "n_layers", H5T_NATIVE_INT, &(int){3});
}

static void groups_disagree(hid_t file) {
    plain(file);
    put_attribute(file, "n_kv_heads", H5T_NATIVE_INT, &(int){2});
}

static void no_hash(hid_t file) {
    plain(file);
    put_string(file, "model_sha256", "0xABC");
}

static void long_name(hid_t file) {
    char name[1001];
    memset(name, 'n', 1000);
    name[1000] = '\0';
    plain(file);
    put_string(file, "model_name", name);
}

static void name_in_numbers(hid_t file) {
    hid_t space = H5Screate_simple(1, (hsize_t[]){3}, NULL);
    plain(file);
    H5Aclose(H5Acreate2(file, "n_kv_heads", H5T_NATIVE_INT, space, H5P_DEFAULT, H5P_DEFAULT));
}

static void tokens_too_few(hid_t file) {
    plain(file);
    put_dataset(file, "tokens", H5T_STD_I32LE, 1, (hsize_t[]){T - 1}, H5P_DEFAULT, 0, NULL);
}

static void tokens_are_reals(hid_t file) {
    plain(file);
    put_dataset(file, "tokens", H5T_IEEE_F32LE, 1, (hsize_t[]){T}, H5P_DEFAULT, 0, NULL);
}

static void text_is_numbers(hid_t file) {
    plain(file);
    put_dataset(file, "token_text", H5T_STD_I8LE, 1, (hsize_t[]){T}, H5P_DEFAULT, 0, NULL);
}

static void text_is_huge(hid_t file) {
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, (size_t)1 << 30);
    plain(file);
    put_dataset(file, "token_text", type, 1, (hsize_t[]){T}, H5P_DEFAULT, 0, NULL);
}

static void text_is_linked(hid_t file) {
    plain(file);
    H5Lcreate_external("/etc/passwd", "/x", file, "token_text", H5P_DEFAULT, H5P_DEFAULT);
}

static void ranks_are_flat(hid_t file) {
    plain(file);
    put_dataset(file, "effective_rank", H5T_IEEE_F64LE, 1, (hsize_t[]){L * H}, H5P_DEFAULT, 0, NULL);
}

typedef struct refused_row {
    void (*make)(hid_t file);
    const char *says; /* part of the message */
} refused_row;

static const refused_row refused[] = {
    {no_attention, "no dataset attention"},
    {is_group, "attention: is no dataset"},
    {soft_link, "attention: is a soft link"},
    {external_link, "attention: is an external link"},
    {external_storage, "attention: external storage"},
    {virtual_storage, "attention: virtual storage"},
    {compact_storage, "attention: compact storage"},
    {scale_offset, "attention: filter number 6"},
    {five_filters, "attention: 5 filters exceed the limit of 4"},
    {wrong_rank, "attention: has 3 axes instead of 4"},
    {scalar, "attention: has 0 axes"},
    {not_square, "attention: 4 queries but 5 keys"},
    {no_tokens, "attention: 0 tokens are outside 1 .. 1048576"},
    {many_layers, "attention: 4097 layers are outside 1 .. 4096"},
    {many_heads, "attention: 4097 heads are outside 1 .. 4096"},
    {huge_tokens, "attention: 1099511627776 tokens are outside 1 .. 1048576"},
    {huge_product, "attention: [4096, 4096, 1048576, 1048576] elements"},
    {huge_chunks, "attention: a chunk takes more than 1073741824 bytes"},
    {tiny_chunks, "attention: more than 16777216 chunks"},
    {big_endian, "attention: its type"},
    {integers, "attention: its type"},
    {compound, "attention: its type"},
    {other_schema, "schema: \"kvtrace\" instead of \"rankkv-trace\""},
    {later_schema, "schema_version: 2"},
    {schema_is_number, "schema: is not one string"},
    {layers_disagree, "n_layers: 3, dataset attention has 2"},
    {groups_disagree, "n_kv_heads: 2 is no divisor of the 3 heads"},
    {no_hash, "model_sha256: \"0xABC\""},
    {long_name, "model_name: 1000 bytes exceed the limit of 255"},
    {name_in_numbers, "n_kv_heads: is not one integer"},
    {tokens_too_few, "tokens: axis 0 has 3 entries, the attention asks for 4"},
    {tokens_are_reals, "tokens: its type is no integer"},
    {text_is_numbers, "token_text: its type is no string"},
    {text_is_huge, "token_text: 4 strings of 1073741825 bytes exceed the limit of 67108864"},
    {text_is_linked, "token_text: is an external link"},
    {ranks_are_flat, "effective_rank: has 1 axes instead of 2"},
};

static void test_wrong_files_are_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        rkv_trace *trace = (rkv_trace *)1;
        hid_t file = create(temporary_path("f.h5"), refused[i].make == virtual_storage);
        refused[i].make(file);
        H5Fclose(file);
        rkv_status status = rkv_trace_open(&trace, temporary_path("f.h5"));
        if (status != RKV_DATA || !strstr(rkv_message(), refused[i].says) ||
            !strstr(rkv_message(), temporary_path("f.h5")))
            fail_msg("\"%s\" expected, got %d: %s", refused[i].says, (int)status, rkv_message());
        assert_null(trace);
    }
}

static void expect_open(const char *name, rkv_status expected) {
    rkv_trace *trace;
    assert_int_equal(rkv_trace_open(&trace, temporary_path(name)), expected);
    assert_null(trace);
    assert_non_null(strstr(rkv_message(), temporary_path(name)));
}

static void test_what_is_no_hdf5(void **state) {
    (void)state;
    expect_open("missing.h5", RKV_NO_INPUT);
    assert_int_equal(rkv_write_file(temporary_path("text.h5"), "no HDF5", 7), RKV_OK);
    expect_open("text.h5", RKV_DATA);
    assert_int_equal(rkv_write_file(temporary_path("empty.h5"), "", 0), RKV_OK);
    expect_open("empty.h5", RKV_DATA);
    assert_int_equal(mkfifo(temporary_path("pipe.h5"), 0600), 0);
    expect_open("pipe.h5", RKV_NO_INPUT);
    assert_int_equal(mkdir(temporary_path("folder.h5"), 0700), 0);
    expect_open("folder.h5", RKV_NO_INPUT);
    rmdir(temporary_path("folder.h5"));
    hid_t creation = H5Pcreate(H5P_FILE_CREATE);
    H5Pset_userblock(creation, 512);
    hid_t file = H5Fcreate(temporary_path("block.h5"), H5F_ACC_TRUNC, creation, H5P_DEFAULT);
    plain(file);
    H5Fclose(file);
    H5Pclose(creation);
    expect_open("block.h5", RKV_DATA);
    assert_non_null(strstr(rkv_message(), "user block of 512 bytes"));
}

/* ---- damaged chunks: the other heads can be read where the size is right ---- */

static void check_bad_chunk(const void *bytes, size_t length, uint32_t mask, const char *says) {
    rkv_trace *trace;
    float head[T * T];
    hid_t file = create(temporary_path("f.h5"), false), list = chunked(1, 1, T, T);
    H5Pset_shuffle(list);
    H5Pset_deflate(list, 1);
    put_attention(file, H5T_IEEE_F32LE, list);
    hid_t id = H5Dopen2(file, "attention", H5P_DEFAULT);
    assert_true(H5Dwrite_chunk(id, H5P_DEFAULT, mask, (hsize_t[]){1, 2, 0, 0}, length, bytes) >= 0);
    H5Dclose(id);
    H5Pclose(list);
    H5Fclose(file);
    rkv_status status = rkv_trace_open(&trace, temporary_path("f.h5"));
    if (!status) {
        assert_int_equal(rkv_trace_read_head(trace, 1, 1, head), RKV_OK);
        status = rkv_trace_read_head(trace, 1, 2, head);
    }
    assert_int_equal(status, RKV_DATA);
    if (!strstr(rkv_message(), says) || !strstr(rkv_message(), "[1, 2"))
        fail_msg("\"%s\" expected: %s", says, rkv_message());
    rkv_trace_close(trace);
}

static void test_damaged_chunks(void **state) {
    (void)state;
    static const unsigned char zeros[5000];
    /* zlib's form of 4096 zeros, for a chunk of 64 bytes */
    static const unsigned char bomb[] = {0x78, 0xda, 0xed, 0xc1, 0x01, 0x0d, 0x00, 0x00, 0x00,
                                         0xc2, 0xa0, 0xf7, 0x4f, 0x6d, 0x0f, 0x07, 0x14, 0x00,
                                         0x00, 0x00, 0xf0, 0x6e, 0x10, 0x00, 0x00, 0x01};
    check_bad_chunk(zeros, 40, 0, "damaged deflate data");
    check_bad_chunk(bomb, sizeof bomb, 0, "damaged deflate data: larger than the chunk");
    check_bad_chunk(zeros, 63, 3, "unpacks to 63 bytes instead of 64");
    check_bad_chunk(zeros, 5000, 3, "5000 bytes exceed the");
}

/* ---- random damage ---- */

typedef struct tally {
    size_t opened, read, refused, crashed, endless;
} tally;

/* Opens a damaged trace and reads all of it: what matters is that this program is there afterwards. */
static void try_damaged(const char *bytes, size_t length, tally *count) {
    static float head[64 * 64];
    rkv_trace *trace;
    temporary_write(temporary_path("d.h5"), bytes, length);
    rkv_status status = rkv_trace_open(&trace, temporary_path("d.h5"));
    if (status) {
        if (status != RKV_DATA) fail_msg("status %d: %s", (int)status, rkv_message());
        count->refused++;
        count->crashed += strstr(rkv_message(), "HDF5 library crashed") != NULL;
        count->endless += strstr(rkv_message(), "HDF5 library needs") != NULL;
        return;
    }
    count->opened++;
    const rkv_model_info *model = rkv_trace_model(trace);
    if (rkv_trace_n_tokens(trace) <= 64)
        for (size_t i = 0; i < model->n_layers * model->n_heads && i < 64; i++) {
            status = rkv_trace_read_head(trace, i / model->n_heads, i % model->n_heads, head);
            assert_true(status == RKV_OK || status == RKV_DATA);
            count->read += status == RKV_OK;
        }
    rkv_trace_close(trace);
}

/* One to eight bytes of damage at random places, or the end cut off. */
static void damage(char *bytes, size_t *length, rkv_random *random) {
    static const unsigned char favourites[] = {0, 1, 0x7F, 0x80, 0xFE, 0xFF};
    if (rkv_random_below(random, 8) == 0) {
        *length = rkv_random_below(random, *length);
        return;
    }
    for (size_t n = 1 + rkv_random_below(random, 8); n > 0; n--) {
        char *byte = &bytes[rkv_random_below(random, *length)];
        if (rkv_random_below(random, 2))
            *byte = (char)(*byte ^ (1 << rkv_random_below(random, 8)));
        else
            *byte = (char)favourites[rkv_random_below(random, sizeof favourites)];
    }
}

static void fuzz(const char *what, uint64_t seed, size_t rounds) {
    char *bytes, *copy;
    size_t length;
    rkv_random random = {seed};
    tally count = {0};
    assert_int_equal(rkv_read_file(temporary_path("f.h5"), 1 << 24, &bytes, &length), RKV_OK);
    copy = malloc(length);
    for (size_t i = 0; i < rounds; i++) {
        size_t n = length;
        memcpy(copy, bytes, length);
        damage(copy, &n, &random);
        try_damaged(copy, n, &count);
    }
    print_message("%s (%zu bytes): of %zu damaged files %zu opened (%zu heads read), %zu were refused; "
                  "HDF5 crashed on %zu, came to no end on %zu\n",
                  what, length, rounds, count.opened, count.read, count.refused, count.crashed,
                  count.endless);
    free(copy);
    free(bytes);
}

/* RANKKV_FUZZ_ROUNDS: more than the few of every day. */
static void test_random_damage(void **state) {
    (void)state;
    const char *wanted = getenv("RANKKV_FUZZ_ROUNDS");
    size_t rounds = wanted ? strtoul(wanted, NULL, 10) : 100;
    assert_int_equal(sample_trace_write(temporary_path("f.h5"), 6, RKV_FLOAT16, true), RKV_OK);
    fuzz("our own", 1, rounds);
    for (int latest = 0; latest < 2; latest++) {
        hid_t file = create(temporary_path("f.h5"), latest);
        half_in_odd_chunks(file);
        put_string(file, "model_name", "a model");
        hid_t type = rkv_hdf5_string_type();
        put_dataset(file, "token_text", type, 1, (hsize_t[]){T}, H5P_DEFAULT, type,
                    (const char *const[T]){"a", "bc", "", "d"});
        H5Tclose(type);
        H5Fclose(file);
        fuzz(latest ? "newest form" : "oldest form", 2 + (uint64_t)latest, rounds);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_foreign_files_are_welcome),
        cmocka_unit_test(test_unwritten_storage_reads_as_fill),
        cmocka_unit_test(test_wrong_files_are_refused),
        cmocka_unit_test(test_what_is_no_hdf5),
        cmocka_unit_test(test_damaged_chunks),
        cmocka_unit_test(test_random_damage),
    };
    return cmocka_run_group_tests(tests, set_up, temporary_tear_down);
}
