/* export_kvpress.c: compression ratios per layer for kvpress's PerLayerCompressionPress. */
#include "core/text.h"
#include "io/exporters.h"
#include "io/number.h"

/* kvpress keeps int(n * (1 - r)). Half an entry above b, the product is as far from both neighbours as it can
 * be, so rounding cannot move it; b = n would want r < 0, and r = 0 keeps n. */
double rkv_export_kvpress_ratio(size_t b, size_t n) {
    return b >= n ? 0 : 1 - ((double)b + 0.5) / (double)n;
}

static rkv_status render(const rkv_budget *budget, const rkv_analysis *analysis, char **out) {
    (void)analysis;
    rkv_text text = {0};
    rkv_status status = rkv_export_needs_layers(budget, "kvpress");
    if (status) return status;
    for (size_t l = 0; l < budget->model.n_layers; l++) {
        rkv_text_printf(&text, l ? ", " : "[");
        rkv_text_add_number(&text, rkv_export_kvpress_ratio(budget->layers[l], budget->n_tokens));
    }
    rkv_text_printf(&text, "]\n");
    return rkv_text_finish(&text, out);
}

const rkv_exporter rkv_export_kvpress = {
    .name = "kvpress",
    .summary = "JSON list of the ratio to remove per layer, exact to the entry at this prompt's length",
    .tool = "kvpress: PerLayerCompressionPress(press, compression_ratios)",
    .file_name = "kvpress.json",
    .render = render,
};
