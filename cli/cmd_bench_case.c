/* cmd_bench_case.c: `rankkv bench-case`: how `rankkv bench` starts itself to measure one case. Not listed. */
#include "cli/bench.h"
#include "cli/command.h"
#include "cli/message.h"
#include "cli/output.h"

static const option_group groups[] = {{"Options:", bench_case_rows, 0}, {0}};

static rkv_status run(const void *options, char **arguments, size_t n_arguments) {
    bench_sample sample;
    (void)arguments;
    (void)n_arguments;
    message_set_quiet(true); /* stderr is for the reason why it fails */
    rkv_status status = bench_case_measure(options, &sample);
    if (status) return status;
    bench_sample_write(stdout, &sample);
    return output_flush();
}

const cli_command cmd_bench_case = {
    .name = "bench-case",
    .summary = "Measure one case for `rankkv bench`",
    .arguments = "",
    .description = "`rankkv bench` starts itself so, once for each case and round. The tokens come from "
                   "standard input, as 32-bit integers in the machine's own order; what was measured goes to "
                   "standard output as a JSON document.",
    .options = groups,
    .options_size = sizeof(bench_case),
    .computes = true,
    .run = run,
};
