/* run.c: every setting on every question of every window. A window's context is read once for as many
 * settings as memory holds. Its rehearsal is the same, but for what takes no memory. */
#include "evaluation/run.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/fail.h"
#include "core/memory.h"
#include "core/progress.h"
#include "evaluation/answer.h"
#include "evaluation/kept.h"
#include "evaluation/plan.h"

/* What a session is to do: all questions of a window, or one, because answering changes the cache. */
typedef struct job {
    size_t setting, first, end; /* questions [first, end) */
} job;

typedef struct run {
    rkv_model *model;
    const rkv_windows *windows;
    const rkv_eval_options *options;
    rkv_plan plan;
    size_t n_done, n_cells; /* cells; those known before are not counted */
    size_t memory;          /* for caches, bytes */
    rkv_eval_count *count;  /* of a rehearsal; NULL: this is the work */
    char stage[96];         /* what is being done */
} run;

/* ---- progress ---- */

/* Whatever reports inside, the caller sees cells. */
static int report_cells(void *user, const char *stage, size_t done, size_t total) {
    const run *r = user;
    (void)stage, (void)done, (void)total;
    const rkv_progress *p = &r->options->progress;
    return p->report ? p->report(p->user, r->stage, r->n_done, r->n_cells) : 0;
}

static rkv_progress inner_progress(run *r) {
    return (rkv_progress){report_cells, r};
}

static rkv_status enter_stage(run *r, const char *stage, const char *window) {
    snprintf(r->stage, sizeof r->stage, "%s %s", stage, window);
    return rkv_progress_report(&r->options->progress, r->stage, r->n_done, r->n_cells);
}

/* ---- what is to be done ---- */

static bool is_known(const run *r, size_t setting, size_t window, size_t question) {
    const rkv_eval_options *o = r->options;
    return o->is_known && o->is_known(o->user, setting, window, question);
}

static size_t count_unknown(const run *r, size_t setting, size_t window, size_t first, size_t end) {
    size_t n = 0;
    for (size_t q = first; q < end; q++)
        n += !is_known(r, setting, window, q);
    return n;
}

/* The jobs of a window that have an unknown cell; the caller frees *jobs. */
static rkv_status list_jobs(const run *r, size_t window, job **jobs, size_t *n_jobs) {
    size_t n_questions = r->windows->items[window].n_questions;
    rkv_status status = rkv_alloc(jobs, r->plan.n * n_questions, sizeof **jobs);
    *n_jobs = 0;
    for (size_t s = 0; !status && s < r->plan.n; s++) {
        bool streams = r->plan.settings[s].setting->protocol == RKV_PROTOCOL_STREAMING;
        size_t step = streams ? 1 : n_questions;
        for (size_t q = 0; q < n_questions; q += step)
            if (count_unknown(r, s, window, q, q + step) > 0) (*jobs)[(*n_jobs)++] = (job){s, q, q + step};
    }
    return status;
}

static size_t count_cells(const run *r) {
    size_t n = 0;
    for (size_t w = 0; w < r->windows->n; w++)
        for (size_t s = 0; s < r->plan.n; s++)
            n += count_unknown(r, s, w, 0, r->windows->items[w].n_questions);
    return n;
}

/* ---- the analysis of a window's context ---- */

static rkv_status analyse(run *r, size_t window, rkv_analysis **out) {
    const rkv_window *w = &r->windows->items[window];
    rkv_analyze_options options = {.prompt_name = w->name, .progress = inner_progress(r)};
    char *path = NULL;
    if (r->count) return rkv_eval_count_analysis(r->model, w, inner_progress(r));
    rkv_status status = r->options->analyses ? rkv_kept_path(r->options->analyses, window, &path) : RKV_OK;
    if (!status && path && (*out = rkv_kept_find(path, w, r->model))) goto out;
    if (!status) status = enter_stage(r, "ranking", w->name);
    if (!status) status = rkv_analyze(out, r->model, w->context, w->n_context, &options);
    if (!status && path) status = rkv_analysis_save(*out, NULL, path);
out:
    free(path);
    return status;
}

static bool any_needs_analysis(const run *r, const job *jobs, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (r->plan.settings[jobs[i].setting].needs_analysis) return true;
    return false;
}

/* ---- batches of sessions ---- */

typedef struct batch {
    rkv_session **sessions; /* [n] */
    rkv_budget **budgets;   /* [n] */
    size_t n;
} batch;

