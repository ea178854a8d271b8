/* grid.c: the settings of a grid, in the order in which results list them. */
#include <string.h>

#include <rankkv/eval.h>

#include "compressors/pipeline.h"
#include "core/fail.h"
#include "core/memory.h"

static const rkv_protocol prefill_alone[] = {RKV_PROTOCOL_PREFILL};

/* Every budget at one size of one method. */
static void list_budgets(const rkv_grid *grid, rkv_setting common, rkv_setting **at) {
    if (grid->n_budgets == 0) *(*at)++ = common;
    for (size_t b = 0; b < grid->n_budgets; b++) {
        common.budget = grid->budgets[b];
        *(*at)++ = common;
    }
}

/* What heeds no budget is one setting, not one for each size. */
static rkv_status list_method(const rkv_grid *grid, rkv_protocol protocol, const char *method,
                              rkv_setting **at) {
    rkv_pipeline pipeline;
    rkv_status status = rkv_pipeline_parse(&pipeline, method);
    if (status) return status;
    if (!rkv_pipeline_heeds_budget(&pipeline)) {
        *(*at)++ = (rkv_setting){protocol, method, NULL, 1, 0};
        return RKV_OK;
    }
    if (grid->n_ratios + grid->n_entries == 0)
        return rkv_fail(RKV_USAGE, "%s: a grid with it needs a ratio or a number of entries", method);
    for (size_t r = 0; r < grid->n_ratios; r++)
        list_budgets(grid, (rkv_setting){protocol, method, NULL, grid->ratios[r], 0}, at);
    for (size_t e = 0; e < grid->n_entries; e++)
        list_budgets(grid, (rkv_setting){protocol, method, NULL, 0, grid->entries[e]}, at);
    return RKV_OK;
}

rkv_status rkv_grid_list(const rkv_grid *grid, rkv_setting **settings, size_t *n) {
    size_t n_protocols = grid->n_protocols ? grid->n_protocols : 1;
    const rkv_protocol *protocols = grid->n_protocols ? grid->protocols : prefill_alone;
    size_t n_sizes = (grid->n_ratios + grid->n_entries) * (grid->n_budgets ? grid->n_budgets : 1);
    size_t most = n_protocols * (1 + grid->n_methods * (n_sizes ? n_sizes : 1));
    rkv_status status = rkv_alloc(settings, most, sizeof **settings);
    if (status) return status;
    rkv_setting *at = *settings;
    for (size_t p = 0; p < n_protocols; p++)
        *at++ = (rkv_setting){protocols[p], "full", NULL, 1, 0};
    for (size_t p = 0; !status && p < n_protocols; p++)
        for (size_t m = 0; !status && m < grid->n_methods; m++)
            status = list_method(grid, protocols[p], grid->methods[m], &at);
    *n = (size_t)(at - *settings);
    if (!status) return RKV_OK;
    free(*settings);
    *settings = NULL;
    return status;
}
