/* bench_dry_run.c: `rankkv bench --dry-run`: the memory that each case would take in its process. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/bench.h"
#include "cli/dry_run.h"
#include "cli/kv_shape.h"
#include "cli/message.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/prompt_tokens.h"

/* What a case would take. */
typedef struct foretold {
    rkv_session_needs needs;
    rkv_memory_needs analysis; /* before it, for its policy; needed_bytes 0: none, or not foretold */
    char *reason;              /* why it would fail; NULL: it would not */
} foretold;

typedef struct work {
    const bench_report *report;
    rkv_model *model;
    int32_t *ids;  /* [longest context] */
    foretold *all; /* [report->n_rows] */
    rkv_status worst;
} work;

/* ---- asking ---- */

static rkv_status read_ids(const bench_report *report, int32_t **ids) {
    size_t n = report->contexts[report->n_contexts - 1], most = rkv_model_get_info(report->model)->n_context;
    size_t bytes = (n < most ? n : most) * sizeof **ids;
    *ids = malloc(bytes);
    if (!*ids) return complain(RKV_NO_MEMORY, "out of memory");
    if (pread(report->text.ids, *ids, bytes, 0) != (ssize_t)bytes)
        return complain(RKV_IO, "the tokens of %s could not be read again", report->text.name);
    return RKV_OK;
}

static rkv_status ask_analysis(const work *w, const bench_case *c, rkv_memory_needs *out) {
    rkv_budget_options how;
    rkv_profile *profile = NULL;
    char *signal = NULL;
    rkv_status status = c->policy ? bench_case_policy(c, &how, &profile, &signal) : RKV_OK;
    if (!status && c->policy && rkv_budget_needs_analysis(&how))
        status = rkv_analyze_needs(out, w->model, w->ids, c->context, NULL);
    rkv_free(signal);
    rkv_profile_free(profile);
    return status == RKV_UNAVAILABLE ? RKV_OK : status;
}

/* A case that would fail is a row that says why, as in the measurement. */
static rkv_status ask(work *w, size_t row, rkv_progress progress) {
    const bench_case *c = &w->report->rows[row].c;
    foretold *f = &w->all[row];
    rkv_session_options how = bench_case_session(c, NULL);
    how.progress = progress;
    size_t most = rkv_model_get_info(w->model)->n_context;
    rkv_status status = c->context <= most ? RKV_OK : RKV_USAGE;
    if (!status) status = rkv_session_foretell(&f->needs, w->model, &how, w->ids, c->context, c->new_tokens);
    if (!status) status = ask_analysis(w, c, &f->analysis);
    if (!status || status == RKV_CANCELLED) return said(status);
    w->worst = status;
    f->reason = c->context <= most ? strdup(rkv_message()) : strdup("the context is more than the model's");
    return f->reason ? RKV_OK : complain(RKV_NO_MEMORY, "out of memory");
}

static rkv_status ask_all(work *w) {
    progress_bar bar;
    const bench_options *o = w->report->options;
    rkv_progress progress = progress_begin(&bar, "memory", o->quiet || o->json);
    rkv_status status = RKV_OK;
    size_t n_failed = 0;
    for (size_t i = 0; !status && i < w->report->n_rows; i++) {
        status = ask(w, i, progress);
        n_failed += w->all[i].reason != NULL;
    }
    progress_erase();
    if (!status && n_failed == w->report->n_rows)
        status = complain(w->worst, "no case could be measured: %s", w->all[0].reason);
    return status;
}

/* ---- telling ---- */

