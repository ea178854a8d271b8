/* test_trace.c: traces written and read back; what a full disk or a wrong call leaves behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <hdf5.h>
#include <omp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/file.h"
#include "core/half.h"
#include "support/sample_trace.h"
#include "support/temporary.h"

#define OK(call) assert_int_equal((call), RKV_OK)

static int is_real(const struct dirent *entry) {
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static size_t count_files(const char *folder) {
    struct dirent **entries = NULL;
    int n = scandir(folder, &entries, is_real, NULL);
    assert_true(n >= 0);
    for (int i = 0; i < n; i++)
        free(entries[i]);
    free(entries);
    return (size_t)n;
}

/* ---- round trips ---- */

static void check_model(const rkv_model_info *model) {
    rkv_model_info expected = sample_model();
    assert_string_equal(model->name, expected.name);
    assert_string_equal(model->architecture, expected.architecture);
    assert_string_equal(model->file_type, expected.file_type);
    assert_string_equal(model->sha256, expected.sha256);
    assert_int_equal(model->n_layers, expected.n_layers);
    assert_int_equal(model->n_heads, expected.n_heads);
    assert_int_equal(model->n_kv_heads, expected.n_kv_heads);
    assert_int_equal(model->head_dim, expected.head_dim);
    assert_int_equal(model->n_parameters, expected.n_parameters);
}

static void check_prompt(const rkv_trace *trace, size_t n_tokens) {
    assert_int_equal(rkv_trace_n_tokens(trace), n_tokens);
    for (size_t i = 0; i < n_tokens; i++) {
        char text[24] = "";
        if (i % 3 != 2) snprintf(text, sizeof text, i % 3 ? "é%zu" : "t%zu", i);
        assert_int_equal(rkv_trace_tokens(trace)[i], 100 + 3 * i);
        assert_string_equal(rkv_trace_token_text(trace)[i], text);
    }
}

static void check_attention(const rkv_trace *trace, size_t n_tokens) {
    size_t n = n_tokens * n_tokens;
    float *layer = malloc(SAMPLE_HEADS * n * sizeof *layer), *head = malloc(n * sizeof *head);
    uint16_t *halves = malloc(n * sizeof *halves);
    for (size_t l = 0; l < SAMPLE_LAYERS; l++) {
        sample_attention(layer, l, n_tokens);
        for (size_t h = 0; h < SAMPLE_HEADS; h++) {
            float *expected = layer + h * n;
            if (rkv_trace_get_dtype(trace) == RKV_FLOAT16) {
                rkv_floats_to_halves_plain(expected, halves, n);
                rkv_halves_to_floats_plain(halves, expected, n);
            }
            memset(head, 0xFF, n * sizeof *head);
            OK(rkv_trace_read_head(trace, l, h, head));
            assert_memory_equal(head, expected, n * sizeof *head);
        }
    }
    free(halves);
    free(head);
    free(layer);
}

static void check_ranks(const rkv_trace *trace) {
    double erank[SAMPLE_LAYERS * SAMPLE_HEADS];
    assert_true(rkv_trace_read_erank(trace, erank));
    for (size_t i = 0; i < SAMPLE_LAYERS * SAMPLE_HEADS; i++)
        assert_true(erank[i] == sample_metric(RKV_ERANK, i));
}

static void test_round_trip(void **state) {
    (void)state;
    static const size_t lengths[] = {1, 2, 37, 256, 257, 600};
    for (int dtype = RKV_FLOAT16; dtype <= RKV_FLOAT32; dtype++)
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
            rkv_trace *trace;
            OK(sample_trace_write(temporary_path("t.h5"), lengths[i], (rkv_trace_dtype)dtype, i % 2));
            OK(rkv_trace_open(&trace, temporary_path("t.h5")));
            assert_int_equal(rkv_trace_get_dtype(trace), dtype);
            check_model(rkv_trace_model(trace));
            check_prompt(trace, lengths[i]);
            check_ranks(trace);
            check_attention(trace, lengths[i]);
            rkv_trace_close(trace);
        }
}

