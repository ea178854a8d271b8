/* cmd_info.c: `rankkv info`: what a file is, or what this program has to work with. */
#include <stdlib.h>

#include "cli/command.h"
#include "cli/device.h"
#include "cli/facts.h"
#include "cli/input_kind.h"
#include "cli/message.h"
#include "cli/summary.h"

typedef struct info_options {
    bool json;
    const char *device;
} info_options;

#define FIELD(member) .offset = offsetof(info_options, member)
#define SCHEMA        "rankkv-info"

static const option_row rows[] = {{"device", 'd', OPTION_TEXT, "DEVICE",
                                   "Without a file: the device to describe", &choices_device, FIELD(device)},
                                  {"json", 'j', OPTION_FLAG, NULL, "Print one JSON document", FIELD(json)},
                                  {0}};

static const option_group groups[] = {{"Options:", rows, 0}, {0}};

static const cli_example examples[] = {{"rankkv info", "version, device and default model"},
                                       {"rankkv info trace.h5", "what a trace holds"},
                                       {0}};

static void set_defaults(void *memory) {
    ((info_options *)memory)->device = "auto";
}

static void tell_bytes(cli_facts *facts, const char *key, const char *label, size_t bytes) {
    char words[32];
    write_bytes(words, (double)bytes);
    fact_count_as(facts, key, label, bytes, words);
}

/* What every kind of file knows of its model; what is 0 is unknown and left out. */
static void tell_shape(cli_facts *facts, const rkv_model_info *model) {
    fact_text(facts, "model", "model", model->name);
    fact_text(facts, "architecture", "architecture", model->architecture);
    fact_text(facts, "sha256", "SHA-256", model->sha256);
    fact_count(facts, "n_layers", "layers", model->n_layers);
    fact_count(facts, "n_heads", "heads", model->n_heads);
    fact_count(facts, "n_kv_heads", "KV heads", model->n_kv_heads);
    if (model->head_dim) fact_count(facts, "head_dim", "head dimension", model->head_dim);
}

static rkv_status tell_model(const char *path, bool as_json) {
    rkv_model *model = NULL;
    rkv_model_options how = {.vocabulary_only = true};
    rkv_status status = said(rkv_model_open(&model, path, &how));
    if (status) return status;
    const rkv_model_info *info = rkv_model_get_info(model);
    cli_facts facts = facts_begin(SCHEMA, as_json);
    fact_text(&facts, "kind", "kind", "model");
    tell_shape(&facts, info);
    fact_text(&facts, "file_type", "tensor type", info->file_type);
    fact_count(&facts, "n_embd", "embedding", info->n_embd);
    fact_count(&facts, "n_ff", "feed-forward", info->n_ff);
    fact_count(&facts, "n_vocab", "vocabulary", info->n_vocab);
    fact_count(&facts, "n_context", "context", info->n_context);
    fact_count(&facts, "n_parameters", "parameters", info->n_parameters);
    tell_bytes(&facts, "file_bytes", "file", info->file_bytes);
    facts_end(&facts);
    rkv_model_close(model);
    return RKV_OK;
}

static rkv_status tell_trace(const char *path, bool as_json) {
    rkv_trace *trace = NULL;
    rkv_status status = said(rkv_trace_open(&trace, path));
    if (status) return status;
    rkv_trace_dtype dtype = rkv_trace_get_dtype(trace);
    cli_facts facts = facts_begin(SCHEMA, as_json);
    fact_text(&facts, "kind", "kind", "trace");
    tell_shape(&facts, rkv_trace_model(trace));
    fact_count(&facts, "n_tokens", "tokens", rkv_trace_n_tokens(trace));
    fact_text(&facts, "dtype", "attention in", choices_dtype.name(dtype));
    tell_bytes(&facts, "attention_bytes", "attention",
               rkv_trace_estimate_bytes(rkv_trace_model(trace), rkv_trace_n_tokens(trace), dtype));
    facts_end(&facts);
    rkv_trace_close(trace);
    return RKV_OK;
}

static rkv_status tell_analysis(const char *path, bool as_json) {
    rkv_analysis *analysis = NULL;
    rkv_status status = said(rkv_analysis_load(&analysis, path));
    if (status) return status;
    cli_facts facts = facts_begin(SCHEMA, as_json);
    fact_text(&facts, "kind", "kind", "analysis");
    fact_text(&facts, "prompt", "prompt", analysis->prompt_name);
    tell_shape(&facts, &analysis->model);
    fact_count(&facts, "n_tokens", "tokens", analysis->n_tokens);
    fact_number(&facts, "perplexity", "perplexity", analysis->perplexity);
    fact_text(&facts, "aggregate", "layer rank", rkv_aggregate_name(analysis->aggregate));
    fact_text(&facts, "solver", "solver", rkv_solver_name(analysis->solver));
    fact_text(&facts, "device", "device", analysis->device);
    facts_end(&facts);
    rkv_analysis_free(analysis);
    return RKV_OK;
}