static void batch_clear(batch *b) {
    for (size_t i = 0; i < b->n; i++) {
        if (b->sessions) rkv_session_free(b->sessions[i]);
        if (b->budgets) rkv_budget_free(b->budgets[i]);
    }
    free(b->sessions);
    free(b->budgets);
    *b = (batch){0};
}

static rkv_status batch_open(run *r, const rkv_window *w, const rkv_analysis *analysis, const job *jobs,
                             size_t n, batch *out) {
    rkv_status status = rkv_alloc(&out->sessions, n, sizeof *out->sessions);
    if (!status) status = rkv_alloc(&out->budgets, n, sizeof *out->budgets);
    out->n = status ? 0 : n;
    for (size_t i = 0; !status && i < n; i++)
        status = rkv_plan_open(&r->plan, jobs[i].setting, w->n_context, analysis, inner_progress(r),
                               &out->sessions[i], &out->budgets[i]);
    if (!status) status = enter_stage(r, "reading", w->name);
    if (!status) status = rkv_session_prefill_all(out->sessions, n, w->context, w->n_context);
    return status;
}

/* How many of the jobs go into one batch: at least one. */
static size_t fit_batch(const run *r, const rkv_window *w, const job *jobs, size_t n) {
    size_t bytes = 0, count = 0;
    while (count < n) {
        bytes += rkv_plan_bytes(&r->plan, jobs[count].setting, w->n_context);
        if (count > 0 && bytes > r->memory) break;
        count++;
    }
    return count;
}

/* ---- answering ---- */

static rkv_status answer_job(run *r, size_t window, const job *j, batch *b, size_t i, rkv_answers *answers) {
    const rkv_window *w = &r->windows->items[window];
    const rkv_setting *setting = r->plan.settings[j->setting].setting;
    rkv_status status = enter_stage(r, setting->method, w->name);
    for (size_t q = j->first; !status && q < j->end; q++) {
        if (is_known(r, j->setting, window, q)) continue;
        rkv_cell cell = {.setting = j->setting, .window = window, .question = q};
        cell.total = rkv_plan_total(&r->plan, j->setting, w->n_context, b->budgets[i]);
        status = rkv_answer(answers, b->sessions[i], setting->protocol, q, &cell);
        bool generates = setting->protocol == RKV_PROTOCOL_PREFILL && q + 1 == j->end;
        if (!status && generates && r->options->generate > 0)
            status = rkv_answer_generate(answers, b->sessions[i], r->options->generate, &cell);
        if (!status && r->options->on_cell) status = r->options->on_cell(r->options->user, &cell);
        free(cell.text);
        r->n_done++;
    }
    return status;
}

/* In a rehearsal: whether job i answers as an earlier one has, which had more sessions beside it. */
static bool is_rehearsed(const rkv_window *w, const job *jobs, size_t i) {
    size_t n = w->questions[rkv_longest_question(w, jobs[i].first, jobs[i].end)].n;
    for (size_t k = 0; k < i; k++)
        if (jobs[k].setting == jobs[i].setting &&
            w->questions[rkv_longest_question(w, jobs[k].first, jobs[k].end)].n >= n)
            return true;
    return false;
}

/* Of the job's questions the longest; then what is generated. */
static rkv_status rehearse_job(run *r, size_t window, const job *jobs, batch *b, size_t i,
                               rkv_answers *answers) {
    const rkv_window *w = &r->windows->items[window];
    const rkv_setting *setting = r->plan.settings[jobs[i].setting].setting;
    size_t question = rkv_longest_question(w, jobs[i].first, jobs[i].end);
    bool generates = setting->protocol == RKV_PROTOCOL_PREFILL && r->options->generate > 0;
    rkv_cell cell = {0};
    rkv_status status = enter_stage(r, setting->method, w->name);
    if (!status && !is_rehearsed(w, jobs, i))
        status = rkv_answer(answers, b->sessions[i], setting->protocol, question, &cell);
    if (!status && generates)
        status = rkv_answer_generate(answers, b->sessions[i], r->options->generate, &cell);
    if (status) return status;
    rkv_eval_count_open(r->count, r->model, w, b->sessions, b->n);
    rkv_eval_count_session(r->count, b->sessions[i], jobs[i].setting);
    r->n_done += jobs[i].end - jobs[i].first;
    return RKV_OK;
}

