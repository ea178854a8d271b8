/* cmd_heatmap.c: `rankkv heatmap`: pictures of the attention that a trace holds. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/figure_rows.h"
#include "cli/folder.h"
#include "cli/message.h"
#include "cli/progress.h"
#include "cli/prompt.h"

typedef struct heatmap_options {
    const char *layers, *heads; /* heads NULL: no picture of their own */
    bool sheet;
    rkv_heatmap_options figure;
    const char *folder;
    bool quiet;
} heatmap_options;

#define FIELD(member) .offset = offsetof(heatmap_options, member)

static const option_row rows[] = {
    {"layer", 'l', OPTION_TEXT, "all|I[,I...]", "Layers to show", FIELD(layers)},
    {"head", 0, OPTION_TEXT, "all|I[,I...]",
     "Heads that get a picture of their own; without it, or with all, the heads of a layer in a grid",
     FIELD(heads)},
    {"sheet", 0, OPTION_FLAG, NULL, "Also every head of these layers on one sheet", FIELD(sheet)},
    {"output", 'o', OPTION_FOLDER, "DIR", "Write the pictures there", FIELD(folder)},
    {"quiet", 'q', OPTION_FLAG, NULL, "No progress bar and no notes", FIELD(quiet)},
    {0}};

static const option_group groups[] = {
    {"What is shown:", rows, 0}, {"Pictures:", figure_rows, offsetof(heatmap_options, figure)}, {0}};

static const cli_example examples[] = {
    {"rankkv heatmap trace.h5 -o pictures", "the heads of each layer in a grid, a picture per layer"},
    {"rankkv heatmap trace.h5 --layer 3 --head all -o pictures",
     "layer 3: its grid, and each head by itself"},
    {"rankkv heatmap trace.h5 --layer 0,1 --head 2 --scale row -o pictures",
     "head 2 of two layers, each row by its own largest value"},
    {0}};

static void set_defaults(void *memory) {
    heatmap_options *options = memory;
    *options = (heatmap_options){.layers = "all"};
    figure_defaults(&options->figure);
}

/* ---- which ---- */

/* Marks in chosen [n] what "all" or "I,J,..." names. */
static rkv_status choose(bool *chosen, size_t n, const char *option, const char *list) {
    if (strcmp(list, "all") == 0) {
        memset(chosen, true, n);
        return RKV_OK;
    }
    for (const char *at = list;; at++) {
        char *end;
        errno = 0;
        unsigned long long index = strtoull(at, &end, 10);
        if (*at < '0' || *at > '9' || (*end && *end != ',') || errno)
            return complain(RKV_USAGE, "--%s %s: not 'all' or indices with commas between", option, list);
        if (index >= n)
            return complain(RKV_USAGE, "--%s %s: %llu is beyond the last, %zu", option, list, index, n - 1);
        chosen[index] = true;
        at = end;
        if (!*at) return RKV_OK;
    }
}

typedef struct cli_work {
    const heatmap_options *options;
    rkv_heatmap_options figure;
    rkv_trace *trace;
    bool *layers, *heads; /* [L], [H] */
    bool grids;
    float *attention; /* [H, T, T] of one layer */
    double *erank;    /* [L, H] */
    rkv_sheet *sheet;
    cli_folder folder;
    size_t n_pictures;
} cli_work;

/* ---- drawing ---- */

static rkv_status draw_head(cli_work *work, const rkv_layer *layer, size_t head) {
    char name[FIGURE_NAME_SIZE], *path = NULL;
    size_t T = layer->n_tokens;
    figure_head_name(name, layer->index, head);
    rkv_status status = folder_file(&work->folder, name, &path);
    if (!status)
        status = said(rkv_heatmap_head(path, layer->attention + head * T * T, T, layer->index, head,
                                       layer->n_heads, &work->figure));
    free(path);
    work->n_pictures++;
    return status;
}

static rkv_status draw_grid(cli_work *work, const rkv_layer *layer) {
    char name[FIGURE_NAME_SIZE], *path = NULL;
    figure_layer_name(name, layer->index);
    rkv_status status = folder_file(&work->folder, name, &path);
    if (!status) status = said(rkv_heatmap_layer(path, layer, &work->figure));
    free(path);
    work->n_pictures++;
    return status;
}

static rkv_status draw_layer(cli_work *work, const rkv_model_info *model, size_t index) {
    size_t T = rkv_trace_n_tokens(work->trace), H = model->n_heads;
    bool whole = work->grids || work->sheet;
    rkv_layer layer = {.index = index,
                       .n_layers = model->n_layers,
                       .n_heads = H,
                       .n_kv_heads = model->n_kv_heads,
                       .n_tokens = T,
                       .attention = work->attention,
                       .erank = work->figure.erank ? work->erank + index * H : NULL};
    rkv_status status = RKV_OK;
    for (size_t h = 0; h < H && !status; h++)
        if (whole || work->heads[h])
            status = said(rkv_trace_read_head(work->trace, index, h, work->attention + h * T * T));
    for (size_t h = 0; h < H && !status; h++)
        if (work->heads[h]) status = draw_head(work, &layer, h);
    if (!status && work->grids) status = draw_grid(work, &layer);
    if (!status && work->sheet) status = said(rkv_sheet_add_layer(work->sheet, &layer));
    return status;
}

