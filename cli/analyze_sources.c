/* analyze_sources.c: what `rankkv analyze` analyses: prompts read and tokenized, traces opened. */
#include "cli/analyze.h"

#include <stdlib.h>
#include <string.h>

#include "cli/budget_rows.h"
#include "cli/input_kind.h"
#include "cli/message.h"
#include "cli/prompt.h"
#include "cli/token_text.h"

/* ---- reading ---- */

static bool name_is_free(const cli_sources *sources, const char *name) {
    for (size_t i = 0; i < sources->n; i++)
        if (strcmp(sources->at[i].name, name) == 0) return false;
    return true;
}

/* Two prompts of one stem: the later ones are numbered from 2 on. Takes stem over. */
static rkv_status choose_name(const cli_sources *sources, char *stem, char **name) {
    *name = stem;
    for (size_t number = 2; !name_is_free(sources, *name); number++) {
        if (*name != stem) free(*name);
        if (asprintf(name, "%s-%zu", stem, number) < 0) {
            free(stem);
            *name = NULL;
            return complain(RKV_NO_MEMORY, "out of memory");
        }
    }
    if (*name != stem) {
        note("%s is the name of two prompts: the second is written as %s", stem, *name);
        free(stem);
    }
    return RKV_OK;
}

static rkv_status check_trace(const cli_source *source, const analyze_options *options) {
    const char *without = options->tokens.first           ? "--tokens"
                          : options->save_attention       ? "--save-attention"
                          : options->tokens.bos           ? "--bos"
                          : options->tokens.parse_special ? "--parse-special"
                                                          : NULL;
    if (without) return complain(RKV_USAGE, "%s: is a trace; %s is for prompts", source->path, without);
    return RKV_OK;
}

static rkv_status read_path(cli_source *source, const analyze_options *options) {
    input_kind kind;
    rkv_status status = input_kind_of(source->path, &kind);
    if (status) return status;
    if (kind == INPUT_MODEL)
        return complain(RKV_DATA, "%s: is a model, not a prompt; name it with --model", source->path);
    if (kind == INPUT_PROFILE)
        return complain(RKV_DATA, "%s: is a profile, not a prompt; name it with --profile", source->path);
    size_t length = strlen(source->path);
    if (kind == INPUT_TRACE || (length > 3 && strcmp(source->path + length - 3, ".h5") == 0)) {
        status = said(rkv_trace_open(&source->trace, source->path));
        return status ? status : check_trace(source, options);
    }
    status = prompt_read(source->path, &source->bytes, &source->length);
    if (!status) prompt_note_utf8(source->name, source->bytes, source->length);
    return status;
}

static rkv_status read_text(cli_source *source, const char *text) {
    source->length = strlen(text);
    source->bytes = strdup(text);
    if (!source->bytes) return complain(RKV_NO_MEMORY, "out of memory");
    if (source->length == 0) return complain(RKV_DATA, "--text: the prompt is empty");
    prompt_note_utf8(source->name, source->bytes, source->length);
    return RKV_OK;
}

static rkv_status add_source(cli_sources *sources, const analyze_options *options, const char *path) {
    char *stem = NULL, *name = NULL;
    rkv_status status = RKV_OK;
    if (path)
        status = prompt_stem(path, &stem);
    else if (!(stem = strdup("text")))
        status = complain(RKV_NO_MEMORY, "out of memory");
    if (!status) status = choose_name(sources, stem, &name);
    if (status) return status;
    cli_source *source = &sources->at[sources->n++];
    *source = (struct cli_source){.path = path, .name = name};
    source->standard_input = path && strcmp(path, "-") == 0;
    return path ? read_path(source, options) : read_text(source, options->text);
}

static rkv_status read_sources(cli_sources *sources, const analyze_options *options, char **paths,
                               size_t n_paths) {
    rkv_status status = RKV_OK;
    if (n_paths == 0 && !options->text) {
        status = prompt_samples(&sources->samples, &sources->n_samples);
        paths = sources->samples;
        n_paths = sources->n_samples;
        if (!status) note("no prompt given: analysing the %zu sample prompts", n_paths);
    }
    if (!status && !(sources->at = calloc(n_paths + 1, sizeof *sources->at)))
        status = complain(RKV_NO_MEMORY, "out of memory");
    if (!status && options->text) status = add_source(sources, options, NULL);
    for (size_t i = 0; i < n_paths && !status; i++)
        status = add_source(sources, options, paths[i]);
    return status;
}

/* ---- model and tokens ---- */

static rkv_status open_model(cli_sources *sources, const analyze_options *options) {
    bool needed = false;
    for (size_t i = 0; i < sources->n; i++)
        needed |= !sources->at[i].trace;
    if (!needed) {
        if (options->model) note("--model is not used: a trace brings its own");
        return RKV_OK;
    }
    return prompt_open_model(&sources->model, options->model, options->device, options->precision);
}

static rkv_status tokenize(cli_source *source, const cli_sources *sources, const analyze_options *options) {
    rkv_status status = prompt_tokenize(sources->model, source->name, source->bytes, source->length,
                                        &options->tokens, &source->ids, &source->n_tokens);
    if (status) return status;
    free(source->bytes);
    source->bytes = NULL;
    return token_text_make(&source->token_text, sources->model, source->ids, source->n_tokens);
}

static rkv_status prepare(cli_source *source, const cli_sources *sources, const analyze_options *options) {
    rkv_status status = RKV_OK;
    if (source->trace)
        source->n_tokens = rkv_trace_n_tokens(source->trace);
    else
        status = tokenize(source, sources, options);
    const rkv_model_info *model = status          ? NULL
                                  : source->trace ? rkv_trace_model(source->trace)
                                                  : rkv_model_get_info(sources->model);
    return status ? status
                  : budget_options_rehearse(&options->budget, options->aggregate, model, source->n_tokens,
                                            source->trace == NULL);
}

rkv_status sources_open(cli_sources *sources, const analyze_options *options, char **paths, size_t n_paths) {
    *sources = (struct cli_sources){0};
    rkv_status status = read_sources(sources, options, paths, n_paths);
    if (!status && !options->dry_run) status = outputs_check(sources, options);
    if (!status) status = open_model(sources, options);
    for (size_t i = 0; i < sources->n && !status; i++)
        status = prepare(&sources->at[i], sources, options);
    return status;
}

size_t sources_together(const cli_sources *sources, size_t first) {
    size_t n = 1;
    if (sources->at[first].trace) return n;
    while (first + n < sources->n && !sources->at[first + n].trace)
        n++;
    return n;
}

void sources_close(cli_sources *sources) {
    for (size_t i = 0; i < sources->n; i++) {
        cli_source *source = &sources->at[i];
        token_text_free(source->token_text, source->n_tokens);
        rkv_free(source->ids);
        rkv_trace_close(source->trace);
        free(source->bytes);
        free(source->name);
    }
    free(sources->at);
    for (size_t i = 0; i < sources->n_samples; i++)
        free(sources->samples[i]);
    free(sources->samples);
    rkv_model_close(sources->model);
    *sources = (struct cli_sources){0};
}
