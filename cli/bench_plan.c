/* bench_plan.c: what `rankkv bench` measures: which methods at which contexts, checked before the work. */
#include <stdlib.h>
#include <string.h>

#include "cli/bench.h"
#include "cli/device.h"
#include "cli/invocation.h"
#include "cli/list.h"
#include "cli/message.h"
#include "cli/prompt_tokens.h"

/* ---- specifications ---- */

/* Calls visit with each method that a specification names; stops at the first for which it is true. */
static bool any_part(const char *spec, bool (*visit)(const rkv_method *method)) {
    for (const char *part = spec; part;) {
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(part, ":+"), part);
        const rkv_method *method = rkv_method_find(name);
        if (method && visit(method)) return true;
        part = strchr(part, '+');
        part = part ? part + 1 : NULL;
    }
    return false;
}

static bool is_of_the_prompt(const rkv_method *method) {
    return method->prompt_once;
}

static bool takes_budget(const rkv_method *method) {
    return method->kind == RKV_SELECTION && strcmp(method->name, "full") != 0;
}

/* ---- methods ---- */

/* Beside full, when nothing is named: a selection that does not look, one that looks, and that in fewer bits.
 */
static const char *const standard_methods[] = {"streaming-llm", "snapkv", "snapkv+int8"};

static rkv_status add_method(cli_list *list, const char *spec) {
    size_t most = sizeof list->items / sizeof *list->items;
    for (size_t i = 0; i < list->n; i++)
        if (strcmp(list->items[i], spec) == 0) return RKV_OK;
    if (rkv_method_check(spec)) return complain(RKV_USAGE, "--method: %s", rkv_message());
    if (list->n == most) return complain(RKV_USAGE, "--method: %zu can be measured at once", most);
    list->items[list->n++] = spec;
    return RKV_OK;
}

static rkv_status list_methods(cli_list *list, const bench_options *options) {
    rkv_status status = add_method(list, "full"); /* the others are held against it */
    for (size_t i = 0; options->compare_all && rkv_method_at(i) && !status; i++)
        status = add_method(list, rkv_method_at(i)->name);
    for (size_t i = 0; i < options->methods.n && !status; i++)
        status = add_method(list, options->methods.items[i]);
    bool nothing = !options->compare_all && options->methods.n == 0;
    for (size_t i = 0; nothing && i < sizeof standard_methods / sizeof *standard_methods && !status; i++)
        status = add_method(list, standard_methods[i]);
    return status;
}

/* ---- contexts ---- */

