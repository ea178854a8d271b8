/* run_inputs.c: what `rankkv run` is given: prompt, model, method, budgets. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/chart_file.h"
#include "cli/input_kind.h"
#include "cli/message.h"
#include "cli/prompt.h"
#include "cli/run.h"

/* ---- options ---- */

static bool is_dash(const char *path) {
    return path && strcmp(path, "-") == 0;
}

static bool is_same_file(const char *a, const char *b) {
    struct stat of_a, of_b;
    return a && b && stat(a, &of_a) == 0 && stat(b, &of_b) == 0 && of_a.st_dev == of_b.st_dev &&
           of_a.st_ino == of_b.st_ino;
}

/* What is written takes the place of an older file, but not of what is read or written besides. */
static rkv_status check_outputs(const run_options *options, const char *prompt) {
    const char *const inputs[] = {prompt, options->model, options->config, options->budgets};
    const char *const outputs[][2] = {{"--trace-cache", options->trace}, {"--chart", options->chart}};
    for (size_t o = 0; o < sizeof outputs / sizeof *outputs; o++)
        for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++)
            if (is_same_file(outputs[o][1], inputs[i]))
                return complain(RKV_USAGE, "%s: %s is an input of this run", outputs[o][0], outputs[o][1]);
    bool both = options->trace && options->chart;
    if (both && (strcmp(options->trace, options->chart) == 0 || is_same_file(options->trace, options->chart)))
        return complain(RKV_USAGE, "--chart: %s is the file of --trace-cache", options->chart);
    return chart_file_check(options->chart);
}

static rkv_status check_options(const run_options *options, size_t n_paths) {
    int sizes = (options->budget > 0) + (options->ratio > 0) + (options->budgets != NULL);
    if (sizes > 1) return complain(RKV_USAGE, "give one of --budget, --ratio and --budgets, not %d", sizes);
    if (options->method && options->adaptive)
        return complain(RKV_USAGE, "give --method or --adaptive, not both");
    if (options->config && options->adaptive)
        return complain(RKV_USAGE, "--config is for one method; --adaptive has several");
    if (options->text && n_paths) return complain(RKV_USAGE, "give a prompt file or --text, not both");
    if (is_dash(options->trace) && (options->json || options->compare))
        return complain(RKV_USAGE, "--trace-cache - takes standard output: it cannot go with %s",
                        options->json ? "--json" : "--compare");
    return RKV_OK;
}

/* The specification, checked. What is wrong in a file is that file's fault. */
static rkv_status read_method(run_inputs *inputs, const run_options *options) {
    rkv_status status = RKV_OK;
    if (options->adaptive) return RKV_OK;
    if (options->config)
        status = said(rkv_method_spec_from_json(options->config, options->method, &inputs->method));
    else if (!(inputs->method = strdup(options->method ? options->method : "full")))
        status = complain(RKV_NO_MEMORY, "out of memory");
    if (status || !rkv_method_check(inputs->method)) return status;
    if (options->config) return complain(RKV_DATA, "%s: %s", options->config, rkv_message());
    return complain(RKV_USAGE, "--method: %s", rkv_message());
}

/* ---- the prompt ---- */

/* The sample that reads like prose is the one that a model of language can go on with. */
static rkv_status choose_sample(char **path) {
    char **samples = NULL;
    size_t n = 0, chosen = 0;
    rkv_status status = prompt_samples(&samples, &n);
    for (size_t i = 0; i < n; i++)
        if (strstr(samples[i], "prose")) chosen = i;
    for (size_t i = 0; i < n; i++)
        if (i == chosen)
            *path = samples[i];
        else
            free(samples[i]);
    free(samples);
    if (!status) note("no prompt given: going on with %s", *path);
    return status;
}

static rkv_status read_file(run_inputs *inputs, const char *path, char **bytes, size_t *length) {
    input_kind kind;
    rkv_status status = input_kind_of(path, &kind);
    if (!status && kind == INPUT_MODEL)
        status = complain(RKV_DATA, "%s: is a model, not a prompt; name it with --model", path);
    if (!status && kind == INPUT_TRACE)
        status = complain(RKV_DATA, "%s: is a trace, not a prompt; it has no text to go on with", path);
    if (!status) status = prompt_stem(path, &inputs->name);
    return status ? status : prompt_read(path, bytes, length);
}

static rkv_status read_text(run_inputs *inputs, const char *text, char **bytes, size_t *length) {
    if (!*text) return complain(RKV_DATA, "--text: the prompt is empty");
    inputs->name = strdup("text");
    *bytes = strdup(text);
    *length = strlen(text);
    return inputs->name && *bytes ? RKV_OK : complain(RKV_NO_MEMORY, "out of memory");
}

static rkv_status read_prompt(run_inputs *inputs, const run_options *options, const char *path, char **bytes,
                              size_t *length) {
    char *sample = NULL;
    rkv_status status = RKV_OK;
    if (!path && !options->text) status = choose_sample(&sample);
    if (!status && options->text)
        status = read_text(inputs, options->text, bytes, length);
    else if (!status)
        status = read_file(inputs, path ? path : sample, bytes, length);
    free(sample);
    if (!status) prompt_note_utf8(inputs->name, *bytes, *length);
    return status;
}

/* ---- all of it ---- */

/* Said of what is right but may not be meant. */
static void note_surprises(const run_inputs *inputs, const run_options *options) {
    size_t context = rkv_model_get_info(inputs->model)->n_context;
    size_t all = inputs->n_tokens + options->generate.n_tokens;
    const rkv_budget *budgets = inputs->budgets;
    if (all > context && options->positions == RKV_POSITIONS_ORIGINAL)
        note("%zu tokens of prompt and %zu new ones pass the %zu of the model's context; --positions cache "
             "counts within the cache",
             inputs->n_tokens, options->generate.n_tokens, context);
    if (budgets && budgets->n_tokens != inputs->n_tokens)
        note("%s: was made for %zu tokens; this prompt has %zu", options->budgets, budgets->n_tokens,
             inputs->n_tokens);
}

rkv_status run_inputs_open(run_inputs *inputs, const run_options *options, char **paths, size_t n_paths) {
    char *bytes = NULL;
    size_t length = 0;
    rkv_status status = check_options(options, n_paths);
    if (!status) status = check_outputs(options, n_paths ? paths[0] : NULL);
    if (!status) status = read_method(inputs, options);
    if (!status && options->budgets) status = said(rkv_budget_load(&inputs->budgets, options->budgets));
    if (!status) status = read_prompt(inputs, options, n_paths ? paths[0] : NULL, &bytes, &length);
    if (!status) status = prompt_open_model_on_one(&inputs->model, options->model, options->device);
    if (!status)
        status = prompt_tokenize(inputs->model, inputs->name, bytes, length, &options->tokens, &inputs->ids,
                                 &inputs->n_tokens);
    free(bytes);
    if (!status) note_surprises(inputs, options);
    return status;
}

void run_inputs_close(run_inputs *inputs) {
    free(inputs->name);
    rkv_free(inputs->ids);
    rkv_free(inputs->method);
    rkv_budget_free(inputs->budgets);
    rkv_model_close(inputs->model);
    *inputs = (run_inputs){0};
}

const char *run_method_label(const run_inputs *inputs, const run_options *options) {
    return inputs->method ? inputs->method : options->adaptive;
}
