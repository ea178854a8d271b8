/* cmd_probe.c: `rankkv probe`: which heads of a model find earlier text again. */
#include <string.h>

#include "cli/command.h"
#include "cli/device.h"
#include "cli/figure_rows.h"
#include "cli/message.h"
#include "cli/probe_oerr.h"
#include "cli/profile_report.h"
#include "cli/progress.h"
#include "cli/prompt_tokens.h"
#include "cli/terminal.h"

typedef struct probe_options {
    const char *model, *device;
    rkv_precision precision;
    rkv_probe_options probe;
    oerr_options oerr;
    size_t n_shown;
    const char *analysis, *output, *picture, *signal;
    rkv_heatmap_options figure;
    bool json, quiet;
} probe_options;

#define FIELD(member) .offset = offsetof(probe_options, member)

static const option_row probe_rows[] = {
    {"model", 'm', OPTION_FILE, "PATH", "The same as MODEL.gguf; the default model when neither is given",
     FIELD(model)},
    {"device", 'd', OPTION_TEXT, "DEVICE",
     "What computes: auto, cpu, cuda, cuda:N, or several GPUs: cuda:N,N", &choices_device, FIELD(device)},
    {"precision", 0, OPTION_INDEX, "NAME",
     "How the model multiplies; less than float32 is said in the profile", &choices_precision,
     FIELD(precision)},
    {"random-tokens", 'n', OPTION_COUNT, "M",
     "Read M random tokens, twice; 512 when not given, or half of the model's context where that is less",
     .low = 16, FIELD(probe.n_random)},
    {"seeds", 0, OPTION_COUNT, "N", "Average over so many sequences", .low = 1, FIELD(probe.n_seeds)},
    {"seed", 's', OPTION_SEED, "N", "Of the first sequence; the others count on from it", FIELD(probe.seed)},
    {0}};

static const option_row oerr_rows[] = {
    {"oerr", 0, OPTION_TEXT, "METHOD",
     "Also measure, head by head, what the attention's output loses when this method cuts the head's cache",
     &choices_compressor, FIELD(oerr.measured.method)},
    {"text-file", 'f', OPTION_LIST, "FILE", "On this text, up to its last queries; may be given again",
     .offset = offsetof(probe_options, oerr.texts)},
    {"text-tokens", 0, OPTION_COUNT, "N", "Take the first N tokens of each text, or what it has", .low = 2,
     FIELD(oerr.n_tokens)},
    {"ratio", 'r', OPTION_NUMBER, "R", "Cut to so much of it", .low = 1e-6, .high = 1,
     FIELD(oerr.measured.ratio)},
    {"queries", 0, OPTION_COUNT, "N",
     "Tokens at its end that query; 256 when not given, or half of the text where that is less", .low = 1,
     FIELD(oerr.measured.n_queries)},
    {0}};

static const option_row output_rows[] = {
    {"output", 'o', OPTION_FILE, "FILE", "Write profile.json there, for --profile of other commands",
     FIELD(output)},
    {"heads", 0, OPTION_COUNT, "N", "Show so many heads", .low = 1, FIELD(n_shown)},
    {"analysis", 'a', OPTION_FILE, "FILE",
     "Show beside each head what it did on the prompt of this analysis.json", FIELD(analysis)},
    {"heatmap", 'H', OPTION_FILE, "FILE", "Draw a signal by layer and head, as PNG", FIELD(picture)},
    {"signal", 0, OPTION_TEXT, "NAME", "The signal to draw", FIELD(signal)},
    {"json", 'j', OPTION_FLAG, NULL, "Print profile.json instead of a table", FIELD(json)},
    {"quiet", 'q', OPTION_FLAG, NULL, "No progress bar and no notes", FIELD(quiet)},
    {0}};

static const option_group groups[] = {{"Probe:", probe_rows, 0},
                                      {"What a method costs each head:", oerr_rows, 0},
                                      {"Outputs:", output_rows, 0},
                                      {0}};

static const cli_example examples[] = {
    {"rankkv probe -o profile.json --heatmap retr.png", "the default model: a table, the profile, a picture"},
    {"rankkv probe --analysis results/prompt/analysis.json", "beside what the same heads did on a prompt"},
    {"rankkv probe --oerr snapkv:window=8 --ratio 0.25 --text-file prompt.txt",
     "and what SnapKV at a quarter costs each KV head on a text"},
    {"rankkv budget results/prompt/analysis.json -P profile.json -s retr -g head",
     "budgets by head that spare the heads found"},
    {0}};