/* The optional parts may be missing. */
static void test_bare_trace(void **state) {
    (void)state;
    rkv_model_info model = sample_model();
    rkv_trace_writer *writer;
    rkv_trace *trace;
    float attention[SAMPLE_HEADS * 9] = {0};
    double erank[SAMPLE_LAYERS * SAMPLE_HEADS];
    model.name = model.architecture = model.file_type = NULL;
    model.sha256[0] = '\0';
    OK(rkv_trace_create(&writer, temporary_path("bare.h5"), &model, NULL, NULL, 3, RKV_FLOAT32));
    for (size_t l = 0; l < SAMPLE_LAYERS; l++)
        OK(rkv_trace_write_layer(writer, &(rkv_layer){.index = l,
                                                      .n_layers = SAMPLE_LAYERS,
                                                      .n_heads = SAMPLE_HEADS,
                                                      .n_tokens = 3,
                                                      .attention = attention}));
    OK(rkv_trace_finish(writer, NULL, NULL));
    OK(rkv_trace_open(&trace, temporary_path("bare.h5")));
    assert_null(rkv_trace_tokens(trace));
    assert_null(rkv_trace_token_text(trace));
    assert_false(rkv_trace_read_erank(trace, erank));
    assert_string_equal(rkv_trace_model(trace)->name, "bare.h5");
    assert_string_equal(rkv_trace_model(trace)->sha256, "");
    rkv_trace_close(trace);
}

static void test_heads_are_read_from_many_threads(void **state) {
    (void)state;
    rkv_trace *trace;
    size_t n = 300, wrong = 0;
    float *expected = malloc(SAMPLE_LAYERS * SAMPLE_HEADS * n * n * sizeof *expected);
    for (size_t l = 0; l < SAMPLE_LAYERS; l++)
        sample_attention(expected + l * SAMPLE_HEADS * n * n, l, n);
    OK(sample_trace_write(temporary_path("t.h5"), n, RKV_FLOAT32, false));
    OK(rkv_trace_open(&trace, temporary_path("t.h5")));
#pragma omp parallel for reduction(+ : wrong) num_threads(4)
    for (size_t i = 0; i < SAMPLE_LAYERS * SAMPLE_HEADS; i++) {
        float *head = malloc(n * n * sizeof *head);
        wrong += rkv_trace_read_head(trace, i / SAMPLE_HEADS, i % SAMPLE_HEADS, head) != RKV_OK ||
                 memcmp(head, expected + i * n * n, n * n * sizeof *head) != 0;
        free(head);
    }
    assert_int_equal(wrong, 0);
    rkv_trace_close(trace);
    free(expected);
}

/* ---- what stands in the file ---- */

static void test_chunks_above_the_diagonal_are_not_stored(void **state) {
    (void)state;
    OK(sample_trace_write(temporary_path("t.h5"), 600, RKV_FLOAT32, false));
    hid_t file = H5Fopen(temporary_path("t.h5"), H5F_ACC_RDONLY, H5P_DEFAULT);
    hid_t attention = H5Dopen2(file, "attention", H5P_DEFAULT);
    hsize_t n_chunks = 0;
    hid_t space = H5Dget_space(attention);
    assert_true(H5Dget_num_chunks(attention, space, &n_chunks) >= 0);
    H5Sclose(space);
    assert_int_equal(n_chunks, SAMPLE_LAYERS * SAMPLE_HEADS * 6); /* of 3 x 3 */
    assert_true(H5Dget_storage_size(attention) < n_chunks * 256 * 256 * 4);
    for (hsize_t key = 0; key < 600;
         key += 256) { /* the first row of chunks: on the diagonal, above, above */
        haddr_t address = 0;
        hsize_t bytes = 0;
        unsigned mask;
        H5Dget_chunk_info_by_coord(attention, (hsize_t[]){1, 2, 0, key}, &mask, &address, &bytes);
        assert_int_equal(address == HADDR_UNDEF, key > 0);
    }
    H5Dclose(attention);
    H5Fclose(file);
}

static void test_equal_content_gives_equal_bytes(void **state) {
    (void)state;
    char *bytes[2];
    size_t length[2];
    for (int i = 0; i < 2; i++) {
        omp_set_num_threads(i ? 5 : 1);
        OK(sample_trace_write(temporary_path("t.h5"), 700, RKV_FLOAT16, true));
        OK(rkv_read_file(temporary_path("t.h5"), SIZE_MAX / 2, &bytes[i], &length[i]));
        if (!i) usleep(1100 * 1000); /* a time in the file would differ */
    }
    omp_set_num_threads(omp_get_num_procs());
    assert_int_equal(length[0], length[1]);
    assert_memory_equal(bytes[0], bytes[1], length[0]);
    free(bytes[0]);
    free(bytes[1]);
}

