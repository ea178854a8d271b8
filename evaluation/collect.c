/* collect.c: results out of what a run measured. */
#include <string.h>

#include <rankkv/eval.h>

#include "core/memory.h"
#include "io/model_info.h"

static rkv_status copy_setting(rkv_setting *to, const rkv_setting *from) {
    char *method = NULL, *budget = NULL;
    *to = *from;
    rkv_status status = rkv_copy_string(&method, from->method);
    if (!status) status = rkv_copy_string(&budget, from->budget);
    to->method = method;
    to->budget = budget;
    return status;
}

static rkv_status copy_settings(rkv_results *r, const rkv_setting *settings, size_t n) {
    rkv_status status = rkv_alloc(&r->settings, n, sizeof *r->settings);
    r->n_settings = status ? 0 : n;
    for (size_t i = 0; !status && i < n; i++)
        status = copy_setting(&r->settings[i], &settings[i]);
    return status;
}

static rkv_status copy_names(rkv_results *r, const rkv_windows *windows) {
    rkv_status status = rkv_alloc(&r->window_names, windows->n, sizeof *r->window_names);
    r->n_windows = status ? 0 : windows->n;
    for (size_t w = 0; !status && w < windows->n; w++)
        status = rkv_copy_string(&r->window_names[w], windows->items[w].name);
    return status;
}

static rkv_status copy_cells(rkv_results *r, const rkv_cell *cells, size_t n) {
    rkv_status status = rkv_alloc(&r->cells, n, sizeof *r->cells);
    for (size_t i = 0; !status && i < n; i++, r->n_cells++) {
        r->cells[i] = cells[i];
        r->cells[i].text = NULL;
        status = rkv_copy_string(&r->cells[i].text, cells[i].text);
    }
    return status;
}

static rkv_status copy_origin(rkv_results *r, const rkv_results_origin *from) {
    r->seed = from->seed;
    rkv_status status = rkv_copy_string(&r->device, from->device ? from->device : "");
    if (!status) status = rkv_copy_string(&r->version, from->version ? from->version : "");
    if (!status) status = rkv_copy_string(&r->text, from->text ? from->text : "");
    return status ? status : rkv_copy_string(&r->profile, from->profile ? from->profile : "");
}

rkv_status rkv_results_make(rkv_results **out, const rkv_model_info *model, const rkv_windows *windows,
                            const rkv_setting *settings, size_t n_settings, const rkv_cell *cells,
                            size_t n_cells, const rkv_results_origin *origin) {
    rkv_results *r = NULL;
    *out = NULL;
    rkv_status status = rkv_alloc(&r, 1, sizeof *r);
    if (status) return status;
    status = rkv_model_info_copy(&r->model, model);
    if (!status) status = copy_origin(r, origin);
    if (!status) status = copy_names(r, windows);
    if (!status) status = copy_settings(r, settings, n_settings);
    if (!status) status = copy_cells(r, cells, n_cells);
    if (!status) status = rkv_results_summarise(r);
    if (status)
        rkv_results_free(r);
    else
        *out = r;
    return status;
}
