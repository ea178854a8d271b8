/* analyze_watch.c: what watches the layers of a prompt go by: the trace, the page and the pictures. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/analyze.h"
#include "cli/figure_rows.h"
#include "cli/message.h"
#include "cli/summary.h"

static rkv_status draw_layer(cli_watcher *watcher, const rkv_layer *layer) {
    char name[FIGURE_NAME_SIZE], *path = NULL;
    figure_layer_name(name, layer->index);
    if (layer->erank)
        memcpy(watcher->erank + layer->index * layer->n_heads, layer->erank,
               layer->n_heads * sizeof *layer->erank);
    watcher->figure.erank = layer->erank ? watcher->erank : NULL;
    rkv_status status = rkv_sheet_add_layer(watcher->sheet, layer);
    if (!status) status = folder_file(watcher->folder, name, &path);
    if (!status) status = rkv_heatmap_layer(path, layer, &watcher->figure);
    free(path);
    return status;
}

/* The library's messages stand for what fails here. */
static rkv_status see(void *user, const rkv_layer *layer) {
    cli_watcher *watcher = user;
    rkv_status status = watcher->writer ? rkv_trace_write_layer(watcher->writer, layer) : RKV_OK;
    if (!status && watcher->layers) status = rkv_report_layers_add(watcher->layers, layer);
    return status || !watcher->sheet ? status : draw_layer(watcher, layer);
}

rkv_layer_fn watcher_of(const analyze_options *options) {
    return options->save_attention || options->html || options->heatmaps ? see : NULL;
}

static rkv_status begin_trace(cli_watcher *watcher, const cli_source *source, const rkv_model_info *model,
                              const analyze_options *options) {
    char *path = NULL, size[32];
    write_bytes(size, (double)rkv_trace_estimate_bytes(model, source->n_tokens, options->dtype));
    note("%s: the attention to save is %s before compression", source->name, size);
    rkv_status status = folder_file(watcher->folder, TRACE_NAME, &path);
    if (!status)
        status = said(rkv_trace_create(&watcher->writer, path, model, source->ids, source->token_text,
                                       source->n_tokens, options->dtype));
    free(path);
    return status;
}

rkv_status watcher_begin(cli_watcher *watcher, const cli_folder *folder, const cli_source *source,
                         const rkv_model_info *model, const analyze_options *options) {
    *watcher = (struct cli_watcher){.folder = folder, .figure = options->figure};
    rkv_status status = options->save_attention ? begin_trace(watcher, source, model, options) : RKV_OK;
    if (!status && options->html)
        status =
            said(rkv_report_layers_new(&watcher->layers, model->n_layers, model->n_heads, source->n_tokens));
    if (status || !options->heatmaps) return status;
    char *const *token_text = source->trace ? rkv_trace_token_text(source->trace) : source->token_text;
    watcher->figure.token_text = token_text;
    watcher->figure.model_name = model->name;
    watcher->figure.prompt_name = source->name;
    size_t n_heads = model->n_layers * model->n_heads;
    watcher->erank = calloc(n_heads + 1, sizeof *watcher->erank);
    if (!watcher->erank) return complain(RKV_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < n_heads; i++)
        watcher->erank[i] = NAN; /* not known yet */
    watcher->figure.erank = watcher->erank;
    return said(
        rkv_sheet_new(&watcher->sheet, model->n_layers, model->n_heads, source->n_tokens, &watcher->figure));
}

void watcher_end(cli_watcher *watcher) {
    rkv_trace_abandon(watcher->writer);
    rkv_report_layers_free(watcher->layers);
    rkv_sheet_free(watcher->sheet);
    free(watcher->erank);
    *watcher = (struct cli_watcher){0};
}
