/* cmd_run.c: `rankkv run`: text out of a cache that a method holds to its budget. */
#include <string.h>

#include "cli/command.h"
#include "cli/message.h"
#include "cli/output.h"
#include "cli/run.h"

#define FIELD(member) .offset = offsetof(run_options, member)

static const option_row input_rows[] = {
    {"text", 't', OPTION_TEXT, "STRING", "Go on with this text", FIELD(text)},
    {"model", 'm', OPTION_FILE, "PATH", "GGUF file of the model; the default model when not given",
     FIELD(model)},
    {"tokens", 'n', OPTION_COUNT, "N", "Take the first N tokens of the prompt", .low = 1,
     FIELD(tokens.first)},
    {"parse-special", 0, OPTION_FLAG, NULL, "Read \"<|im_start|>\" and its like as the tokens that they name",
     FIELD(tokens.parse_special)},
    {"bos", 0, OPTION_FLAG, NULL, "Begin with the begin-of-sequence token, where the model has one",
     FIELD(tokens.bos)},
    {"device", 'd', OPTION_TEXT, "DEVICE", "What computes: auto, cpu, cuda or cuda:N", &choices_device,
     FIELD(device)},
    {0}};

static const option_row method_rows[] = {
    {"method", 'M', OPTION_TEXT, "SPEC",
     "What holds the cache to its budget: NAME[:OPTION=VALUE,...][+NAME...]; `rankkv methods compressors` "
     "lists them; full when not given",
     &choices_compressor, FIELD(method)},
    {"adaptive", 0, OPTION_TEXT, "SPEC",
     "Instead: methods by length of the text, as in 0:full,1024:window+int8,4096:snapkv+int4",
     FIELD(adaptive)},
    {"config", 'c', OPTION_FILE, "FILE",
     "Take the method's options from a JSON file such as {\"method\": \"fastgen\", \"T\": 0.9}",
     FIELD(config)},
    {"budget", 'b', OPTION_COUNT, "N", "Entries that each KV head may keep", .low = 1, FIELD(budget)},
    {"ratio", 'r', OPTION_NUMBER, "R",
     "The same as a part of the prompt's tokens; 0.5 when nothing says what to keep", .low = 1e-6, .high = 1,
     FIELD(ratio)},
    {"budgets", 'B', OPTION_FILE, "FILE",
     "Budgets per layer or per KV head: budget.json of rankkv analyze or budget", FIELD(budgets)},
    {"hold", 0, OPTION_INDEX, "WHEN",
     "Evict after every step, or once after the prompt and let new entries stay", &choices_hold, FIELD(hold)},
    {"interval", 0, OPTION_COUNT, "N", "Evict only every so many steps", .low = 1, FIELD(interval)},
    {"group-score", 0, OPTION_INDEX, "NAME", "How the query heads of a KV head become one score",
     &choices_group_score, FIELD(group_score)},
    {"positions", 0, OPTION_INDEX, "NAME",
     "Rotate keys by their place in the text, or in the cache after each eviction", &choices_positions,
     FIELD(positions)},
    {0}};

static const option_row text_rows[] = {
    {"new-tokens", 'N', OPTION_COUNT, "N", "Make at most so many", .low = 1, FIELD(generate.n_tokens)},
    {"temperature", 'T', OPTION_NUMBER, "X",
     "Draw tokens, the more freely the higher; without it the likeliest is taken", .low = 0, .high = 100,
     FIELD(generate.temperature)},
    {"top-k", 'k', OPTION_COUNT, "N", "Draw among the N likeliest; 0: all", .low = 0, FIELD(generate.top_k)},
    {"top-p", 'p', OPTION_NUMBER, "P", "Draw among the likeliest that hold this much probability", .low = 0,
     .high = 1, FIELD(generate.top_p)},
    {"seed", 's', OPTION_SEED, "N", "The same seed gives the same text, and the same choices of `random`",
     FIELD(generate.seed)},
    {"ignore-end", 0, OPTION_FLAG, NULL, "Go on where the model would end the text",
     FIELD(generate.ignore_end)},
    {0}};

