/* cmd_bench.c: `rankkv bench`: how good and how fast methods are. */
#include "cli/bench_kv.h"
#include "cli/command.h"
#include "cli/message.h"

#define FIELD(member) .offset = offsetof(bench_options, member)

static const option_row rows[] = {
    {"method", 'M', OPTION_LIST, "SPEC",
     "What to measure, such as window:budget=256+int8; may be given several times. Without it: every "
     "representation, and windows of half of the entries",
     FIELD(methods)},
    {"seed", 0, OPTION_SEED, "N", "Seed of whatever is drawn", FIELD(seed)},
    {"repeats", 'r', OPTION_COUNT, "N", "Measure so often; the best time counts", .low = 1, FIELD(repeats)},
    {"json", 'j', OPTION_FLAG, NULL, "Print one JSON document", FIELD(json)},
    {"quiet", 'q', OPTION_FLAG, NULL, "No progress bar", FIELD(quiet)},
    {0}};

static const option_group groups[] = {
    {"Keys and values without a model:", bench_kv_rows, offsetof(bench_options, kv)},
    {"What is measured, and how:", rows, 0},
    {0}};

static const cli_example examples[] = {
    {"rankkv bench --kv batch=4,heads=8,tokens=512,dim=128,dtype=bf16",
     "every representation, on random numbers"},
    {"rankkv bench --kv tokens=4096 -M int4 -M int4:group=128", "one against another"},
    {"rankkv bench --kv-file kv.h5 -M window+int8 --budget 256 --json", "on keys and values of one's own"},
    {0}};

static void set_defaults(void *memory) {
    bench_options *options = memory;
    *options = (bench_options){.repeats = 3};
    bench_kv_set_defaults(&options->kv);
}

static rkv_status run(const void *memory, char **arguments, size_t n_arguments) {
    const bench_options *options = memory;
    (void)arguments;
    (void)n_arguments;
    message_set_quiet(options->quiet);
    if (options->kv.shape && options->kv.file)
        return complain(RKV_USAGE, "--kv and --kv-file cannot be given together");
    if (options->kv.shape || options->kv.file) return bench_kv_run(options);
    return complain(RKV_USAGE, "nothing to measure: give --kv or --kv-file");
}

const cli_command cmd_bench = {
    .name = "bench",
    .summary = "Measure how small, exact and fast methods are",
    .arguments = "",
    .description =
        "Compresses keys and values, random ones or those of a file, and restores them: the bytes that are "
        "really allocated, scales and bases included; relative errors ||restored - original|| / ||original|| "
        "of "
        "keys and values over the entries that are kept; and original bytes over wall time, in 10^9 bytes a "
        "second, from the numbers' own type to what is stored and back. Methods that look at queries or "
        "tokens "
        "need a model and are refused.",
    .examples = examples,
    .options = groups,
    .options_size = sizeof(bench_options),
    .set_defaults = set_defaults,
    .computes = true,
    .run = run,
};
