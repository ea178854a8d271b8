/* test_viz_layout.c: in every kind of picture, at many sizes, no label is cut off, covers another or lies on
 * a matrix. */
#include "test_viz_common.h"

#include "viz/figures.h"

static bool overlap(rkv_box a, rkv_box b) {
    return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

static bool within(rkv_box inner, rkv_box outer) {
    return inner.x >= outer.x && inner.y >= outer.y && inner.x + inner.width <= outer.x + outer.width &&
           inner.y + inner.height <= outer.y + outer.height;
}

static void complain(const char *what, const char *where, const rkv_item *a, const rkv_item *b) {
    print_error("%s: %s: \"%s\" [%d %d %d %d]", where, what, a->text, a->box.x, a->box.y, a->box.width,
                a->box.height);
    if (b)
        print_error(" and \"%s\" [%d %d %d %d]", b->text ? b->text : "a matrix", b->box.x, b->box.y,
                    b->box.width, b->box.height);
    print_error("\n");
    fail();
}

/* Numbers stand inside a matrix whole, every other label outside of it. */
static void check_against(const char *where, const rkv_item *label, const rkv_item *other) {
    if (!overlap(label->box, other->box)) return;
    if (other->kind == RKV_ITEM_LABEL) complain("labels overlap", where, label, other);
    if (other->kind == RKV_ITEM_RAMP) complain("label on a colour bar", where, label, other);
    if (other->kind != RKV_ITEM_IMAGE) return;
    if (other->image.causal || !within(label->box, other->box))
        complain("label on a matrix", where, label, other);
}

/* Bars and rules are thin or wide, but never under a label. */
static bool is_bar(const rkv_item *item) {
    return item->kind == RKV_ITEM_FILL && item->colour == RKV_BAR;
}

static void check_figure(const char *where, const rkv_figure *figure) {
    const rkv_scene *scene = &figure->scene;
    rkv_box page = {0, 0, scene->width, scene->height};
    assert_int_equal(rkv_scene_check(scene), RKV_OK);
    assert_int_equal(figure->status, RKV_OK);
    size_t n_labels = 0;
    for (size_t i = 0; i < scene->n_items; i++) {
        const rkv_item *item = &scene->item[i];
        if (item->kind != RKV_ITEM_LABEL && !within(item->box, page)) {
            print_error("%s: item %zu of kind %d is cut off\n", where, i, (int)item->kind);
            fail();
        }
        if (item->kind != RKV_ITEM_LABEL) continue;
        n_labels++;
        if (!within(item->box, page)) complain("label cut off", where, item, NULL);
        int natural = rkv_lettering_width(scene->lettering, item->text, item->type);
        bool heading = item->type.bold || item->type.size_px == figure->body.size_px;
        if (heading && item->box.width < natural) complain("heading cut", where, item, NULL);
        for (size_t j = 0; j < scene->n_items; j++) {
            if (j != i && (scene->item[j].kind != RKV_ITEM_LABEL || j > i))
                check_against(where, item, &scene->item[j]);
            if (is_bar(&scene->item[j]) && overlap(item->box, scene->item[j].box))
                complain("label on a bar", where, item, &scene->item[j]);
        }
    }
    assert_true(n_labels >= 5);
}

static const char *const words[] = {"<|im_start|>",
                                    " the",
                                    "\n",
                                    " quick",
                                    ".",
                                    " \xE4\xBD\xA0\xE5\xA5\xBD",
                                    " extraordinarily-long-token",
                                    "  ",
                                    " \xD7\xA9\xD7\x9C\xD7\x95\xD7\x9D",
                                    "\xFF",
                                    "g\u0321\u0321\u0321\u035C",
                                    ""};

static char **make_tokens(size_t n) {
    char **tokens = malloc(n * sizeof *tokens);
    for (size_t i = 0; i < n; i++)
        tokens[i] = (char *)words[i % COUNT(words)];
    return tokens;
}

static const size_t asked_sides[] = {0, 48, 300, 2000};

static void test_heads(void **state) {
    (void)state;
    static const size_t sizes[] = {1, 2, 10, 47, 72, 73, 150, 511, 600, 2048};
    for (size_t t = 0; t < COUNT(sizes); t++) {
        size_t n = sizes[t];
        float *a = malloc(n * n * sizeof *a);
        char **tokens = make_tokens(n);
        double erank = 123.4;
        fill_attention(a, n, 9);
        a[0] = n == 47 ? NAN : 1;
        for (size_t s = 0; s < COUNT(asked_sides); s++)
            for (int scale = 0; scale < RKV_SCALE_COUNT; scale++)
                for (int labelled = 0; labelled < 2; labelled++) {
                    rkv_heatmap_options options = {.scale = (rkv_scale)scale, .size_px = asked_sides[s]};
                    options.token_text = labelled ? tokens : NULL;
                    options.model_name = "SmolLM2-135M-Instruct";
                    options.prompt_name = "a prompt";
                    options.erank = &erank;
                    char where[96];
                    snprintf(where, sizeof where, "head T=%zu side=%zu scale=%d tokens=%d", n, asked_sides[s],
                             scale, labelled);
                    rkv_figure figure;
                    assert_int_equal(rkv_figure_open(&figure, &options), RKV_OK);
                    assert_int_equal(rkv_layout_head(&figure, a, n, 0, 0, 1), RKV_OK);
                    check_figure(where, &figure);
                    rkv_figure_close(&figure);
                }
        free(tokens);
        free(a);
    }
}

static void test_layers(void **state) {
    (void)state;
    static const size_t heads[] = {1, 2, 9, 14, 32, 64}, sizes[] = {1, 10, 96, 300};
    double erank[64];
    for (size_t i = 0; i < COUNT(erank); i++)
        erank[i] = 100.5 + (double)i;
    for (size_t h = 0; h < COUNT(heads); h++)
        for (size_t t = 0; t < COUNT(sizes); t++)
            for (size_t s = 0; s < COUNT(asked_sides) - 1; s++) {
                size_t n = sizes[t];
                float *a = malloc(heads[h] * n * n * sizeof *a);
                for (size_t i = 0; i < heads[h]; i++)
                    fill_attention(a + i * n * n, n, i);
                rkv_layer layer = {
                    .n_layers = 1, .n_heads = heads[h], .n_kv_heads = 1, .n_tokens = n, .attention = a};
                rkv_heatmap_options options = {
                    .scale = RKV_SCALE_LOG, .size_px = asked_sides[s], .erank = erank};
                char where[96];
                snprintf(where, sizeof where, "layer H=%zu T=%zu side=%zu", heads[h], n, asked_sides[s]);
                rkv_figure figure;
                assert_int_equal(rkv_figure_open(&figure, &options), RKV_OK);
                assert_int_equal(rkv_layout_layer(&figure, &layer), RKV_OK);
                check_figure(where, &figure);
                rkv_figure_close(&figure);
                free(a);
            }
}

static const struct {
    size_t layers, heads;
} shapes[] = {{1, 1}, {4, 1}, {1, 40}, {12, 12}, {30, 9}, {2, 32}, {32, 32}, {126, 20}};

static void test_sheets(void **state) {
    (void)state;
    float a[100];
    fill_attention(a, 10, 1);
    for (size_t k = 0; k < COUNT(shapes); k++)
        for (size_t s = 0; s < COUNT(asked_sides) - 2; s++) {
            size_t n = shapes[k].layers * shapes[k].heads;
            double *erank = malloc(n * sizeof *erank);
            float *attention = malloc(shapes[k].heads * sizeof a);
            for (size_t i = 0; i < n; i++)
                erank[i] = 1000.5;
            for (size_t i = 0; i < shapes[k].heads; i++)
                memcpy(attention + i * COUNT(a), a, sizeof a);
            rkv_heatmap_options options = {.scale = RKV_SCALE_ROW, .size_px = asked_sides[s], .erank = erank};
            rkv_sheet *sheet = NULL;
            assert_int_equal(rkv_sheet_new(&sheet, shapes[k].layers, shapes[k].heads, 10, &options), RKV_OK);
            for (size_t l = 0; l < shapes[k].layers; l += 2) {
                rkv_layer layer = {.index = l,
                                   .n_layers = shapes[k].layers,
                                   .n_heads = shapes[k].heads,
                                   .n_kv_heads = 1,
                                   .n_tokens = 10,
                                   .attention = attention};
                assert_int_equal(rkv_sheet_add_layer(sheet, &layer), RKV_OK);
            }
            char where[96];
            snprintf(where, sizeof where, "sheet %zu x %zu side=%zu", shapes[k].layers, shapes[k].heads,
                     asked_sides[s]);
            rkv_figure figure;
            assert_int_equal(rkv_figure_open(&figure, &options), RKV_OK);
            assert_int_equal(rkv_layout_sheet(&figure, sheet), RKV_OK);
            check_figure(where, &figure);
            rkv_figure_close(&figure);
            rkv_sheet_free(sheet);
            free(attention);
            free(erank);
        }
}

/* One metric picture: budget_kind 0 none, 1 by layer, 2 by head. */
static void check_metric(size_t layers, size_t heads, double *value, int budget_kind, rkv_scale scale,
                         size_t side) {
    size_t *budget_values = malloc(layers * heads * sizeof *budget_values);
    for (size_t i = 0; i < layers * heads; i++)
        budget_values[i] = 7 * i;
    rkv_analysis analysis = {
        .model = {.name = "m", .n_layers = layers, .n_heads = heads, .n_kv_heads = heads}};
    analysis.n_tokens = 512;
    analysis.prompt_name = (char *)"p";
    analysis.metric[RKV_ROW_PERPLEXITY] = value;
    rkv_budget budget = {
        .model = analysis.model, .policy = (char *)"proportional", .signal = (char *)"erank"};
    budget.layers = budget_values;
    budget.heads = budget_kind == 2 ? budget_values : NULL;
    rkv_heatmap_options options = {.scale = scale, .size_px = side};
    char where[96];
    snprintf(where, sizeof where, "metric %zu x %zu budget=%d scale=%d side=%zu", layers, heads, budget_kind,
             (int)scale, side);
    rkv_figure figure;
    assert_int_equal(rkv_figure_open(&figure, &options), RKV_OK);
    assert_int_equal(rkv_layout_metric(&figure, &analysis, RKV_ROW_PERPLEXITY, budget_kind ? &budget : NULL),
                     RKV_OK);
    check_figure(where, &figure);
    rkv_figure_close(&figure);
    free(budget_values);
}

static void test_metrics(void **state) {
    (void)state;
    static const size_t cells[] = {0, 5, 40};
    for (size_t k = 0; k < COUNT(shapes); k++) {
        size_t n = shapes[k].layers * shapes[k].heads;
        double *value = malloc(n * sizeof *value);
        for (size_t i = 0; i < n; i++)
            value[i] = i % 7 == 6 ? NAN : 0.013 * (double)(i * i);
        for (int budget = 0; budget < 3; budget++)
            for (int scale = 0; scale < RKV_SCALE_COUNT; scale++)
                for (size_t s = 0; s < COUNT(cells); s++)
                    check_metric(shapes[k].layers, shapes[k].heads, value, budget, (rkv_scale)scale,
                                 cells[s]);
        for (size_t i = 0; i < n; i++)
            value[i] = NAN;
        check_metric(shapes[k].layers, shapes[k].heads, value, 1, RKV_SCALE_LOG, 0);
        free(value);
    }
}

/* Names of any length and content neither stretch the page nor leave it. */
static void test_hostile_names(void **state) {
    (void)state;
    static char endless[20000];
    memset(endless, 'W', sizeof endless - 1);
    const char *const names[] = {endless, "\n\n\t\x01", "\xFF\xFE", "\u202Eevil", "", "\xE4\xBD\xA0"};
    float a[4] = {1, 0, .5f, .5f};
    char *const tokens[] = {endless, endless};
    for (size_t i = 0; i < COUNT(names); i++) {
        rkv_heatmap_options options = {.model_name = names[i], .prompt_name = names[i], .token_text = tokens};
        rkv_figure figure;
        assert_int_equal(rkv_figure_open(&figure, &options), RKV_OK);
        assert_int_equal(rkv_layout_head(&figure, a, 2, 0, 0, 1), RKV_OK);
        assert_true(figure.scene.width < 1100);
        for (size_t k = 0; k < figure.scene.n_items; k++)
            if (figure.scene.item[k].kind == RKV_ITEM_LABEL)
                assert_true(within(figure.scene.item[k].box,
                                   (rkv_box){0, 0, figure.scene.width, figure.scene.height}));
        rkv_figure_close(&figure);
    }
}

static void test_grid_columns(void **state) {
    (void)state;
    static const struct {
        size_t n, columns;
    } rows[] = {{1, 1}, {9, 3}, {12, 4}, {16, 4}, {32, 8}, {40, 8}, {64, 8}};
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(rkv_grid_columns(rows[i].n), rows[i].columns);
}

int main(void) {
    rkv_lettering *lettering = NULL;
    if (rkv_lettering_new(&lettering) == RKV_UNAVAILABLE) {
        printf("skipped: %s\n", rkv_message());
        return 0;
    }
    rkv_lettering_free(lettering);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heads),         cmocka_unit_test(test_layers),
        cmocka_unit_test(test_sheets),        cmocka_unit_test(test_metrics),
        cmocka_unit_test(test_hostile_names), cmocka_unit_test(test_grid_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
