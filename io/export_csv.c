/* export_csv.c: the budget as CSV, one row per layer or KV head. */
#include "core/text.h"
#include "io/exporters.h"

static rkv_status render(const rkv_budget *budget, const rkv_analysis *analysis, char **out) {
    (void)analysis;
    rkv_text text = {0};
    size_t G = budget->model.n_kv_heads;
    rkv_text_printf(&text, budget->heads ? "layer,kv_head,budget\n" : "layer,budget\n");
    for (size_t l = 0; l < budget->model.n_layers; l++) {
        if (!budget->heads) rkv_text_printf(&text, "%zu,%zu\n", l, budget->layers[l]);
        for (size_t g = 0; budget->heads && g < G; g++)
            rkv_text_printf(&text, "%zu,%zu,%zu\n", l, g, budget->heads[l * G + g]);
    }
    return rkv_text_finish(&text, out);
}

const rkv_exporter rkv_export_csv = {
    .name = "csv",
    .summary = "one row per layer, or per layer and KV head, with its entries",
    .tool = "spreadsheets, pandas, R",
    .file_name = "budget.csv",
    .render = render,
};
