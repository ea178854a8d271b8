/* cmd_bench.c: `rankkv bench`: how fast, small and exact methods are. */
#include "cli/bench.h"
#include "cli/command.h"
#include "cli/message.h"

#define FIELD(member) .offset = offsetof(bench_options, member)

static const option_row model_rows[] = {
    {"text-file", 't', OPTION_FILE, "FILE",
     "The same as PROMPT_FILE; the sample prompts when neither is given. A text begins anew where a context "
     "is longer",
     FIELD(text)},
    {"model", 'm', OPTION_FILE, "PATH", "GGUF file of the model; the default model when not given",
     FIELD(each.model)},
    {"device", 'd', OPTION_TEXT, "DEVICE", "What computes: auto, cpu, cuda or cuda:N", &choices_device,
     FIELD(each.device)},
    {"contexts", 'c', OPTION_TEXT, "LIST",
     "Tokens of the prompt, as in 512,2048,4096; 512,1024 when not given, or half of what the model has room "
     "for",
     FIELD(contexts)},
    {"new-tokens", 'N', OPTION_COUNT, "N", "Tokens after it", .low = 1, FIELD(each.new_tokens)},
    {"warm-up", 0, OPTION_COUNT, "N",
     "Read the prompt so often before, in the same process, which decodes the weights; 0: not at all",
     .low = 0, FIELD(each.warm_up)},
    {"policy", 'p', OPTION_TEXT, "SPEC",
     "Budgets by a policy, POLICY[:OPTION=VALUE,...] (`rankkv methods policies`); what it needs is analysed, "
     "and that time counts",
     &choices_policy, FIELD(each.policy)},
    {"profile", 0, OPTION_FILE, "FILE", "Signals for the policy that need no analysis (profile.json)",
     FIELD(each.profile)},
    {"ratio", 0, OPTION_NUMBER, "R",
     "Entries that each KV head may keep, as a part of the prompt; 0.5 when no size is given", .low = 1e-6,
     .high = 1, FIELD(each.ratio)},
    {0}};

static const option_row rows[] = {
    {"method", 'M', OPTION_LIST, "SPEC",
     "What to measure, such as window:budget=256+int8; may be given several times. full is always there on a "
     "model",
     &choices_compressor, FIELD(methods)},
    {"compare-all", 'C', OPTION_FLAG, NULL, "On a model: every method of the table, with its defaults",
     FIELD(compare_all)},
    {"budget", 'b', OPTION_COUNT, "N", "Entries that each head may keep, where the method does not say",
     .low = 1, FIELD(each.budget)},
    {"repeats", 'r', OPTION_COUNT, "N",
     "Measure so often: on a model, the median counts; without, the best time", .low = 1, FIELD(repeats)},
    {"seed", 0, OPTION_SEED, "N", "Seed of whatever is drawn", FIELD(each.seed)},
    {0}};

static const option_row output_rows[] = {
    {"output", 'o', OPTION_FOLDER, "DIR", "On a model: write bench.json, bench.csv and charts there",
     FIELD(folder)},
    {"force", 'f', OPTION_FLAG, NULL, "Replace what is there", FIELD(force)},
    {"dry-run", 0, OPTION_FLAG, NULL,
     "On a model: only say what memory each case would take, of the GPU or of the host, without the driver's "
     "share; nothing is computed or written",
     FIELD(dry_run)},
    {"json", 'j', OPTION_FLAG, NULL, "Print one JSON document instead of a table", FIELD(json)},
    {"quiet", 'q', OPTION_FLAG, NULL, "No progress bar and no notes", FIELD(quiet)},
    {0}};

static const option_group groups[] = {
    {"A model:", model_rows, 0},
    {"Keys and values without a model:", bench_kv_rows, offsetof(bench_options, kv)},
    {"What is measured, and how:", rows, 0},
    {"Outputs:", output_rows, 0},
    {0}};