static void test_estimate(void **state) {
    (void)state;
    rkv_model_info model = sample_model();
    const uint64_t heads = SAMPLE_LAYERS * SAMPLE_HEADS;
    assert_true(rkv_trace_estimate_bytes(&model, 100, RKV_FLOAT32) == heads * 100 * 100 * 4);
    assert_true(rkv_trace_estimate_bytes(&model, 257, RKV_FLOAT16) == heads * 3 * 256 * 256 * 2);
    assert_true(rkv_trace_estimate_bytes(&model, 2048, RKV_FLOAT16) == heads * 36 * 256 * 256 * 2);
}

/* ---- faults ---- */

static void test_wrong_calls(void **state) {
    (void)state;
    rkv_model_info model = sample_model();
    rkv_trace_writer *writer = (rkv_trace_writer *)1;
    float attention[SAMPLE_HEADS * 4] = {0};
    rkv_layer layer = {.index = 1,
                       .n_layers = SAMPLE_LAYERS,
                       .n_heads = SAMPLE_HEADS,
                       .n_tokens = 2,
                       .attention = attention};
    assert_int_equal(rkv_trace_create(&writer, temporary_path("w.h5"), &model, NULL, NULL, 0, RKV_FLOAT16),
                     RKV_USAGE);
    assert_null(writer);
    assert_int_equal(rkv_trace_create(&writer, temporary_path("no/w.h5"), &model, NULL, NULL, 2, RKV_FLOAT16),
                     RKV_CANNOT_CREATE);
    OK(rkv_trace_create(&writer, temporary_path("w.h5"), &model, NULL, NULL, 2, RKV_FLOAT16));
    assert_int_equal(rkv_trace_write_layer(writer, &layer), RKV_USAGE);
    assert_non_null(strstr(rkv_message(), "layer 0 is expected"));
    layer.index = 0;
    layer.n_heads = 3;
    assert_int_equal(rkv_trace_write_layer(writer, &layer), RKV_USAGE);
    layer.n_heads = SAMPLE_HEADS;
    OK(rkv_trace_write_layer(writer, &layer));
    assert_int_equal(rkv_trace_finish(writer, NULL, NULL), RKV_USAGE);
    assert_non_null(strstr(rkv_message(), "1 of 2 layers"));
    assert_int_equal(count_files(temporary_path(".")), 0);
    OK(rkv_trace_create(&writer, temporary_path("w.h5"), &model, NULL, NULL, 2, RKV_FLOAT16));
    rkv_trace_abandon(writer);
    rkv_trace_abandon(NULL);
    assert_int_equal(count_files(temporary_path(".")), 0);
}

static void test_too_little_space_is_told_before(void **state) {
    (void)state;
    rkv_model_info model = sample_model();
    rkv_trace_writer *writer;
    model.n_layers = model.n_heads = model.n_kv_heads = 4096;
    assert_int_equal(
        rkv_trace_create(&writer, temporary_path("w.h5"), &model, NULL, NULL, 1 << 20, RKV_FLOAT32),
        RKV_CANNOT_CREATE);
    char wanted[32];
    snprintf(wanted, sizeof wanted, "%llu",
             (unsigned long long)rkv_trace_estimate_bytes(&model, 1 << 20, RKV_FLOAT32));
    assert_non_null(strstr(rkv_message(), wanted));
    assert_non_null(strstr(rkv_message(), "free"));
}

/* This program, run again by write_limited as `test_trace --write PATH`: writes a trace; the exit code says
 * how it went. */
static int write_and_tell(const char *path) {
    rkv_status status = sample_trace_write(path, 300, RKV_FLOAT16, true);
    if (status == RKV_IO && !(strstr(rkv_message(), path) && strstr(rkv_message(), strerror(EFBIG))))
        status = RKV_ERROR;
    return rkv_status_exit_code(status); /* HDF5's exit handlers now have their chance to complain */
}

/* Writes a trace under a limit on the size of files; what is printed goes to log. Returns the wait status. */
static int write_limited(const char *path, rlim_t limit, const char *log) {
    pid_t child = fork();
    if (child == 0) {
        int descriptor = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        dup2(descriptor, 1);
        dup2(descriptor, 2);
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){limit, limit});
        execl("/proc/self/exe", "test_trace", "--write", path, (char *)NULL);
        _exit(127);
    }
    int how = 0;
    assert_true(child > 0 && waitpid(child, &how, 0) == child);
    return how;
}

