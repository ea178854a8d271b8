/* export_layer_budgets.c: LAYER_BUDGETS, the Python dictionary that the prototype's SnapKV patch reads. */
#include <string.h>

#include "core/text.h"
#include "io/exporters.h"

/* Names come from foreign files: printable text cannot end the comment and become code. */
static void add_comment(rkv_text *text, const rkv_budget *budget) {
    rkv_text_printf(text, "# ");
    rkv_text_add_printable(text, budget->model.name, budget->model.name ? strlen(budget->model.name) : 0);
    rkv_text_printf(text, ", policy ");
    rkv_text_add_printable(text, budget->policy, strlen(budget->policy));
    rkv_text_printf(text, ": %zu entries over %zu layers, %zu tokens of prompt\n", budget->total,
                    budget->model.n_layers, budget->n_tokens);
}

static rkv_status render(const rkv_budget *budget, const rkv_analysis *analysis, char **out) {
    (void)analysis;
    rkv_text text = {0};
    rkv_status status = rkv_export_needs_layers(budget, "layer-budgets");
    if (status) return status;
    add_comment(&text, budget);
    for (size_t l = 0; l < budget->model.n_layers; l++)
        rkv_text_printf(&text, "%s%zu: %zu", l ? ", " : "LAYER_BUDGETS = {", l, budget->layers[l]);
    rkv_text_printf(&text, "}\n");
    return rkv_text_finish(&text, out);
}

const rkv_exporter rkv_export_layer_budgets = {
    .name = "layer-budgets",
    .summary = "Python: LAYER_BUDGETS = {layer: entries, window included}",
    .tool = "SnapKV as patched by the Python prototype (snapkv_utils.LAYER_BUDGETS)",
    .file_name = "layer_budgets.py",
    .render = render,
};
