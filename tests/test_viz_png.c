/* test_viz_png.c: what is written decodes to what was meant, names where it comes from, and leaves nothing on
 * failure. */
#include "test_viz_kinds.h"

#include <dirent.h>
#include <png.h>
#include <signal.h>
#include <sys/resource.h>

#include "viz/figures.h"
#include "viz/png_file.h"

/* ---- reading ---- */

typedef struct picture {
    unsigned char *rgb;
    size_t width, height;
} picture;

static picture read_picture(const char *path) {
    png_image image = {.version = PNG_IMAGE_VERSION};
    assert_true(png_image_begin_read_from_file(&image, path));
    image.format = PNG_FORMAT_RGB;
    picture p = {.rgb = malloc(PNG_IMAGE_SIZE(image)), .width = image.width, .height = image.height};
    assert_true(png_image_finish_read(&image, NULL, p.rgb, 0, NULL));
    return p;
}

static char *read_bytes(const char *path, size_t *length) {
    char *bytes = NULL;
    assert_int_equal(rkv_read_file(path, (size_t)1 << 28, &bytes, length), RKV_OK);
    return bytes;
}

/* The text of a key, "" when there is none; the caller frees. */
static char *read_text(const char *path, const char *key) {
    png_structp reader = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(reader);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(setjmp(png_jmpbuf(reader)), 0);
    png_init_io(reader, file);
    png_read_info(reader, info);
    png_textp text = NULL;
    int n = 0;
    png_get_text(reader, info, &text, &n);
    char *found = NULL;
    for (int i = 0; i < n && !found; i++)
        if (strcmp(text[i].key, key) == 0) found = strdup(text[i].text);
    png_destroy_read_struct(&reader, &info, NULL);
    fclose(file);
    return found ? found : strdup("");
}

static void assert_text(const char *path, const char *key, const char *expected) {
    char *text = read_text(path, key);
    assert_string_equal(text, expected);
    free(text);
}

/* ---- plain pictures ---- */

/* Every pixel from the definitions. */
static void check_plain_head(const char *path, const float *a, size_t n_tokens,
                             const rkv_heatmap_options *options) {
    const rkv_colormap *map = rkv_colormap_find(options->colormap);
    rkv_fit fit = rkv_fit_within(n_tokens, options->size_px ? options->size_px : n_tokens);
    size_t n = fit.cells;
    bool by_row = options->scale == RKV_SCALE_ROW;
    float *cell = malloc(n * n * sizeof *cell);
    double high = 0;
    for (size_t r = 0; r < n; r++)
        for (size_t c = 0; c < n; c++) {
            cell[r * n + c] = plain_cell(a, n_tokens, fit.factor, options->reduce, by_row, r, c);
            if (cell[r * n + c] > high) high = (double)cell[r * n + c];
        }
    if (by_row || high == 0) high = 1;
    picture p = read_picture(path);
    assert_int_equal(p.width, fit.side_px);
    assert_int_equal(p.height, fit.side_px);
    for (size_t y = 0; y < p.height; y++)
        for (size_t x = 0; x < p.width; x++) {
            size_t r = y / fit.zoom, c = x / fit.zoom;
            const unsigned char *expected =
                c > r ? map->masked : plain_colour(map, options->scale, high, (double)cell[r * n + c]);
            assert_memory_equal(p.rgb + 3 * (y * p.width + x), expected, 3);
        }
    free(p.rgb);
    free(cell);
}