static const option_row output_rows[] = {
    {"compare", 'C', OPTION_FLAG, NULL, "Run with the full cache too; show both texts and where they part",
     FIELD(compare)},
    {"trace-cache", 0, OPTION_FILE, "FILE",
     "Write a line of JSON per step, layer and KV head: what it held, what was evicted; - is standard output",
     FIELD(trace)},
    {"chart", 0, OPTION_FILE, "FILE",
     "Draw how many entries the heads keep, step by step: their mean, and from the shortest to the longest; "
     "with --compare beside the full cache; PNG or SVG by the file's ending",
     FIELD(chart)},
    {"verify", 0, OPTION_FLAG, NULL, "Recount the cache after each step; fail where the method lied",
     FIELD(verify)},
    {"per-layer", 0, OPTION_FLAG, NULL, "Add a table: entries and bytes of each layer", FIELD(per_layer)},
    {"dry-run", 0, OPTION_FLAG, NULL,
     "Only say what memory it would take, of the GPU or of the host, without the driver's share; nothing is "
     "computed or written",
     FIELD(dry_run)},
    {"json", 'j', OPTION_FLAG, NULL, "Print one JSON document instead of text and figures", FIELD(json)},
    {"quiet", 'q', OPTION_FLAG, NULL, "The text alone: no progress bar, notes, figures", FIELD(quiet)},
    {0}};

static const option_group groups[] = {{"Prompt and model:", input_rows, 0},
                                      {"Cache:", method_rows, 0},
                                      {"Text:", text_rows, 0},
                                      {"Outputs:", output_rows, 0},
                                      {0}};

static const cli_example examples[] = {
    {"rankkv run", "goes on with a sample prompt, the cache uncompressed"},
    {"rankkv run prompt.txt --method snapkv:window=16 --budget 64",
     "64 entries per head: 16 newest, and what their queries look at"},
    {"rankkv run prompt.txt --method window+int8 --ratio 0.25 --compare",
     "the newest quarter in 8 bits, beside the full cache's text"},
    {"rankkv run prompt.txt -M h2o --budgets rankkv-out/prompt/budget.json",
     "a budget for each layer, as rankkv analyze prompt.txt made them"},
    {"rankkv run prompt.txt --method fastgen:T=0.9 --per-layer",
     "policies chosen head by head, and what each layer then holds"},
    {"rankkv run prompt.txt -M streaming-llm -b 8 --trace-cache trace.jsonl",
     "every step of the cache as a line of JSON"},
    {"rankkv run prompt.txt -M snapkv+int4 -b 256 --new-tokens 1000 --dry-run",
     "what memory that would take, with and without a GPU"},
    {"rankkv run prompt.txt -M streaming-llm -b 64 --compare --chart lengths.svg",
     "the length of the cache over the steps, beside the full one"},
    {0}};

static void set_defaults(void *memory) {
    *(run_options *)memory =
        (run_options){.device = "auto", .interval = 1, .generate = {.n_tokens = 64, .top_p = 1}};
}

/* ---- what is told ---- */

static bool any_note(const run_result *result, const rkv_model_info *model) {
    for (size_t i = 0; i < model->n_layers * model->n_kv_heads; i++)
        if (*result->heads[i].note) return true;
    return false;
}

/* full: of the run beside it; NULL for none. */
static void tell_figures(const run_result *result, const run_result *full, const run_inputs *inputs,
                         const run_options *options) {
    const rkv_model_info *model = rkv_model_get_info(inputs->model);
    if (options->quiet || !result->heads) return;
    fputc('\n', stderr);
    run_report_summary(stderr, result, inputs, run_method_label(inputs, options));
    if (full) fputc('\n', stderr);
    if (full) run_report_summary(stderr, full, inputs, "full");
    if (!options->per_layer && !any_note(result, model)) return;
    fputc('\n', stderr);
    run_report_layers(stderr, result, model);
}

/* ---- the command ---- */

