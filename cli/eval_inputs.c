/* eval_inputs.c: what `rankkv eval` is given: model, windows, profile and the grid. */
#include <stdlib.h>
#include <string.h>

#include "cli/eval.h"
#include "cli/message.h"
#include "cli/prompt_tokens.h"

/* The numbers of a grid while its settings are listed. */
typedef struct numbers {
    double *ratios;
    size_t *entries;
    rkv_protocol *protocols;
    size_t n_ratios, n_entries, n_protocols;
} numbers;

static rkv_status read_protocols(numbers *out, const char *text) {
    cli_parts parts;
    rkv_status status = parts_split(&parts, "protocols", text);
    out->protocols = status ? NULL : calloc(parts.n, sizeof *out->protocols);
    if (!status && !out->protocols) status = complain(RKV_NO_MEMORY, "out of memory");
    for (size_t i = 0; !status && i < parts.n; i++) {
        out->protocols[out->n_protocols++] = rkv_protocol_find(parts.items[i]);
        if (rkv_protocol_find(parts.items[i]) == RKV_PROTOCOL_COUNT)
            status =
                complain(RKV_USAGE, "--protocols: \"%s\" is neither prefill nor streaming", parts.items[i]);
    }
    parts_clear(&parts);
    return status;
}

/* Sizes that nobody gave: a half and a quarter. */
static rkv_status read_numbers(numbers *out, const eval_options *options) {
    const char *ratios = options->ratios || options->entries ? options->ratios : "0.5,0.25";
    rkv_status status =
        ratios ? numbers_split(&out->ratios, &out->n_ratios, "ratios", ratios, 1e-6, 1) : RKV_OK;
    if (!status && options->entries)
        status = sizes_split(&out->entries, &out->n_entries, "entries", options->entries, 1);
    return status ? status : read_protocols(out, options->protocols);
}

static void numbers_clear(numbers *n) {
    free(n->ratios);
    free(n->entries);
    free(n->protocols);
}

/* "none" in a list of policies: the method's own budgets. */
static void take_none(eval_inputs *inputs) {
    for (size_t i = 0; i < inputs->policies.n; i++)
        if (strcmp(inputs->policies.items[i], "none") == 0) inputs->policies.items[i] = NULL;
}

static rkv_status list_settings(eval_inputs *inputs, const eval_options *options) {
    numbers n = {0};
    rkv_status status = parts_split(&inputs->methods, "methods", options->methods);
    if (!status) status = parts_split(&inputs->policies, "policies", options->policies);
    if (!status) status = read_numbers(&n, options);
    if (!status) {
        take_none(inputs);
        const rkv_grid grid = {.methods = (const char *const *)inputs->methods.items,
                               .n_methods = inputs->methods.n,
                               .budgets = (const char *const *)inputs->policies.items,
                               .n_budgets = inputs->policies.n,
                               .ratios = n.ratios,
                               .n_ratios = n.n_ratios,
                               .entries = n.entries,
                               .n_entries = n.n_entries,
                               .protocols = n.protocols,
                               .n_protocols = n.n_protocols};
        status = said(rkv_grid_list(&grid, &inputs->settings, &inputs->n_settings));
    }
    numbers_clear(&n);
    return status;
}

static rkv_status read_profile(eval_inputs *inputs, const char *path) {
    if (!path) return RKV_OK;
    rkv_status status = said(rkv_profile_load(&inputs->profile, path));
    if (!status && rkv_profile_check_model(inputs->profile, rkv_model_get_info(inputs->model)))
        status = complain(RKV_DATA, "%s: %s", path, rkv_message());
    return status;
}

static rkv_status check_options(const eval_options *options) {
    if (options->texts.n && options->windows_file)
        return complain(RKV_USAGE, "give --text-file or --windows-file, not both");
    if (options->resume && options->force) return complain(RKV_USAGE, "give --resume or --force, not both");
    return RKV_OK;
}

rkv_status eval_inputs_open(eval_inputs *inputs, const eval_options *options) {
    rkv_status status = check_options(options);
    if (!status) status = list_settings(inputs, options);
    if (!status) status = prompt_open_model_on_one(&inputs->model, options->model, options->device);
    if (!status) status = read_profile(inputs, options->profile);
    return status ? status : eval_windows_make(inputs, options);
}

void eval_inputs_close(eval_inputs *inputs) {
    free(inputs->text);
    rkv_windows_clear(&inputs->windows);
    parts_clear(&inputs->methods);
    parts_clear(&inputs->policies);
    rkv_free(inputs->settings);
    rkv_profile_free(inputs->profile);
    rkv_model_close(inputs->model);
    *inputs = (eval_inputs){0};
}