static void test_plain_heads(void **state) {
    (void)state;
    static const size_t tokens[] = {1, 3, 10, 41}, sides[] = {0, 20};
    char *folder = make_test_folder(), *path = path_in(folder, "head.png");
    for (size_t m = 0; rkv_colormap_at(m); m++)
        for (int scale = 0; scale < RKV_SCALE_COUNT; scale++)
            for (int reduce = RKV_REDUCE_MAX; reduce <= RKV_REDUCE_MEAN; reduce++)
                for (size_t t = 0; t < COUNT(tokens); t++)
                    for (size_t s = 0; s < COUNT(sides); s++) {
                        float *a = dyadic_matrix(tokens[t], 11 + t);
                        if (tokens[t] > 5) a[5 * tokens[t] + 1] = NAN;
                        rkv_heatmap_options options = {.colormap = rkv_colormap_at(m)->name,
                                                       .scale = (rkv_scale)scale,
                                                       .reduce = (rkv_reduce)reduce,
                                                       .size_px = sides[s],
                                                       .plain = true};
                        assert_int_equal(rkv_heatmap_head(path, a, tokens[t], 0, 0, 1, &options), RKV_OK);
                        check_plain_head(path, a, tokens[t], &options);
                        free(a);
                    }
    unlink(path);
    free(path);
    remove_test_folder(folder);
}

/* Nine cells of three heads: where each panel is, and white between. */
static void test_plain_layer(void **state) {
    (void)state;
    float a[3 * 4] = {1, 0, .5f, .5f, 1, 0, .25f, .75f, 1, 0, 0, 1};
    rkv_layer layer = {.n_layers = 1, .n_heads = 3, .n_kv_heads = 1, .n_tokens = 2, .attention = a};
    rkv_heatmap_options options = {.plain = true, .size_px = 2};
    char *folder = make_test_folder(), *path = path_in(folder, "layer.png");
    assert_int_equal(rkv_heatmap_layer(path, &layer, &options), RKV_OK);
    picture p = read_picture(path);
    size_t columns = rkv_grid_columns(3), rows = (3 + columns - 1) / columns;
    assert_int_equal(p.width, columns * 4 - 2);
    assert_int_equal(p.height, rows * 4 - 2);
    const rkv_colormap *map = rkv_colormap_at(0);
    for (size_t h = 0; h < 3; h++) {
        const unsigned char *corner = p.rgb + 3 * (h / columns * 4 * p.width + h % columns * 4);
        assert_memory_equal(corner, map->rgb[255], 3);
        assert_memory_equal(corner + 3, map->masked, 3);
        assert_memory_equal(corner + 3 * p.width, map->rgb[h == 0 ? 128 : h == 1 ? 64 : 0], 3);
        assert_memory_equal(corner + 3 * (p.width + 1), map->rgb[h == 0 ? 128 : h == 1 ? 192 : 255], 3);
    }
    static const unsigned char white[3] = {255, 255, 255};
    if (columns > 1) assert_memory_equal(p.rgb + 3 * 2, white, 3);
    free(p.rgb);
    unlink(path);
    free(path);
    remove_test_folder(folder);
}

/* ---- every kind of picture ---- */

static bool labels_available(void) {
    rkv_figure figure;
    rkv_status status = rkv_figure_open(&figure, NULL);
    rkv_figure_close(&figure);
    return status == RKV_OK;
}

static void test_same_input_same_bytes(void **state) {
    (void)state;
    char *folder = make_test_folder(), *path = path_in(folder, "a.png"), *again = path_in(folder, "b.png");
    for (size_t k = 0; k < COUNT(kinds); k++)
        for (int plain = !labels_available(); plain < 2; plain++) {
            rkv_heatmap_options options = {.plain = plain, .erank = erank, .scale = RKV_SCALE_LOG};
            options.model_name = "model";
            size_t n, n_again;
            assert_int_equal(kinds[k].write(path, 37, &options), RKV_OK);
            assert_int_equal(kinds[k].write(again, 37, &options), RKV_OK);
            char *bytes = read_bytes(path, &n), *bytes_again = read_bytes(again, &n_again);
            assert_int_equal(n, n_again);
            assert_memory_equal(bytes, bytes_again, n);
            free(bytes);
            free(bytes_again);
        }
    unlink(path);
    unlink(again);
    free(path);
    free(again);
    remove_test_folder(folder);
}

