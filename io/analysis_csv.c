/* analysis_csv.c: ranks.csv, one row per layer and query head, one column per metric. */
#include <math.h>
#include <string.h>

#include <rankkv/analysis.h>

#include "core/file.h"
#include "core/memory.h"
#include "io/number.h"

/* A value that is not finite is an empty cell, as spreadsheets and pandas expect. */
static void add_cell(rkv_text *text, double value) {
    rkv_text_add(text, ",", 1);
    if (isfinite(value)) rkv_text_add_number(text, value);
}

static void add_row(rkv_text *text, const rkv_analysis *a, size_t layer, size_t head) {
    size_t H = a->model.n_heads, G = a->model.n_kv_heads;
    size_t kv_head = head / (H / G); /* query heads of a group share a KV head */
    rkv_text_printf(text, "%zu,%zu,%zu", layer, head, kv_head);
    for (size_t m = 0; m < RKV_METRIC_COUNT; m++) {
        if (!a->metric[m]) continue;
        bool per_kv_head = rkv_metric_get_info((rkv_metric)m)->per_kv_head;
        add_cell(text, a->metric[m][per_kv_head ? layer * G + kv_head : layer * H + head]);
    }
    rkv_text_add(text, "\n", 1);
}

rkv_status rkv_analysis_save_csv(const rkv_analysis *analysis, const char *path) {
    rkv_text text = {0};
    char *csv;
    rkv_text_printf(&text, "layer,head,kv_head");
    for (size_t m = 0; m < RKV_METRIC_COUNT; m++)
        if (analysis->metric[m]) rkv_text_printf(&text, ",%s", rkv_metric_get_info((rkv_metric)m)->name);
    rkv_text_add(&text, "\n", 1);
    for (size_t l = 0; l < analysis->model.n_layers; l++)
        for (size_t h = 0; h < analysis->model.n_heads; h++)
            add_row(&text, analysis, l, h);
    rkv_status status = rkv_text_finish(&text, &csv);
    if (!status) status = rkv_write_file(path, csv, strlen(csv));
    free(csv);
    return status;
}
