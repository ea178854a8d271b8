/* choices.c: the values that an option can take. */
#include "cli/choices.h"

#include <string.h>

#include <rankkv/rankkv.h>

/* The number of names in a constant list, and the one at index. */
#define PICK(list, index) ((index) < sizeof(list) / sizeof *(list) ? (list)[index] : NULL)

static const char *policy_name(size_t index) {
    const rkv_policy *policy = rkv_policy_at(index);
    return policy ? policy->name : NULL;
}

static const char *policy_summary(size_t index) {
    const rkv_policy *policy = rkv_policy_at(index);
    return policy ? policy->summary : NULL;
}

static const char *metric_name(size_t index) {
    return index < RKV_METRIC_COUNT ? rkv_metric_get_info((rkv_metric)index)->name : NULL;
}

static const char *metric_summary(size_t index) {
    return index < RKV_METRIC_COUNT ? rkv_metric_get_info((rkv_metric)index)->summary : NULL;
}

static const char *aggregate_name(size_t index) {
    return index < RKV_AGGREGATE_COUNT ? rkv_aggregate_name((rkv_aggregate)index) : NULL;
}

static const char *aggregate_summary(size_t index) {
    return index < RKV_AGGREGATE_COUNT ? rkv_aggregate_summary((rkv_aggregate)index) : NULL;
}

/* Values of heads can be combined in every way but the one that needs their matrices, the last of the table.
 */
_Static_assert(RKV_AGGREGATE_HEAD_MEAN_MATRIX + 1 == RKV_AGGREGATE_COUNT,
               "the last aggregate takes matrices");

static const char *combine_name(size_t index) {
    return index < RKV_AGGREGATE_HEAD_MEAN_MATRIX ? aggregate_name(index) : NULL;
}

static const char *solver_name(size_t index) {
    return index <= RKV_SOLVER_SVD ? rkv_solver_name((rkv_solver)index) : NULL;
}

static const char *solver_summary(size_t index) {
    static const char *const list[] = {
        [RKV_SOLVER_GRAM] = "eigenvalues of A^T A in float64; heads that it cannot settle take the SVD",
        [RKV_SOLVER_SVD] = "singular values of A in float64, head by head"};
    return PICK(list, index);
}

static const char *colormap_name(size_t index) {
    const rkv_colormap *map = rkv_colormap_at(index);
    return map ? map->name : NULL;
}

static const char *scale_name(size_t index) {
    return index < RKV_SCALE_COUNT ? rkv_scale_name((rkv_scale)index) : NULL;
}

static const char *scale_summary(size_t index) {
    static const char *const list[] = {[RKV_SCALE_LINEAR] = "0 to the picture's largest value",
                                       [RKV_SCALE_LOG] = "log10, floor 1e-6",
                                       [RKV_SCALE_ROW] = "each row by its own largest value"};
    return PICK(list, index);
}

static const char *exporter_name(size_t index) {
    const rkv_exporter *exporter = rkv_exporter_at(index);
    return exporter ? exporter->name : NULL;
}

static const char *exporter_summary(size_t index) {
    const rkv_exporter *exporter = rkv_exporter_at(index);
    return exporter ? exporter->summary : NULL;
}

static const char *compressor_name(size_t index) {
    const rkv_method *method = rkv_method_at(index);
    return method ? method->name : NULL;
}

static const char *compressor_summary(size_t index) {
    const rkv_method *method = rkv_method_at(index);
    return method ? method->summary : NULL;
}

static const char *granularity_name(size_t index) {
    static const char *const list[] = {[RKV_BY_LAYER] = "layer", [RKV_BY_HEAD] = "head"};
    return PICK(list, index);
}

static const char *dtype_name(size_t index) {
    static const char *const list[] = {[RKV_FLOAT16] = "float16", [RKV_FLOAT32] = "float32"};
    return PICK(list, index);
}

static const char *reduce_name(size_t index) {
    static const char *const list[] = {[RKV_REDUCE_MAX] = "max", [RKV_REDUCE_MEAN] = "mean"};
    return PICK(list, index);
}

static const char *hold_name(size_t index) {
    static const char *const list[] = {[RKV_HOLD_ALWAYS] = "always", [RKV_HOLD_PROMPT] = "prompt"};
    return PICK(list, index);
}

static const char *group_score_name(size_t index) {
    static const char *const list[] = {[RKV_GROUP_MEAN] = "mean", [RKV_GROUP_MAX] = "max"};
    return PICK(list, index);
}

static const char *positions_name(size_t index) {
    static const char *const list[] = {
        [RKV_POSITIONS_ORIGINAL] = "original", [RKV_POSITIONS_CACHE] = "cache"};
    return PICK(list, index);
}

static const char *precision_name(size_t index) {
    return rkv_precision_name((rkv_precision)index);
}

static const char *precision_summary(size_t index) {
    return rkv_precision_summary((rkv_precision)index);
}

static const char *device_name(size_t index) {
    static const char *const list[] = {"auto", "cpu", "cuda"};
    return PICK(list, index);
}

const cli_choices choices_policy = {policy_name, policy_summary};
const cli_choices choices_metric = {metric_name, metric_summary};
const cli_choices choices_aggregate = {aggregate_name, aggregate_summary};
const cli_choices choices_combine = {combine_name, NULL};
const cli_choices choices_solver = {solver_name, solver_summary};
const cli_choices choices_colormap = {colormap_name, NULL};
const cli_choices choices_scale = {scale_name, scale_summary};
const cli_choices choices_exporter = {exporter_name, exporter_summary};
const cli_choices choices_granularity = {granularity_name, NULL};
const cli_choices choices_dtype = {dtype_name, NULL};
const cli_choices choices_reduce = {reduce_name, NULL};
const cli_choices choices_compressor = {compressor_name, compressor_summary};
const cli_choices choices_hold = {hold_name, NULL};
const cli_choices choices_group_score = {group_score_name, NULL};
const cli_choices choices_positions = {positions_name, NULL};
const cli_choices choices_precision = {precision_name, precision_summary};
const cli_choices choices_device = {device_name, NULL};

size_t choices_count(const cli_choices *choices) {
    size_t n = 0;
    while (choices->name(n))
        n++;
    return n;
}

size_t choices_find(const cli_choices *choices, const char *name) {
    size_t i = 0;
    for (const char *candidate; (candidate = choices->name(i)); i++)
        if (strcmp(candidate, name) == 0) break;
    return i;
}

/* ---- "did you mean" ---- */

enum { LONGEST_WORD = 32 };

/* Edits (insert, delete, replace, each 1) from a to b (Wagner and Fischer 1974), one row of the table at a
 * time. */
static size_t edit_distance(const char *a, const char *b) {
    size_t row[LONGEST_WORD + 1], n = strlen(b);
    if (n > LONGEST_WORD) return SIZE_MAX;
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 1; *a; a++, i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t best = diagonal + (*a != b[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < best) best = row[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[n];
}

const char *choices_suggest(const cli_choices *choices, const char *name) {
    const char *nearest = NULL;
    size_t length = strlen(name), limit = length < 4 ? 1 : length / 3 + 1; /* beyond it, a guess is noise */
    if (length > LONGEST_WORD) return NULL;
    size_t least = limit + 1;
    for (size_t i = 0; choices->name(i); i++) {
        const char *candidate = choices->name(i);
        size_t distance = edit_distance(name, candidate);
        if (length >= 3 && strncmp(candidate, name, length) == 0) distance = 1; /* an abbreviation */
        if (distance < least) {
            least = distance;
            nearest = candidate;
        }
    }
    return nearest;
}
