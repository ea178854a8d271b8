/* cmd_profile.c: `rankkv profile`: analyses averaged, and profiles put together. */
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/message.h"
#include "cli/output.h"
#include "cli/profile_report.h"

typedef struct profile_options {
    const char *output;
    cli_list merge;
    bool json, quiet;
} profile_options;

#define FIELD(member) .offset = offsetof(profile_options, member)

static const option_row rows[] = {
    {"merge", 0, OPTION_LIST, "FILE",
     "Add the signals of this profile.json, in the place of those of the same names, and its calibration; "
     "may "
     "be given again",
     FIELD(merge)},
    {"output", 'o', OPTION_FILE, "FILE", "Write profile.json there", FIELD(output)},
    {"json", 'j', OPTION_FLAG, NULL, "Print profile.json instead of a table", FIELD(json)},
    {"quiet", 'q', OPTION_FLAG, NULL, "No table", FIELD(quiet)},
    {0}};

static const option_group groups[] = {{"Options:", rows, 0}, {0}};

static const cli_example examples[] = {
    {"rankkv profile results/*/analysis.json -o means.json",
     "what the heads did on several prompts, for any prompt"},
    {"rankkv profile results/*/analysis.json --merge profile.json -o both.json",
     "beside what the probe found"},
    {"rankkv profile --merge profile.json", "the signals of a profile"},
    {0}};

/* *out = the mean of the analyses at paths; none: an empty profile of the model of the first to be merged. */
static rkv_status average(rkv_profile **out, char **paths, size_t n) {
    rkv_analysis **analyses = calloc(n, sizeof *analyses);
    rkv_status status = analyses ? RKV_OK : complain(RKV_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < n && !status; i++)
        status = said(rkv_analysis_load(&analyses[i], paths[i]));
    if (!status) status = said(rkv_profile_average(out, (const rkv_analysis *const *)analyses, n));
    for (size_t i = 0; analyses && i < n; i++)
        rkv_analysis_free(analyses[i]);
    free(analyses);
    return status;
}

static rkv_status merge(rkv_profile **profile, const char *path) {
    rkv_profile *from = NULL;
    rkv_status status = said(rkv_profile_load(&from, path));
    if (!status && !*profile) {
        *profile = from;
        return RKV_OK;
    }
    if (!status && rkv_profile_merge(*profile, from))
        status = complain(RKV_DATA, "%s: %s", path, rkv_message());
    rkv_profile_free(from);
    return status;
}

static rkv_status run(const void *memory, char **arguments, size_t n_arguments) {
    const profile_options *options = memory;
    rkv_profile *profile = NULL;
    rkv_status status = RKV_OK;
    message_set_quiet(options->quiet);
    if (n_arguments == 0 && options->merge.n == 0)
        return complain(RKV_USAGE, "name the analyses to average, or a profile with --merge");
    if (n_arguments) status = average(&profile, arguments, n_arguments);
    for (size_t i = 0; i < options->merge.n && !status; i++)
        status = merge(&profile, options->merge.items[i]);
    if (!status) status = profile_deliver(profile, options->output, options->json);
    if (!status && !options->json && !options->quiet) profile_list(stdout, profile);
    rkv_profile_free(profile);
    return status;
}

const cli_command cmd_profile = {
    .name = "profile",
    .summary = "Average analyses into signals of a model that need no prompt",
    .arguments = "[ANALYSIS.json ...]",
    .most_arguments = ANY_NUMBER,
    .description =
        "Takes the mean of every metric over analyses of one model, so that budgets can be made "
        "without looking at a prompt (rankkv budget --profile), and puts profiles together. Metrics "
        "that one of the analyses lacks are left out.",
    .examples = examples,
    .options = groups,
    .options_size = sizeof(profile_options),
    .run = run,
};
