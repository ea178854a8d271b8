/* cmd_calibrate.c: `rankkv calibrate`: which signal, exponent and granularity make good budgets for a method,
 * by measured loss, and whether that holds on text that was not used to choose. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/calibrate.h"
#include "cli/command.h"
#include "cli/folder.h"
#include "cli/message.h"
#include "cli/output.h"
#include "cli/prompt_tokens.h"

#define FIELD(member) .offset = offsetof(calibrate_options, member)

/* Into an eval_options. */
static const option_row task_rows[] = {
    {"tasks", 'T', OPTION_TEXT, "LIST",
     "What the loss is of: natural (the text that follows), copy (a passage of the context once more)",
     .offset = offsetof(eval_options, tasks)},
    {"copy-start", 0, OPTION_COUNT, "N",
     "copy: the passage's first token in the context; 0 where the context is too short for that", .low = 0,
     .offset = offsetof(eval_options, copy_start)},
    {0}};

static const option_row choice_rows[] = {
    {"method", 'M', OPTION_TEXT, "SPEC", "What budgets are chosen for", &choices_compressor, FIELD(method)},
    {"ratio", 'r', OPTION_NUMBER, "R", "At this part of the context's tokens kept", .low = 1e-3, .high = 1,
     FIELD(ratio)},
    {"signals", 's', OPTION_TEXT, "LIST",
     "Signals to try: retr (probed), oerr (measured), metrics (averaged), or what --profile has",
     FIELD(signals)},
    {"exponents", 0, OPTION_TEXT, "LIST", "Exponents of policy power to try", FIELD(exponents)},
    {"floors", 0, OPTION_TEXT, "LIST", "Floors of policy power to try", FIELD(floors)},
    {"shares", 0, OPTION_TEXT, "LIST", "Parts of all layers or heads to keep whole (top-k) to try",
     FIELD(shares)},
    {"by-layer", 0, OPTION_FLAG, NULL, "Try budgets by layer alone", FIELD(by_layer)},
    {"by-head", 0, OPTION_FLAG, NULL, "Try budgets by head alone", FIELD(by_head)},
    {"seed", 0, OPTION_SEED, "N", "Of whatever is drawn", FIELD(eval.seed)},
    {"profile", 0, OPTION_FILE, "FILE", "Begin with the signals of this profile", FIELD(profile)},
    {0}};

static const option_row test_rows[] = {
    {"test-file", 0, OPTION_LIST, "FILE",
     "Text to judge the choice on; later windows of the same texts when not given", FIELD(test_texts)},
    {"test-windows", 0, OPTION_COUNT, "N", "Windows of each text to judge on", .low = 1, FIELD(test_windows)},
    {"shuffles", 0, OPTION_COUNT, "N", "Shuffles of the chosen budgets over the units to judge against",
     .low = 0, FIELD(shuffles)},
    {"profile-out", 'p', OPTION_FILE, "FILE", "Write the profile there; DIR/profile.json when not given",
     FIELD(output)},
    {0}};

static const option_group groups[] = {{"Text and model:", eval_text_rows, offsetof(calibrate_options, eval)},
                                      {"Tasks:", task_rows, offsetof(calibrate_options, eval)},
                                      {"What is chosen:", choice_rows, 0},
                                      {"How it is judged:", test_rows, 0},
                                      {"Outputs:", eval_output_rows, offsetof(calibrate_options, eval)},
                                      {0}};

static const cli_example examples[] = {
    {"rankkv calibrate -t novel.txt -M h2o -r 0.25 -p h2o.json",
     "budgets for h2o at a quarter, judged on later windows of the novel"},
    {"rankkv eval -t novel.txt -p uniform,calibrated --profile h2o.json -o use",
     "what they do for it and for another method"},
    {"rankkv calibrate -t novel.txt -M h2o -c 4096 --dry-run",
     "how many candidates there are, and in what memory they are compared"},
    {0}};