static int by_size(const void *a, const void *b) {
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

static void sort_and_unite(size_t *sizes, size_t *n) {
    size_t kept = 0;
    qsort(sizes, *n, sizeof *sizes, by_size);
    for (size_t i = 0; i < *n; i++)
        if (kept == 0 || sizes[i] != sizes[kept - 1]) sizes[kept++] = sizes[i];
    *n = kept;
}

/* Without --contexts: those of the usual that the model has room for, or half of what it has. */
static rkv_status choose_contexts(bench_report *report, size_t room) {
    static const size_t usual[] = {512, 1024};
    size_t n = 0;
    report->contexts = calloc(sizeof usual / sizeof *usual, sizeof *report->contexts);
    if (!report->contexts) return complain(RKV_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (usual[i] < room) report->contexts[n++] = usual[i];
    if (n == 0) report->contexts[n++] = (room + 1) / 2;
    report->n_contexts = n;
    return RKV_OK;
}

static rkv_status list_contexts(bench_report *report, const bench_options *options) {
    if (!options->contexts) return choose_contexts(report, rkv_model_get_info(report->model)->n_context);
    rkv_status status = sizes_split(&report->contexts, &report->n_contexts, "contexts", options->contexts, 1);
    if (!status) sort_and_unite(report->contexts, &report->n_contexts);
    return status;
}

/* The longest context that the model can be given: others become rows that say so. */
static size_t longest_context(const bench_report *report) {
    size_t most = rkv_model_get_info(report->model)->n_context,
           asked = report->contexts[report->n_contexts - 1];
    return asked < most ? asked : most;
}

/* ---- rows ---- */

/* Without a selection there is nothing to spread a budget over, and nothing to analyse. Methods that are
 * published as compressing the prompt are held to that. */
static bench_case case_of(const bench_options *options, const char *method, size_t context) {
    bench_case c = options->each;
    c.method = method;
    c.context = context;
    c.hold = any_part(method, is_of_the_prompt) ? RKV_HOLD_PROMPT : RKV_HOLD_ALWAYS;
    if (!any_part(method, takes_budget)) {
        c.policy = c.profile = NULL;
        c.budget = 0;
        c.ratio = 0;
    }
    return c;
}

static rkv_status list_rows(bench_report *report) {
    size_t n = report->n_contexts * report->methods.n;
    report->rows = calloc(n, sizeof *report->rows);
    if (!report->rows) return complain(RKV_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < n; i++) {
        bench_row *row = &report->rows[i];
        row->c = case_of(report->options, report->methods.items[i % report->methods.n],
                         report->contexts[i / report->methods.n]);
        row->c.device = report->device;
        row->samples = calloc(report->options->repeats, sizeof *row->samples);
        if (!row->samples) return complain(RKV_NO_MEMORY, "out of memory");
        report->n_rows = i + 1;
    }
    return RKV_OK;
}

/* ---- policy ---- */

/* What is wrong with the policy or its profile is wrong for every case: it is told before the work. */
static rkv_status check_policy(const bench_case *each, const rkv_model *model) {
    rkv_budget_options how = rkv_budget_options_default();
    rkv_profile *profile = NULL;
    char *signal = NULL;
    rkv_status status = each->profile ? said(rkv_profile_load(&profile, each->profile)) : RKV_OK;
    if (!status && profile && rkv_profile_check_model(profile, rkv_model_get_info(model)))
        status = complain(RKV_DATA, "%s: %s", each->profile, rkv_message());
    how.profile = profile;
    if (!status && each->policy && rkv_budget_options_parse(each->policy, &how, &signal))
        status = complain(RKV_USAGE, "--policy: %s", rkv_message());
    rkv_free(signal);
    rkv_profile_free(profile);
    return status;
}

/* ---- all of it ---- */

static rkv_status check_options(const bench_options *options, const char *path) {
    const bench_case *each = &options->each;
    if (path && options->text) return complain(RKV_USAGE, "give a prompt file or --text-file, not both");
    if (each->budget && each->ratio > 0) return complain(RKV_USAGE, "give --budget or --ratio, not both");
    if (each->profile && !each->policy)
        return complain(RKV_USAGE, "--profile has signals for a --policy, and none is given");
    return RKV_OK;
}

/* Cases compute on it, in processes of their own; that it is not there comes before they begin. */
static rkv_status choose_device(bench_report *report, const bench_options *options) {
    rkv_status status = device_check_one(options->each.device);
    if (status) return status;
    report->device = device_choose(options->each.device);
    return device_check(report->device);
}

static rkv_status open_model(bench_report *report, const bench_options *options) {
    char *standard = NULL;
    const char *path = options->each.model;
    rkv_model_options how = {.vocabulary_only = true};
    rkv_status status = path ? RKV_OK : said(rkv_model_default_path(&standard));
    if (!status) status = said(rkv_model_open(&report->model, path ? path : standard, &how));
    rkv_free(standard);
    return status;
}

rkv_status bench_plan(bench_report *report, const bench_options *options, const char *path) {
    *report = (bench_report){.options = options, .text = {.ids = -1}};
    invocation_date(report->date);
    rkv_status status = check_options(options, path);
    if (!status) status = list_methods(&report->methods, options);
    if (!status) status = choose_device(report, options);
    if (!status) status = open_model(report, options);
    if (!status) status = check_policy(&options->each, report->model);
    if (!status) status = list_contexts(report, options);
    if (!status)
        status = bench_text_open(&report->text, path ? path : options->text, report->model,
                                 longest_context(report));
    if (!status) status = list_rows(report);
    return status;
}

void bench_report_clear(bench_report *report) {
    for (size_t i = 0; i < report->n_rows; i++) {
        free(report->rows[i].samples);
        free(report->rows[i].reason);
    }
    free(report->rows);
    free(report->contexts);
    bench_text_close(&report->text);
    rkv_model_close(report->model);
}

const bench_row *bench_full_row(const bench_report *report, const bench_row *row) {
    size_t i = (size_t)(row - report->rows);
    return &report->rows[i - i % report->methods.n];
}

const char *bench_device(const bench_report *report) {
    for (size_t i = 0; i < report->n_rows; i++)
        if (report->rows[i].n) return report->rows[i].samples[0].device;
    return "";
}

size_t bench_runs(const bench_report *report) {
    return report->n_rows * report->options->repeats;
}

size_t bench_runs_done(const bench_report *report) {
    size_t n = 0;
    for (size_t i = 0; i < report->n_rows; i++)
        n += report->rows[i].n;
    return n;
}