/* A session is closed as soon as it has answered. */
static rkv_status run_batch(run *r, size_t window, const rkv_analysis *analysis, const job *jobs, size_t n,
                            rkv_answers *answers) {
    batch b = {0};
    rkv_status status = batch_open(r, &r->windows->items[window], analysis, jobs, n, &b);
    for (size_t i = 0; !status && i < n; i++) {
        status = r->count ? rehearse_job(r, window, jobs, &b, i, answers)
                          : answer_job(r, window, &jobs[i], &b, i, answers);
        rkv_session_free(b.sessions[i]);
        b.sessions[i] = NULL;
    }
    batch_clear(&b);
    return status;
}

static rkv_status run_jobs(run *r, size_t window, const job *jobs, size_t n) {
    const rkv_window *w = &r->windows->items[window];
    rkv_analysis *analysis = NULL;
    rkv_answers answers = {0};
    rkv_status status = any_needs_analysis(r, jobs, n) ? analyse(r, window, &analysis) : RKV_OK;
    if (!status) status = enter_stage(r, "reading", w->name);
    if (!status) status = rkv_answers_begin(&answers, r->model, w, inner_progress(r));
    for (size_t first = 0, count; !status && first < n; first += count) {
        count = fit_batch(r, w, jobs + first, n - first);
        status = run_batch(r, window, analysis, jobs + first, count, &answers);
    }
    rkv_answers_end(&answers);
    rkv_analysis_free(analysis);
    return status;
}

static rkv_status run_window(run *r, size_t window) {
    job *jobs = NULL;
    size_t n = 0;
    rkv_status status = list_jobs(r, window, &jobs, &n);
    if (!status && n > 0) status = run_jobs(r, window, jobs, n);
    free(jobs);
    return status;
}

static const rkv_eval_options defaults = {0};

/* Results that nobody could read again would be found out after hours. */
static rkv_status check_size(const run *r, size_t n_settings) {
    size_t n_questions = 0;
    for (size_t w = 0; w < r->windows->n; w++)
        n_questions += r->windows->items[w].n_questions;
    if (n_settings <= RKV_MAX_SETTINGS && r->windows->n <= RKV_MAX_WINDOWS &&
        n_settings * n_questions <= RKV_MAX_CELLS)
        return RKV_OK;
    return rkv_fail(
        RKV_USAGE,
        "%zu settings of %zu questions in %zu windows: a run has at most %zu settings, %zu windows and "
        "%zu cells (settings times questions)",
        n_settings, n_questions, r->windows->n, RKV_MAX_SETTINGS, RKV_MAX_WINDOWS, RKV_MAX_CELLS);
}

static rkv_status prepare(run *r, const rkv_setting *settings, size_t n) {
    rkv_status status = rkv_windows_check(r->windows, r->model);
    if (!status) status = check_size(r, n);
    return status ? status : rkv_plan_make(&r->plan, r->model, r->windows, settings, n, r->options);
}

rkv_status rkv_eval_check(rkv_model *model, const rkv_windows *windows, const rkv_setting *settings,
                          size_t n_settings, const rkv_eval_options *options) {
    run r = {.model = model, .windows = windows, .options = options ? options : &defaults};
    rkv_status status = prepare(&r, settings, n_settings);
    rkv_plan_clear(&r.plan);
    return status ? status : rkv_eval_check_memory(model, windows, settings, n_settings, options);
}

static bool is_left_out(const run *r, size_t window) {
    return r->count && rkv_window_is_repeated(r->windows, window);
}

rkv_status rkv_eval_work(rkv_model *model, const rkv_windows *windows, const rkv_setting *settings,
                         size_t n_settings, const rkv_eval_options *options, rkv_eval_count *count) {
    run r = {.model = model, .windows = windows, .options = options, .count = count};
    rkv_status status = prepare(&r, settings, n_settings);
    if (!status) r.memory = rkv_plan_memory(&r.plan, r.options);
    if (!status) r.n_cells = count_cells(&r);
    if (!status && count) count->n_cells = r.n_cells, count->limit_bytes = r.memory;
    for (size_t w = 0; !status && w < windows->n; w++)
        if (!is_left_out(&r, w)) status = run_window(&r, w);
    rkv_plan_clear(&r.plan);
    return status;
}

rkv_status rkv_eval_run(rkv_model *model, const rkv_windows *windows, const rkv_setting *settings,
                        size_t n_settings, const rkv_eval_options *options) {
    rkv_status status = rkv_eval_check(model, windows, settings, n_settings, options);
    return status ? status
                  : rkv_eval_work(model, windows, settings, n_settings, options ? options : &defaults, NULL);
}
