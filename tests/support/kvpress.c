/* kvpress.c: reading kvpress's losses, and the layer budgets that some of them were measured under. */
#include "support/kvpress.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

static void read_windows(kvpress_reference *r) {
    json_t *root = json_load_file(RKV_TEST_DIR "/ref/kvpress_windows.json", 0, NULL);
    assert_int_equal(json_array_size(root), KVPRESS_WINDOWS);
    for (size_t w = 0; w < KVPRESS_WINDOWS; w++) {
        const json_t *ids = json_object_get(json_array_get(root, w), "token_ids");
        assert_int_equal(json_array_size(ids), KVPRESS_CONTEXT + KVPRESS_CONTINUATION);
        for (size_t i = 0; i < KVPRESS_CONTEXT + KVPRESS_CONTINUATION; i++)
            r->ids[w][i] = (int32_t)json_integer_value(json_array_get(ids, i));
    }
    json_decref(root);
}

static void read_cells(kvpress_reference *r) {
    FILE *file = fopen(RKV_TEST_DIR "/ref/kvpress.csv", "r");
    char line[256];
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof line, file));
    r->cells = calloc(1024, sizeof *r->cells);
    assert_non_null(r->cells);
    while (fgets(line, sizeof line, file)) {
        kvpress_cell *c = &r->cells[r->n_cells++];
        assert_true(r->n_cells < 1024);
        if (sscanf(line, "%7[^,],%zu,%19[^,],%11[^,],%lf,%lf,%lf", c->task, &c->window, c->press, c->budgets,
                   &c->removed, &c->nll, &c->kept) != 7)
            fail_msg("kvpress.csv: \"%s\" is not a row", line);
        assert_true(c->window < KVPRESS_WINDOWS);
    }
    fclose(file);
    assert_true(r->n_cells > 0);
}

void kvpress_read(kvpress_reference *out) {
    *out = (kvpress_reference){0};
    read_windows(out);
    read_cells(out);
}

void kvpress_clear(kvpress_reference *r) {
    free(r->cells);
    *r = (kvpress_reference){0};
}

/* ---- layer budgets ---- */

/* Mean over heads of the effective rank of a 2048-token prompt: the profile that the reference was made with.
 */
static const double ranks[KVPRESS_LAYERS] = {
    617.758,  1154.509, 979.063, 507.906, 471.675, 664.288, 604.664, 421.701,  551.193, 892.682,
    1152.364, 1367.782, 803.022, 937.981, 588.822, 492.006, 999.581, 632.784,  521.039, 835.835,
    441.633,  551.776,  708.609, 188.176, 241.184, 740.793, 545.934, 1009.515, 432.043, 863.893,
};

static double er(size_t layer) {
    return ranks[layer];
}
static double ersqrt(size_t layer) {
    return sqrt(ranks[layer]);
}
static double inv(size_t layer) {
    return 1 / ranks[layer];
}
/* From 1 in the first layer to 1/20 in the last. */
static double pyr(size_t layer) {
    return 1 - (1 - 1.0 / 20) * (double)layer / (KVPRESS_LAYERS - 1);
}
static double revpyr(size_t layer) {
    return pyr(KVPRESS_LAYERS - 1 - layer);
}

/* Two shuffles of er. kvpress.md does not say how they were drawn: of some sixty ways these alone, numpy's
 * RandomState(0).permutation(30) twice in a row, give the losses of the table. */
static double perm0(size_t layer) {
    static const unsigned char from[KVPRESS_LAYERS] = {2,  28, 13, 10, 26, 24, 27, 11, 17, 22,
                                                       5,  16, 8,  14, 23, 20, 1,  29, 6,  4,
                                                       18, 19, 9,  7,  25, 3,  0,  21, 15, 12};
    return ranks[from[layer]];
}
static double perm1(size_t layer) {
    static const unsigned char from[KVPRESS_LAYERS] = {5,  16, 20, 6,  13, 8, 11, 12, 2,  25,
                                                       26, 4,  10, 23, 28, 9, 1,  27, 7,  14,
                                                       21, 22, 19, 17, 24, 3, 18, 0,  29, 15};
    return ranks[from[layer]];
}

bool kvpress_layer_weights(const char *name, double weight[KVPRESS_LAYERS]) {
    static const struct {
        const char *name;
        double (*weigh)(size_t layer);
    } rows[] = {{"er", er},         {"ersqrt", ersqrt}, {"inv", inv},    {"pyr", pyr},
                {"revpyr", revpyr}, {"perm0", perm0},   {"perm1", perm1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(name, rows[i].name) == 0) {
            for (size_t l = 0; l < KVPRESS_LAYERS; l++)
                weight[l] = rows[i].weigh(l);
            return true;
        }
    return false;
}