/* Draws what there is, after a signal too; returns the status that the command then has. */
static rkv_status draw(rkv_status status, const run_result *result, const run_result *full,
                       const run_inputs *inputs, const run_options *options) {
    if (!options->chart || !result->heads) return status;
    rkv_status drawn = run_chart_save(result, full, inputs, options);
    return drawn ? drawn : status;
}

/* Shows the text while it is made; where the trace takes standard output, on stderr. */
static rkv_status run_streaming(const run_inputs *inputs, const run_options *options) {
    run_result result = {0};
    bool trace_to_stdout = options->trace && strcmp(options->trace, "-") == 0;
    run_stream stream = run_stream_begin(trace_to_stdout ? stderr : stdout);
    run_show show = {inputs->name, &stream, !options->quiet, options->trace};
    rkv_status status = run_generate(&result, inputs, inputs->method, options, &show);
    tell_figures(&result, NULL, inputs, options);
    status = draw(status, &result, NULL, inputs, options);
    run_result_clear(&result);
    return status;
}

static rkv_status tell_whole(const run_result *result, const run_result *full, const run_inputs *inputs,
                             const run_options *options) {
    if (options->json) {
        run_json_write(stdout, result, full, inputs, options);
        return output_flush();
    }
    run_compare_write(stdout, result, full, inputs, run_method_label(inputs, options));
    rkv_status status = output_flush();
    if (!status) tell_figures(result, full, inputs, options);
    return status;
}

/* Makes one text or both, then tells. Both runs are whole: their times can be compared. A signal during the
 * second leaves both as far as they are. */
static rkv_status run_whole(const run_inputs *inputs, const run_options *options) {
    run_result result = {0}, full = {0};
    run_options plain = run_options_of_full(options);
    run_show show = {inputs->name, NULL, !options->quiet && !options->json, options->trace};
    rkv_status status = run_generate(&result, inputs, inputs->method, options, &show);
    show = (run_show){"full", NULL, false, NULL};
    if (!status && options->compare) status = run_generate(&full, inputs, "full", &plain, &show);
    if (result.heads && (full.heads || !options->compare)) {
        const run_result *beside = options->compare ? &full : NULL;
        rkv_status told = tell_whole(&result, beside, inputs, options);
        status = draw(told ? told : status, &result, beside, inputs, options);
    }
    run_result_clear(&result);
    run_result_clear(&full);
    return status;
}

static rkv_status run(const void *memory, char **arguments, size_t n_arguments) {
    const run_options *options = memory;
    run_inputs inputs = {0};
    message_set_quiet(options->quiet);
    rkv_status status = run_inputs_open(&inputs, options, arguments, n_arguments);
    if (!status && !options->dry_run) status = run_check_memory(&inputs, options);
    if (!status)
        status = options->dry_run                    ? run_dry_run(&inputs, options)
                 : options->json || options->compare ? run_whole(&inputs, options)
                                                     : run_streaming(&inputs, options);
    run_inputs_close(&inputs);
    return status;
}

const cli_command cmd_run = {
    .name = "run",
    .summary = "Generate text while a method holds the key/value cache to a budget",
    .arguments = "[PROMPT_FILE|-]",
    .most_arguments = 1,
    .description =
        "Reads the prompt (a text file, taken as it is; \"-\" is standard input) and goes on with it. Each "
        "layer and KV head has a cache of its own; the method evicts entries for good, layer by layer while "
        "the "
        "prompt is read and after each step, or stores them in fewer bits. A method is written "
        "NAME:OPTION=VALUE,...; several are joined by '+' and work in that order: snapkv:window=16+int4.\n\n"
        "On stdout: the text, as it is made. On stderr: times, the entries that are left, and the bytes that "
        "they really take, beside what every token takes in an ordinary cache. Ctrl-C ends the text; what "
        "was "
        "made until then is summed up all the same, and a trace of the cache is kept with whole steps.",
    .examples = examples,
    .options = groups,
    .options_size = sizeof(run_options),
    .set_defaults = set_defaults,
    .computes = true,
    .run = run,
};