/* A picture painted three rows at a time, through its letters, is the one painted at once. */
static void test_bands_leave_no_seam(void **state) {
    (void)state;
    if (!labels_available()) skip();
    char *folder = make_test_folder(), *path = path_in(folder, "a.png"), *again = path_in(folder, "b.png");
    float *a = layer_attention(1, 30);
    rkv_heatmap_options options = {.erank = erank, .model_name = "model"};
    rkv_figure figure;
    assert_int_equal(rkv_figure_open(&figure, &options), RKV_OK);
    assert_int_equal(rkv_layout_head(&figure, a, 30, 1, 2, H), RKV_OK);
    assert_int_equal(rkv_figure_write(&figure, path), RKV_OK);
    figure.scene.band_pixels = 3 * (size_t)figure.scene.width;
    assert_int_equal(rkv_figure_write(&figure, again), RKV_OK);
    picture p = read_picture(path), q = read_picture(again);
    assert_int_equal(p.height, q.height);
    assert_memory_equal(p.rgb, q.rgb, 3 * p.width * p.height);
    free(p.rgb);
    free(q.rgb);
    rkv_figure_close(&figure);
    free(a);
    unlink(path);
    unlink(again);
    free(path);
    free(again);
    remove_test_folder(folder);
}

static void test_provenance(void **state) {
    (void)state;
    char *folder = make_test_folder(), *path = path_in(folder, "a.png"), software[64];
    snprintf(software, sizeof software, "RankKV %s", rkv_version());
    rkv_heatmap_options options = {.plain = true,
                                   .size_px = 10,
                                   .colormap = "magma",
                                   .scale = RKV_SCALE_LOG,
                                   .reduce = RKV_REDUCE_MEAN,
                                   .model_name = "SmolLM2",
                                   .model_sha256 = "0123abcd",
                                   .prompt_name = "caf\u00E9\n\u202E\xFF",
                                   .erank = erank};
    assert_int_equal(write_head(path, 37, &options), RKV_OK);
    const struct {
        const char *key, *value;
    } expected[] = {
        {"Software", software}, {"Title", "Attention of layer 1, head 2"},
        {"Model", "SmolLM2"},   {"Model SHA-256", "0123abcd"},
        {"Tokens", "37"},       {"Prompt", "caf\u00E9\u23CE\\u{202E}\\xFF"},
        {"Layer", "1"},         {"Head", "2 of 4"},
        {"Scale", "log"},       {"Effective rank", "4"},
        {"Colormap", "magma"},  {"Reduce", "mean"},
        {"Reduce factor", "4"}, {"Pixels per cell", "1"},
    };
    for (size_t i = 0; i < COUNT(expected); i++)
        assert_text(path, expected[i].key, expected[i].value);
    options.prompt_name = options.model_name = NULL;
    assert_int_equal(write_head(path, 37, &options), RKV_OK);
    assert_text(path, "Prompt", "");
    for (size_t k = 0; k < COUNT(kinds); k++) {
        assert_int_equal(kinds[k].write(path, 37, &options), RKV_OK);
        assert_text(path, "Software", software);
        assert_text(path, "Colormap", "magma");
        assert_text(path, "Tokens", strcmp(kinds[k].name, "signal") == 0 ? "" : "37"); /* of no prompt */
    }
    unlink(path);
    free(path);
    remove_test_folder(folder);
}

/* ---- failures ---- */

static void test_wrong_options(void **state) {
    (void)state;
    const struct {
        rkv_heatmap_options options;
        const char *named;
    } rows[] = {
        {{.plain = true, .colormap = "jet"}, "\"jet\""},
        {{.plain = true, .colormap = ""}, "viridis"},
        {{.plain = true, .scale = RKV_SCALE_COUNT}, "scale 3"},
        {{.plain = true, .reduce = (rkv_reduce)7}, "reduction 7"},
        {{.plain = true, .size_px = RKV_MATRIX_LIMIT_PX + 1}, "8193"},
    };
    char *folder = make_test_folder(), *path = path_in(folder, "a.png");
    for (size_t k = 0; k < COUNT(kinds); k++)
        for (size_t i = 0; i < COUNT(rows); i++) {
            assert_int_equal(kinds[k].write(path, 5, &rows[i].options), RKV_USAGE);
            assert_non_null(strstr(rkv_message(), rows[i].named));
        }
    free(path);
    remove_test_folder(folder);
}