static rkv_status tell_budget(const char *path, bool as_json) {
    rkv_budget *budget = NULL;
    rkv_status status = said(rkv_budget_load(&budget, path));
    if (status) return status;
    cli_facts facts = facts_begin(SCHEMA, as_json);
    fact_text(&facts, "kind", "kind", "budget");
    fact_text(&facts, "source", "source", budget->source);
    tell_shape(&facts, &budget->model);
    fact_count(&facts, "n_tokens", "tokens", budget->n_tokens);
    fact_text(&facts, "policy", "policy", budget->policy);
    fact_text(&facts, "signal", "signal", budget->signal);
    fact_text(&facts, "granularity", "granularity", choices_granularity.name(budget->granularity));
    fact_count(&facts, "total", "total", budget->total);
    fact_count(&facts, "min", "least", budget->min);
    fact_count(&facts, "max", "most", budget->max);
    facts_end(&facts);
    rkv_budget_free(budget);
    return RKV_OK;
}

static void tell_signals(cli_facts *facts, const rkv_profile *profile) {
    char *names = NULL;
    size_t size;
    FILE *out = open_memstream(&names, &size);
    for (size_t i = 0; out && i < profile->n_signals; i++)
        fprintf(out, "%s%s", i ? " " : "", profile->signals[i].name);
    if (out && fclose(out) == 0) fact_text(facts, "signals", "signals", names);
    free(names);
}

static rkv_status tell_profile(const char *path, bool as_json) {
    rkv_profile *profile = NULL;
    rkv_status status = said(rkv_profile_load(&profile, path));
    if (status) return status;
    cli_facts facts = facts_begin(SCHEMA, as_json);
    fact_text(&facts, "kind", "kind", "profile");
    tell_shape(&facts, &profile->model);
    tell_signals(&facts, profile);
    if (profile->calibration) fact_text(&facts, "calibrated", "calibrated", profile->calibration->budget);
    facts_end(&facts);
    rkv_profile_free(profile);
    return RKV_OK;
}

static rkv_status tell_program(const info_options *options) {
    char device[256], *model = NULL;
    rkv_status status = said(rkv_device_describe(device_choose(options->device), device, sizeof device));
    if (status) return status;
    bool installed = rkv_model_default_path(&model) == RKV_OK;
    cli_facts facts = facts_begin(SCHEMA, options->json);
    fact_text(&facts, "kind", "kind", "program");
    fact_text(&facts, "version", "version", rkv_version());
    fact_text(&facts, "device", "device", device);
    fact_text(&facts, "default_model", "default model",
              installed       ? model
              : options->json ? NULL
                              : rkv_message());
    facts_end(&facts);
    rkv_free(model);
    return RKV_OK;
}

static rkv_status run(const void *memory, char **arguments, size_t n_arguments) {
    static rkv_status (*const tell[INPUT_KIND_COUNT])(const char *, bool) = {[INPUT_MODEL] = tell_model,
                                                                             [INPUT_TRACE] = tell_trace,
                                                                             [INPUT_ANALYSIS] = tell_analysis,
                                                                             [INPUT_BUDGET] = tell_budget,
                                                                             [INPUT_PROFILE] = tell_profile};
    const info_options *options = memory;
    if (n_arguments == 0) return tell_program(options);
    input_kind kind;
    rkv_status status = input_kind_of(arguments[0], &kind);
    if (status) return status;
    if (!tell[kind])
        return complain(RKV_DATA,
                        "%s: not a GGUF model, a trace, an analysis, a budget or a profile: nothing is "
                        "told of it",
                        arguments[0]);
    return tell[kind](arguments[0], options->json);
}

const cli_command cmd_info = {
    .name = "info",
    .summary = "Say what a file is, or what this program runs on",
    .arguments = "[FILE]",
    .most_arguments = 1,
    .description =
        "Recognises a model, trace, analysis, budget or profile by its content. Without a file: version, "
        "device, and where the default model is.",
    .examples = examples,
    .options = groups,
    .options_size = sizeof(info_options),
    .set_defaults = set_defaults,
    .computes = true,
    .run = run,
};