static void set_defaults(void *memory) {
    probe_options *options = memory;
    *options = (probe_options){.device = "auto",
                               .probe.n_seeds = 3,
                               .oerr = {.n_tokens = 1024, .measured.ratio = 0.1},
                               .n_shown = 10,
                               .signal = "retr"};
    figure_defaults(&options->figure);
    options->figure.scale = RKV_SCALE_LINEAR;
}

static void tell_head(const rkv_profile *profile) {
    const char *name = profile->model.name ? profile->model.name : "unnamed model";
    fputs(terminal_style(stdout, STYLE_BOLD), stdout);
    write_printable(stdout, name, strlen(name));
    printf("%s  %zu layers of %zu heads; attention on earlier text again, %s\n\n",
           terminal_style(stdout, STYLE_PLAIN), profile->model.n_layers, profile->model.n_heads,
           rkv_profile_find(profile, "retr")->origin);
}

static rkv_status tell(const rkv_profile *profile, const rkv_analysis *analysis,
                       const probe_options *options) {
    rkv_status status = profile_deliver(profile, options->output, options->json);
    if (!status && options->picture)
        status = said(rkv_heatmap_signal(options->picture, profile, options->signal, NULL, &options->figure));
    bool to_stdout = options->output && strcmp(options->output, "-") == 0;
    if (status || options->json || to_stdout) return status;
    tell_head(profile);
    status = profile_heads(stdout, profile, analysis, options->n_shown);
    if (!status && options->oerr.measured.method) {
        putchar('\n');
        profile_layers(stdout, profile, "oerr", "oerr_layer");
    }
    if (!status && !options->output) note("-o profile.json keeps this for rankkv budget --profile");
    return status;
}

static rkv_status measure(rkv_profile **profile, rkv_model *model, const probe_options *options) {
    progress_bar bar;
    rkv_probe_options probe = options->probe;
    probe.progress = progress_begin(&bar, "random tokens", options->quiet);
    rkv_status status = rkv_probe(profile, model, &probe);
    progress_erase();
    return said(status);
}

/* The model is the argument, or --model, which all other commands have. */
static rkv_status choose_model(const probe_options *options, char **arguments, size_t n, const char **path) {
    *path = n ? arguments[0] : options->model;
    if (!n || !options->model) return RKV_OK;
    return complain(RKV_USAGE, "%s and --model %s: one model is probed", arguments[0], options->model);
}

static rkv_status run(const void *memory, char **arguments, size_t n_arguments) {
    const probe_options *options = memory;
    const char *path;
    rkv_model *model = NULL;
    rkv_analysis *analysis = NULL;
    rkv_profile *profile = NULL, *costs = NULL;
    message_set_quiet(options->quiet);
    rkv_status status = choose_model(options, arguments, n_arguments, &path);
    if (!status) status = oerr_options_check(&options->oerr);
    if (!status && options->analysis) status = said(rkv_analysis_load(&analysis, options->analysis));
    if (!status) status = prompt_open_model(&model, path, device_choose(options->device), options->precision);
    /* What can be refused only once the text is read comes before the long probe. */
    if (!status && options->oerr.measured.method)
        status = oerr_measure(&costs, model, &options->oerr, options->probe.seed, options->quiet);
    if (!status) status = measure(&profile, model, options);
    if (!status && costs) status = said(rkv_profile_merge(profile, costs));
    if (!status) status = tell(profile, analysis, options);
    rkv_profile_free(profile);
    rkv_profile_free(costs);
    rkv_model_close(model);
    rkv_analysis_free(analysis);
    return status;
}

const cli_command cmd_probe = {
    .name = "probe",
    .summary = "Find the heads of a model that find earlier text again",
    .arguments = "[MODEL.gguf]",
    .most_arguments = 1,
    .description =
        "The model reads random tokens twice. A head that, the second time, attends to where a token stood "
        "the "
        "first time (duplicate) or to what followed it (induction) will find earlier text again in any "
        "context: cutting its cache costs most. No text is needed, and the result is of the model, not of a "
        "prompt: budgets can follow it as the signal retr.",
    .examples = examples,
    .options = groups,
    .options_size = sizeof(probe_options),
    .set_defaults = set_defaults,
    .computes = true,
    .run = run,
};