static void test_every_failed_write_is_noticed(void **state) {
    (void)state;
    char folder[256], path[300], log[512];
    struct stat info;
    snprintf(log, sizeof log, "%s", temporary_path("log"));
    snprintf(folder, sizeof folder, "%s", temporary_path("limited"));
    snprintf(path, sizeof path, "%s/limited.h5", folder);
    assert_int_equal(mkdir(folder, 0700), 0);
    assert_int_equal(WEXITSTATUS(write_limited(path, RLIM_INFINITY, log)), 0);
    assert_int_equal(stat(path, &info), 0);
    unlink(path);
    rlim_t whole = (rlim_t)info.st_size;
    for (rlim_t limit = 0; limit < whole; limit += whole / 60) {
        int how = write_limited(path, limit, log);
        assert_true(WIFEXITED(how));
        assert_int_equal(WEXITSTATUS(how), rkv_status_exit_code(RKV_IO));
        assert_int_equal(count_files(folder), 0);
        assert_int_equal(stat(log, &info), 0);
        assert_int_equal(info.st_size, 0); /* nothing was printed */
    }
    assert_int_equal(WEXITSTATUS(write_limited(path, whole, log)), 0);
    unlink(path);
    assert_int_equal(rmdir(folder), 0);
}

/* Fills what is left of the file system under folder. */
static void fill_up(const char *folder) {
    static const char zeros[4096];
    char path[512];
    snprintf(path, sizeof path, "%s/filler", folder);
    int descriptor = open(path, O_WRONLY | O_CREAT, 0600);
    while (write(descriptor, zeros, sizeof zeros) > 0)
        ;
    close(descriptor);
}

static void test_full_disk(void **state) {
    (void)state;
    char folder[256], path[300];
    rkv_model_info model = sample_model();
    rkv_trace_writer *writer;
    float *attention = malloc(SAMPLE_HEADS * 300 * 300 * sizeof *attention);
    snprintf(folder, sizeof folder, "%s", temporary_path("small"));
    snprintf(path, sizeof path, "%s/t.h5", folder);
    assert_int_equal(mkdir(folder, 0700), 0);
    if (mount("rankkv-test", folder, "tmpfs", 0, "size=8m") != 0) {
        print_message("skipped: a tmpfs cannot be mounted here: %s\n", strerror(errno));
        rmdir(folder);
        free(attention);
        skip();
    }
    assert_int_equal(rkv_trace_create(&writer, path, &model, NULL, NULL, 1000, RKV_FLOAT32),
                     RKV_CANNOT_CREATE);
    OK(rkv_trace_create(&writer, path, &model, NULL, NULL, 300, RKV_FLOAT16));
    fill_up(folder);
    sample_attention(attention, 0, 300);
    rkv_layer layer = {
        .n_layers = SAMPLE_LAYERS, .n_heads = SAMPLE_HEADS, .n_tokens = 300, .attention = attention};
    rkv_status written = rkv_trace_write_layer(writer, &layer);
    char *message = strdup(rkv_message());
    rkv_status finished = rkv_trace_finish(writer, NULL, NULL);
    size_t files = count_files(folder);
    assert_int_equal(umount(folder), 0);
    rmdir(folder);
    assert_int_equal(written, RKV_IO);
    assert_non_null(strstr(message, path));
    assert_non_null(strstr(message, strerror(ENOSPC)));
    assert_int_equal(finished, RKV_IO);
    assert_non_null(strstr(rkv_message(), strerror(ENOSPC)));
    assert_int_equal(files, 1); /* the filler */
    free(message);
    free(attention);
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "--write") == 0) return write_and_tell(argv[2]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong_calls),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_bare_trace),
        cmocka_unit_test(test_heads_are_read_from_many_threads),
        cmocka_unit_test(test_chunks_above_the_diagonal_are_not_stored),
        cmocka_unit_test(test_equal_content_gives_equal_bytes),
        cmocka_unit_test(test_estimate),
        cmocka_unit_test(test_too_little_space_is_told_before),
        cmocka_unit_test(test_every_failed_write_is_noticed),
        cmocka_unit_test(test_full_disk),
    };
    return cmocka_run_group_tests(tests, temporary_set_up, temporary_tear_down);
}