static void set_defaults(void *memory) {
    *(calibrate_options *)memory = (calibrate_options){.eval = {.device = "auto",
                                                                .cut = {.count = 4},
                                                                .tasks = "natural,copy",
                                                                .copy_start = 256,
                                                                .depths = "0.1,0.3,0.5,0.7,0.9",
                                                                .pairs = 8,
                                                                .folder = "rankkv-calibration"},
                                                       .test_windows = 4,
                                                       .method = "snapkv",
                                                       .ratio = 0.25,
                                                       .signals = "retr,oerr,erank,ind1",
                                                       .exponents = "-2,-1,-0.5,0.5,1,2",
                                                       .floors = "0.05,0.5",
                                                       .shares = "0.05,0.1,0.15",
                                                       .shuffles = 20};
}

/* ---- windows of both stages ---- */

/* Of one set of windows the later ones of every text go to test. */
static rkv_status split(eval_inputs *inputs, eval_inputs *test, size_t per_text, size_t kept) {
    rkv_windows *all = &inputs->windows, *later = &test->windows;
    size_t n = 0;
    later->items = calloc(all->n ? all->n : 1, sizeof *later->items);
    if (!later->items) return complain(RKV_NO_MEMORY, "out of memory");
    later->capacity = all->n;
    for (size_t w = 0; w < all->n; w++)
        if (w % per_text < kept)
            all->items[n++] = all->items[w];
        else
            later->items[later->n++] = all->items[w];
    all->n = n;
    return RKV_OK;
}

static rkv_status make_windows(eval_inputs *inputs, eval_inputs *test, const calibrate_options *options) {
    eval_options first = options->eval, second = options->eval;
    second.texts = options->test_texts;
    second.cut.count = options->test_windows;
    if (options->test_texts.n == 0) first.cut.count += options->test_windows;
    rkv_status status = eval_windows_make(inputs, &first);
    if (!status && options->test_texts.n > 0) return eval_windows_make(test, &second);
    if (!status) status = split(inputs, test, first.cut.count, options->eval.cut.count);
    if (!status) status = eval_windows_describe(inputs, &first);
    return status ? status : eval_windows_describe(test, &first);
}

/* ---- the command ---- */