static void test_pictures_that_would_be_too_large(void **state) {
    (void)state;
    float one[40] = {1};
    rkv_layer layer = {.n_layers = 1, .n_heads = 40, .n_kv_heads = 1, .n_tokens = 1, .attention = one};
    rkv_heatmap_options options = {.plain = true, .size_px = RKV_MATRIX_LIMIT_PX};
    rkv_sheet *sheet = (rkv_sheet *)one;
    assert_int_equal(rkv_heatmap_layer("never.png", &layer, &options), RKV_USAGE);
    assert_int_equal(rkv_sheet_new(&sheet, 100, 100, 50, &options), RKV_USAGE);
    assert_null(sheet);
    assert_int_equal(rkv_sheet_new(&sheet, SIZE_MAX, 2, 50, NULL), RKV_USAGE);
    assert_int_equal(rkv_sheet_new(&sheet, 70000, 1, 50, NULL), RKV_USAGE);
    assert_int_equal(rkv_sheet_new(&sheet, 0, 1, 50, NULL), RKV_USAGE);
    assert_int_equal(rkv_sheet_new(&sheet, 1, 1, 0, NULL), RKV_USAGE);
    assert_int_equal(access("never.png", F_OK), -1);
}

static void test_inputs_that_do_not_fit(void **state) {
    (void)state;
    float one[4] = {1, 0, 0, 1};
    rkv_heatmap_options options = {.plain = true};
    assert_int_equal(rkv_heatmap_head("never.png", one, 0, 0, 0, 1, &options), RKV_USAGE);
    assert_int_equal(rkv_heatmap_head("never.png", one, 2, 0, 1, 1, &options), RKV_USAGE);
    rkv_layer layer = {.n_layers = 2, .n_heads = 1, .n_kv_heads = 1, .n_tokens = 2};
    assert_int_equal(rkv_heatmap_layer("never.png", &layer, &options), RKV_USAGE);
    rkv_sheet *sheet = NULL;
    assert_int_equal(rkv_sheet_new(&sheet, 2, 1, 2, &options), RKV_OK);
    assert_int_equal(rkv_sheet_add_layer(sheet, &layer), RKV_USAGE);
    layer.attention = one;
    layer.index = 2;
    assert_int_equal(rkv_sheet_add_layer(sheet, &layer), RKV_USAGE);
    layer.index = 1;
    layer.n_tokens = 1;
    assert_int_equal(rkv_sheet_add_layer(sheet, &layer), RKV_USAGE);
    rkv_sheet_free(sheet);
    rkv_analysis analysis = {.model = {.n_layers = 2, .n_heads = 2, .n_kv_heads = 1}, .n_tokens = 2};
    assert_int_equal(rkv_heatmap_metric("never.png", &analysis, RKV_SINK_4, NULL, &options), RKV_DATA);
    assert_non_null(strstr(rkv_message(), "sink_4"));
    assert_int_equal(rkv_heatmap_metric("never.png", &analysis, RKV_METRIC_COUNT, NULL, &options), RKV_USAGE);
    double value[4] = {1, 2, 3, 4};
    analysis.metric[RKV_SINK_4] = value;
    rkv_budget budget = {.model = {.n_layers = 3, .n_kv_heads = 1}, .policy = (char *)"uniform"};
    assert_int_equal(rkv_heatmap_metric("never.png", &analysis, RKV_SINK_4, &budget, &options), RKV_USAGE);
    budget.model.n_layers = 2;
    budget.model.n_kv_heads = 2;
    budget.heads = head_budget;
    assert_int_equal(rkv_heatmap_metric("never.png", &analysis, RKV_SINK_4, &budget, &options), RKV_USAGE);
    rkv_profile profile = {.model = analysis.model};
    assert_int_equal(rkv_heatmap_signal("never.png", &profile, "retr", NULL, &options), RKV_USAGE);
    assert_string_equal(rkv_message(), "the profile has no signal retr");
    assert_int_equal(access("never.png", F_OK), -1);
}