static void tell(const work *w) {
    const bench_report *r = w->report;
    int width = (int)strlen("method");
    for (size_t i = 0; i < r->methods.n; i++)
        if ((int)strlen(r->methods.items[i]) > width) width = (int)strlen(r->methods.items[i]);
    printf("each case in a process of its own, on %s, in MiB\n%-*s  %7s", rkv_model_device(w->model), width,
           "method", "context");
    dry_run_tell_head();
    for (size_t i = 0; i < r->n_rows; i++) {
        const foretold *f = &w->all[i];
        printf("%-*s  %7zu", width, r->rows[i].c.method, r->rows[i].c.context);
        if (f->reason)
            printf("  %s\n", f->reason);
        else
            dry_run_tell_row(&f->needs);
        if (!f->analysis.needed_bytes) continue;
        fputs("  before it, the analysis for the policy: ", stdout);
        dry_run_tell_analysis(&f->analysis);
    }
    printf("beside that each process has the model's file, mapped: %.1f, and the program itself\n",
           (double)rkv_model_get_info(w->model)->file_bytes / (1 << 20));
}

static void write_case(cli_json *json, const work *w, size_t row) {
    const bench_case *c = &w->report->rows[row].c;
    const foretold *f = &w->all[row];
    json_open(json, NULL, '{');
    json_text(json, "method", c->method);
    json_count(json, "context", c->context);
    json_count(json, "new_tokens", c->new_tokens);
    json_text(json, "failure", f->reason);
    if (!f->reason) dry_run_json_session(json, &f->needs, rkv_model_get_info(w->model));
    if (f->analysis.needed_bytes) {
        json_open(json, "analysis", '{');
        dry_run_json_analysis(json, &f->analysis);
        json_close(json, '}');
    }
    json_close(json, '}');
}

static void write_json(const work *w) {
    cli_json json = json_begin(stdout, "rankkv-dry-run");
    json_text(&json, "device", rkv_model_device(w->model));
    json_open(&json, "cases", '[');
    for (size_t i = 0; i < w->report->n_rows; i++)
        write_case(&json, w, i);
    json_close(&json, ']');
    json_end(&json);
}

static rkv_status judge(const work *w) {
    rkv_status status = RKV_OK;
    for (size_t i = 0; i < w->report->n_rows && !status; i++) {
        const rkv_session_needs *n = &w->all[i].needs;
        const rkv_memory_needs *a = &w->all[i].analysis;
        const char *method = w->report->rows[i].c.method;
        status = dry_run_judge(method, n->needed_bytes, n->free_bytes, n->device);
        if (!status) status = dry_run_judge(method, a->needed_bytes, a->free_bytes, a->device);
    }
    return status;
}

/* ---- the command ---- */

rkv_status bench_dry_run(const bench_report *report) {
    work w = {.report = report, .all = calloc(report->n_rows, sizeof *w.all)};
    rkv_status status = w.all ? RKV_OK : complain(RKV_NO_MEMORY, "out of memory");
    if (!status)
        status =
            prompt_open_model(&w.model, report->options->each.model, report->device, RKV_PRECISION_FLOAT32);
    if (!status) status = read_ids(report, &w.ids);
    if (!status) status = ask_all(&w);
    if (!status) (report->options->json ? write_json : tell)(&w);
    if (!status) status = output_flush();
    if (!status) status = judge(&w);
    for (size_t i = 0; w.all && i < report->n_rows; i++)
        free(w.all[i].reason);
    free(w.all);
    free(w.ids);
    rkv_model_close(w.model);
    return status;
}

rkv_status bench_kv_dry_run(const bench_options *options) {
    rkv_kv_tensor shape = {0};
    rkv_status status = options->kv.shape ? kv_shape_parse(options->kv.shape, &shape) : RKV_OK;
    for (size_t i = 0; !status && i < options->methods.n; i++)
        status = said(rkv_method_check(options->methods.items[i]));
    if (status) return status;
    if (options->json) {
        cli_json json = json_begin(stdout, "rankkv-dry-run");
        json_text(&json, "device", "cpu");
        json_open(&json, "cases", '[');
        json_close(&json, ']');
        json_end(&json);
    } else {
        puts("without a model nothing is foretold: keys and values, and what methods make of them, are in "
             "the host's memory");
    }
    return output_flush();
}