static bool is_same_file(const char *a, const char *b) {
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* Windows of one file overlap: what was chosen on it cannot be judged on it. */
static rkv_status check_test_texts(const calibrate_options *options) {
    for (size_t i = 0; i < options->eval.texts.n; i++)
        for (size_t t = 0; t < options->test_texts.n; t++)
            if (is_same_file(options->eval.texts.items[i], options->test_texts.items[t]))
                return complain(RKV_USAGE,
                                "--test-file %s is what is chosen on; without --test-file, later windows of "
                                "it are for the judgement",
                                options->test_texts.items[t]);
    return RKV_OK;
}

static rkv_status check_options(const calibrate_options *options) {
    if (options->eval.texts.n == 0)
        return complain(RKV_USAGE, "give a text to calibrate on: --text-file FILE");
    if (options->eval.cut.count == 0)
        return complain(RKV_USAGE, "--windows 0: a calibration needs a number of windows");
    if (options->eval.cut.stride > 0 && options->test_texts.n == 0)
        return complain(RKV_USAGE, "windows that may overlap (--stride) need a --test-file of their own");
    if (!strstr(options->eval.tasks, "natural") && !strstr(options->eval.tasks, "copy"))
        return complain(RKV_USAGE, "--tasks: a calibration goes by natural or copy");
    if (strstr(options->eval.tasks, "passkey") || strstr(options->eval.tasks, "recall"))
        return complain(RKV_USAGE, "--tasks: a calibration goes by natural and copy alone");
    if (rkv_method_check(options->method)) return complain(RKV_USAGE, "--method: %s", rkv_message());
    return check_test_texts(options);
}

static rkv_status open_profile(eval_inputs *inputs, const char *path) {
    const rkv_model_info *model = rkv_model_get_info(inputs->model);
    if (!path) return said(rkv_profile_new(&inputs->profile, model));
    rkv_status status = said(rkv_profile_load(&inputs->profile, path));
    if (!status && rkv_profile_check_model(inputs->profile, model))
        status = complain(RKV_DATA, "%s: %s", path, rkv_message());
    return status;
}

static rkv_status save(eval_inputs *inputs, const calibrate_options *options,
                       const calibrate_outcome *outcome) {
    char *path = NULL;
    rkv_calibration c = {.budget = outcome->budget,
                         .method = (char *)options->method,
                         .ratio = options->ratio,
                         .text = inputs->text,
                         .n_windows = outcome->n_windows,
                         .loss = outcome->loss,
                         .uniform_loss = outcome->uniform_loss,
                         .n_judged = outcome->against_uniform.n,
                         .difference = outcome->against_uniform.mean,
                         .low = outcome->against_uniform.low,
                         .high = outcome->against_uniform.high,
                         .n_shuffles = outcome->n_shuffles,
                         .n_beaten = outcome->n_beaten};
    rkv_status status = said(rkv_profile_set_calibration(inputs->profile, &c));
    if (!status) status = join_path(&path, options->eval.folder, "profile.json");
    if (!status) status = said(rkv_profile_save(inputs->profile, options->output ? options->output : path));
    free(path);
    return status;
}

static rkv_status tell(const calibrate_outcome *outcome, const calibrate_options *options) {
    (options->eval.json ? calibrate_json_write : calibrate_report_write)(stdout, outcome, options);
    return output_flush();
}

static rkv_status calibrate(eval_inputs *inputs, eval_inputs *test, const calibrate_options *options,
                            calibrate_outcome *outcome) {
    cli_parts signals = {0};
    rkv_status status = parts_split(&signals, "signals", options->signals);
    if (!status && !options->eval.dry_run)
        status = calibrate_check(inputs, options, signals.items, signals.n);
    if (!status) status = make_windows(inputs, test, options);
    if (options->eval.dry_run) {
        if (!status) status = calibrate_dry_run(inputs, test, options, signals.items, signals.n);
        parts_clear(&signals);
        return status;
    }
    if (!status) status = folder_make(options->eval.folder);
    if (!status) status = calibrate_add_signals(inputs, options, signals.items, signals.n);
    if (!status) status = calibrate_choose(inputs, options, signals.items, signals.n, outcome);
    test->profile = inputs->profile;
    if (!status) status = calibrate_judge(test, options, outcome);
    test->profile = NULL;
    if (!status) status = save(inputs, options, outcome);
    if (!status) status = tell(outcome, options);
    parts_clear(&signals);
    return status;
}

static rkv_status run(const void *memory, char **arguments, size_t n_arguments) {
    const calibrate_options *options = memory;
    eval_inputs inputs = {0}, test = {0};
    calibrate_outcome outcome = {0};
    (void)arguments, (void)n_arguments;
    message_set_quiet(options->eval.quiet);
    rkv_status status = check_options(options);
    if (!status) status = prompt_open_model_on_one(&inputs.model, options->eval.model, options->eval.device);
    test.model = inputs.model;
    if (!status) status = open_profile(&inputs, options->profile);
    if (!status) status = calibrate(&inputs, &test, options, &outcome);
    calibrate_outcome_clear(&outcome);
    test.model = NULL;
    eval_inputs_close(&test);
    eval_inputs_close(&inputs);
    return status;
}

const cli_command cmd_calibrate = {
    .name = "calibrate",
    .summary = "Choose budgets for a method by measured loss, and judge the choice on other text",
    .arguments = "",
    .description =
        "Tries budgets that follow each signal (the retrieval probe, the output error of the method, "
        "averages "
        "of metrics), by layer and by head, with several exponents and floors, on some windows of the text; "
        "takes the one of lowest loss, the mean over the tasks; then measures it on other windows, against "
        "uniform budgets, AdaKV where the method has it, and shuffles of its own budgets over the heads. The "
        "best of many candidates looks good on the windows that it was chosen on; only the judgement on the "
        "others says whether it is.\n\n"
        "The profile that is written has the signals, the choice and the judgement; `budget` and `analyze` "
        "take it with --policy calibrated --profile FILE, `eval` with --policies calibrated.",
    .examples = examples,
    .options = groups,
    .options_size = sizeof(calibrate_options),
    .set_defaults = set_defaults,
    .computes = true,
    .run = run,
};