static void test_paths_that_cannot_be_created(void **state) {
    (void)state;
    char *folder = make_test_folder(), *missing = path_in(folder, "no/such/a.png");
    rkv_heatmap_options options = {.plain = true};
    for (size_t k = 0; k < COUNT(kinds); k++) {
        assert_int_equal(kinds[k].write(missing, 5, &options), RKV_CANNOT_CREATE);
        assert_non_null(strstr(rkv_message(), missing));
        assert_int_equal(kinds[k].write(folder, 5, &options), RKV_CANNOT_CREATE);
    }
    free(missing);
    remove_test_folder(folder);
}

/* A limit on the size of files stands for a full disk: at the header, in the text, in the pixels and at the
 * end. */
static void test_full_disk(void **state) {
    (void)state;
    char *folder = make_test_folder(), *path = path_in(folder, "a.png");
    rkv_heatmap_options options = {.plain = true, .model_name = "model"};
    size_t whole;
    assert_int_equal(write_head(path, 200, &options), RKV_OK);
    free(read_bytes(path, &whole));
    unlink(path);
    const size_t limits[] = {0, 1, 20, 60, 200, 1000, whole / 2, whole - 10, whole - 1};
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_IGN);
    for (size_t i = 0; i < COUNT(limits); i++) {
        struct rlimit limit = {limits[i], before.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        rkv_status status = write_head(path, 200, &options);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_int_equal(status, RKV_IO);
        assert_non_null(strstr(rkv_message(), path));
        assert_int_equal(access(path, F_OK), -1);
    }
    signal(SIGXFSZ, SIG_DFL);
    free(path);
    remove_test_folder(folder); /* empty: no temporary is left either */
}

/* libpng's own complaints (a row too many) come out as failures, not as jumps. */
static void test_libpng_errors(void **state) {
    (void)state;
    char *folder = make_test_folder(), *path = path_in(folder, "a.png");
    rkv_png *png = NULL;
    unsigned char row[3] = {1, 2, 3};
    assert_int_equal(rkv_png_open(&png, path, 0, 1, NULL, 0), RKV_ERROR);
    assert_null(png);
    assert_non_null(strstr(rkv_message(), "libpng"));
    assert_int_equal(rkv_png_open(&png, path, 1, 2, NULL, 0), RKV_OK);
    assert_int_equal(rkv_png_write_row(png, row), RKV_OK);
    rkv_png_abandon(png);
    assert_int_equal(access(path, F_OK), -1);
    free(path);
    remove_test_folder(folder);
}

static void test_labels_without_cairo(void **state) {
    (void)state;
    if (labels_available()) skip();
    char *folder = make_test_folder(), *path = path_in(folder, "a.png");
    for (size_t k = 0; k < COUNT(kinds); k++)
        assert_int_equal(kinds[k].write(path, 5, NULL), RKV_UNAVAILABLE);
    free(path);
    remove_test_folder(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_heads),
        cmocka_unit_test(test_plain_layer),
        cmocka_unit_test(test_same_input_same_bytes),
        cmocka_unit_test(test_bands_leave_no_seam),
        cmocka_unit_test(test_provenance),
        cmocka_unit_test(test_wrong_options),
        cmocka_unit_test(test_pictures_that_would_be_too_large),
        cmocka_unit_test(test_inputs_that_do_not_fit),
        cmocka_unit_test(test_paths_that_cannot_be_created),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_libpng_errors),
        cmocka_unit_test(test_labels_without_cairo),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