static const cli_example examples[] = {
    {"rankkv bench", "full and three more on the sample prompts, in about a minute"},
    {"rankkv bench prompt.txt -c 64,128 -M h2o -M h2o+int4 --ratio 0.25 -o h2o",
     "two methods along the context, against the full cache"},
    {"rankkv bench prompt.txt -c 128 --compare-all --repeats 1 -N 8 -o all", "every method once"},
    {"rankkv bench prompt.txt -c 128 -M h2o -p inverse --budget 32 -o inverse",
     "what budgets by rank cost before the first token"},
    {"rankkv bench prompt.txt -c 64,128 --compare-all --dry-run", "what memory each of them would take"},
    {"rankkv bench --kv batch=4,heads=8,tokens=512,dim=128,dtype=bf16",
     "every representation, on random numbers"},
    {"rankkv bench --kv tokens=4096 -M int4 -M int4:group=128", "one against another"},
    {"rankkv bench --kv-file kv.h5 -M window+int8 --budget 256 --json", "on keys and values of one's own"},
    {0}};

static void set_defaults(void *memory) {
    *(bench_options *)memory = (bench_options){.kv = {.outliers = 4, .outlier_scale = 10},
                                               .each = {.device = "auto", .new_tokens = 32, .warm_up = 1},
                                               .repeats = 3,
                                               .folder = "rankkv-bench"};
}

/* What is for a model alone. */
static rkv_status check_kv(const bench_options *options, size_t n_paths) {
    const char *idle = n_paths                   ? "a prompt"
                       : options->text           ? "--text-file"
                       : options->each.model     ? "--model"
                       : options->contexts       ? "--contexts"
                       : options->each.policy    ? "--policy"
                       : options->each.profile   ? "--profile"
                       : options->each.ratio > 0 ? "--ratio"
                       : options->compare_all    ? "--compare-all"
                                                 : NULL;
    if (options->kv.shape && options->kv.file)
        return complain(RKV_USAGE, "--kv and --kv-file cannot be given together");
    if (idle)
        return complain(RKV_USAGE, "%s is for a model; %s is without one", idle,
                        options->kv.shape ? "--kv" : "--kv-file");
    return RKV_OK;
}

static rkv_status run(const void *memory, char **arguments, size_t n_arguments) {
    const bench_options *options = memory;
    message_set_quiet(options->quiet);
    if (!options->kv.shape && !options->kv.file)
        return bench_model_run(options, n_arguments ? arguments[0] : NULL);
    rkv_status status = check_kv(options, n_arguments);
    if (status) return status;
    return options->dry_run ? bench_kv_dry_run(options) : bench_kv_run(options);
}

const cli_command cmd_bench = {
    .name = "bench",
    .summary = "Measure how fast, small and exact methods are",
    .arguments = "[PROMPT_FILE]",
    .most_arguments = 1,
    .description =
        "On a model: for each method and context, the time from the prompt to the first token (TTFT), the "
        "mean time of a token after it (TPOT), the bytes that the cache really takes, and the memory of the "
        "process. Each case is a process of its own, started anew in every round, all cases in turn, so that "
        "what slows the machine down hits all alike; medians over the rounds, the least and the most, and "
        "ratios to the full cache in the same round. A method that is published as compressing the prompt "
        "alone (`rankkv methods compressors --json`: prompt_once) does that; the others hold the budget "
        "after every token. A policy's analysis has a column of its own, and TTFT includes it; warm-up does "
        "not analyse. A case that fails, or is killed, is a row that says why. Ctrl-C ends the measurement; "
        "what was measured until then is written.\n\n"
        "With --kv or --kv-file: compresses keys and values, random ones or those of a file, and restores "
        "them: the bytes that are really allocated, scales and bases included; relative errors "
        "||restored - original|| / ||original|| of keys and values over the entries that are kept; and "
        "original bytes over wall time, in 10^9 bytes a second, from the numbers' own type to what is stored "
        "and back. Methods that look at queries or tokens need a model and are refused. Without --method: "
        "every representation, and windows of half of the entries.",
    .examples = examples,
    .options = groups,
    .options_size = sizeof(bench_options),
    .set_defaults = set_defaults,
    .computes = true,
    .run = run,
};