static rkv_status save_sheet(cli_work *work) {
    char *path = NULL;
    rkv_status status = folder_file(&work->folder, FIGURE_SHEET, &path);
    if (!status) status = said(rkv_sheet_save(work->sheet, path));
    free(path);
    work->n_pictures++;
    return status;
}

static rkv_status draw_all(cli_work *work, const char *name) {
    const rkv_model_info *model = rkv_trace_model(work->trace);
    progress_bar bar;
    rkv_progress progress = progress_begin(&bar, name, work->options->quiet);
    rkv_status status = RKV_OK;
    size_t done = 0, total = 0;
    for (size_t l = 0; l < model->n_layers; l++)
        total += work->layers[l];
    for (size_t l = 0; l < model->n_layers && !status; l++) {
        if (!work->layers[l]) continue;
        if (progress.report(progress.user, "draw", done++, total)) status = RKV_CANCELLED;
        if (!status) status = draw_layer(work, model, l);
    }
    if (!status && work->sheet) status = save_sheet(work);
    if (!status && progress.report(progress.user, "draw", total, total)) status = RKV_CANCELLED;
    progress_erase();
    return status;
}

/* ---- the command ---- */

static rkv_status allocate(cli_work *work) {
    const rkv_model_info *model = rkv_trace_model(work->trace);
    size_t T = rkv_trace_n_tokens(work->trace), L = model->n_layers, H = model->n_heads, cells;
    work->layers = calloc(L + 1, 1);
    work->heads = calloc(H + 1, 1);
    work->erank = calloc(L * H + 1, sizeof *work->erank);
    bool fits = !__builtin_mul_overflow(T, T, &cells) && !__builtin_mul_overflow(cells, H, &cells);
    work->attention = fits ? calloc(cells + 1, sizeof *work->attention) : NULL;
    if (work->layers && work->heads && work->erank && work->attention) return RKV_OK;
    return complain(RKV_NO_MEMORY, "out of memory: the attention of %zu heads and %zu tokens", H, T);
}

static rkv_status prepare(cli_work *work, const char *name) {
    const heatmap_options *options = work->options;
    const rkv_model_info *model = rkv_trace_model(work->trace);
    rkv_status status = allocate(work);
    if (!status) status = choose(work->layers, model->n_layers, "layer", options->layers);
    if (!status && options->heads) status = choose(work->heads, model->n_heads, "head", options->heads);
    if (status) return status;
    work->grids = !options->heads || strcmp(options->heads, "all") == 0;
    work->figure = options->figure;
    work->figure.token_text = rkv_trace_token_text(work->trace);
    work->figure.model_name = model->name;
    work->figure.prompt_name = name;
    if (rkv_trace_read_erank(work->trace, work->erank)) work->figure.erank = work->erank;
    status = folder_begin(&work->folder, options->folder, "");
    if (!status && options->sheet)
        status = said(rkv_sheet_new(&work->sheet, model->n_layers, model->n_heads,
                                    rkv_trace_n_tokens(work->trace), &work->figure));
    return status;
}

static rkv_status run(const void *memory, char **arguments, size_t n_arguments) {
    cli_work work = {.options = memory};
    char *name = NULL;
    (void)n_arguments;
    message_set_quiet(work.options->quiet);
    if (!work.options->folder) return complain(RKV_USAGE, "say with -o DIR where the pictures go");
    rkv_status status = said(rkv_trace_open(&work.trace, arguments[0]));
    if (!status) status = prompt_stem(arguments[0], &name);
    if (!status) status = prepare(&work, name);
    if (!status) status = draw_all(&work, name);
    if (!status) status = folder_commit(&work.folder, NULL);
    if (!status)
        printf("%zu picture%s in %s\n", work.n_pictures, work.n_pictures == 1 ? "" : "s",
               work.options->folder);
    folder_end(&work.folder);
    rkv_sheet_free(work.sheet);
    rkv_trace_close(work.trace);
    free(work.layers);
    free(work.heads);
    free(work.erank);
    free(work.attention);
    free(name);
    return status;
}

const cli_command cmd_heatmap = {
    .name = "heatmap",
    .summary = "Draw the attention that a trace holds",
    .arguments = "TRACE.h5 -o DIR",
    .least_arguments = 1,
    .most_arguments = 1,
    .description =
        "Writes PNG pictures of the attention in a trace (rankkv analyze --save-attention writes one): "
        "layer_LL.png has the heads of a layer, layer_LL_head_HH.png one head, contact_sheet.png all. "
        "The same trace gives the same bytes. Pictures of the same names are replaced.",
    .examples = examples,
    .options = groups,
    .options_size = sizeof(heatmap_options),
    .set_defaults = set_defaults,
    .run = run,
};
