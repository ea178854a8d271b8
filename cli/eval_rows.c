/* eval_rows.c: the options of an evaluation; those of texts and outputs are `calibrate`'s, too. */
#include "cli/eval.h"

#define FIELD(member) .offset = offsetof(eval_options, member)

const option_row eval_text_rows[] = {
    {"text-file", 't', OPTION_LIST, "FILE",
     "Text to evaluate on: UTF-8, or JSONL with a member \"text\" in each line; may be given several times; "
     "the sample prompts when not given",
     FIELD(texts)},
    {"model", 'm', OPTION_FILE, "PATH", "GGUF file of the model; the default model when not given",
     FIELD(model)},
    {"device", 'd', OPTION_TEXT, "DEVICE", "What computes: auto, cpu, cuda or cuda:N", &choices_device,
     FIELD(device)},
    {"context", 'c', OPTION_COUNT, "N",
     "Tokens of each window that the cache is made of; 1024 when not given, of the samples 256", .low = 2,
     FIELD(cut.context)},
    {"continuation", 'n', OPTION_COUNT, "N",
     "Tokens after it that the model is to predict; 256 when not given, of the samples 64", .low = 2,
     FIELD(cut.continuation)},
    {"windows", 0, OPTION_COUNT, "N",
     "Windows of each text; 0: as many as the stride gives. eval, when not given: 8, of the samples 1",
     .low = 0, FIELD(cut.count)},
    {"stride", 0, OPTION_COUNT, "N",
     "Tokens from one window's start to the next's; 0: windows lie evenly over the text", .low = 0,
     FIELD(cut.stride)},
    {"offset", 0, OPTION_COUNT, "N", "Leave out so many tokens at the beginning", .low = 0,
     FIELD(cut.offset)},
    {"random-windows", 0, OPTION_FLAG, NULL, "Draw where windows start; they do not overlap",
     FIELD(cut.random)},
    {0}};

const option_row eval_task_rows[] = {
    {"tasks", 'T', OPTION_TEXT, "LIST",
     "What is asked: natural (the text that follows), copy (a passage of the context once more), passkey, "
     "recall (numbers hidden in the context)",
     FIELD(tasks)},
    {"copy-start", 0, OPTION_COUNT, "N",
     "copy: the passage's first token in the context; 0 where the context is too short for that", .low = 0,
     FIELD(copy_start)},
    {0}};

const option_row eval_ready_rows[] = {
    {"windows-file", 'w', OPTION_FILE, "FILE",
     "Instead: windows that are token ids already (JSON), with their questions; --tasks adds copy to those "
     "that have none",
     FIELD(windows_file)},
    {0}};

const option_row eval_hidden_rows[] = {
    {"depths", 0, OPTION_TEXT, "LIST", "passkey: where numbers stand, 0 (the beginning) to 1", FIELD(depths)},
    {"pairs", 0, OPTION_COUNT, "N", "recall: keys and values in each window", .low = 1, FIELD(pairs)},
    {"query-aware", 0, OPTION_FLAG, NULL,
     "passkey, recall: the question is read before the cache is compressed, so that methods can see it",
     FIELD(query_aware)},
    {0}};

const option_row eval_grid_rows[] = {
    {"methods", 'M', OPTION_TEXT, "LIST",
     "Methods, each NAME[:OPTION=VALUE,...][+NAME...] (`rankkv methods compressors`)", &choices_compressor,
     FIELD(methods)},
    {"policies", 'p', OPTION_TEXT, "LIST",
     "Budgets, each POLICY[:OPTION=VALUE,...] (`rankkv methods policies`), as in "
     "uniform,inverse,power:signal=retr,by=head; \"none\" leaves the method its own",
     &choices_policy, FIELD(policies)},
    {"ratios", 'r', OPTION_TEXT, "LIST",
     "Sizes, as parts of the context's tokens kept; 0.5,0.25 when no size is given", FIELD(ratios)},
    {"entries", 'e', OPTION_TEXT, "LIST", "Sizes, as entries per KV head", FIELD(entries)},
    {"protocols", 0, OPTION_TEXT, "LIST",
     "prefill (the context is compressed once) and streaming (the budget holds after every token)",
     FIELD(protocols)},
    {"profile", 0, OPTION_FILE, "FILE",
     "Signals from elsewhere: what `rankkv probe`, `profile` and `calibrate` write", FIELD(profile)},
    {"seed", 's', OPTION_SEED, "N", "Of whatever is drawn: windows, keys, methods, resampling", FIELD(seed)},
    {0}};

const option_row eval_output_rows[] = {
    {"output", 'o', OPTION_FOLDER, "DIR", "Write the journal, results, tables and charts there",
     FIELD(folder)},
    {"resume", 0, OPTION_FLAG, NULL, "Go on with the run whose journal is there", FIELD(resume)},
    {"force", 'f', OPTION_FLAG, NULL, "Replace the run that is there, with all that it left in DIR",
     FIELD(force)},
    {"generate", 'N', OPTION_COUNT, "N", "Let each setting go on with so many tokens of its own, too",
     .low = 0, FIELD(generate)},
    {"memory", 0, OPTION_COUNT, "MIB", "Hold caches of so much at once; 0: a quarter of what is free",
     .low = 0, FIELD(memory_mib)},
    {"no-charts", 0, OPTION_FLAG, NULL, "Leave the charts out", FIELD(no_charts)},
    {"dry-run", 0, OPTION_FLAG, NULL,
     "Only say what memory all of it would take, of the GPU or of the host, without the driver's share; "
     "nothing is computed or written",
     FIELD(dry_run)},
    {"json", 'j', OPTION_FLAG, NULL, "Print the results as JSON instead of a table", FIELD(json)},
    {"quiet", 'q', OPTION_FLAG, NULL, "No progress bar and no notes", FIELD(quiet)},
    {0}};

const option_row eval_page_rows[] = {{"html", 0, OPTION_FLAG, NULL,
                                      "Write report.html, one page that shows the results in a browser",
                                      FIELD(html)},
                                     {0}};
