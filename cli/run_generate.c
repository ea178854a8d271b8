/* run_generate.c: one generation of `rankkv run`, and what is known of it afterwards. */
#include <stdlib.h>

#include "cli/clock.h"
#include "cli/message.h"
#include "cli/progress.h"
#include "cli/run.h"
#include "cli/signals.h"

/* What the callbacks of a session share. */
typedef struct run_watch {
    run_result *result;
    const run_inputs *inputs;
    const run_options *options;
    const run_show *show;
    run_trace trace;
    progress_bar bar;
    rkv_progress progress;    /* draws the bar */
    bool generating;          /* the prompt is read */
    bool told;                /* why it fails stands on stderr already */
    double first_at, last_at; /* when tokens came */
} run_watch;

/* ---- callbacks ---- */

/* Of the session: the bar follows the prompt; afterwards it counts tokens (on_token), or the text is shown.
 */
static int on_progress(void *user, const char *stage, size_t done, size_t total) {
    run_watch *watch = user;
    if (watch->generating) return signals_caught() != 0;
    return watch->progress.report(watch->progress.user, stage, done, total);
}

static rkv_status keep(run_result *result, int32_t id) {
    if (result->n == result->capacity) {
        size_t capacity = result->capacity ? 2 * result->capacity : 256;
        int32_t *larger = realloc(result->ids, capacity * sizeof *larger);
        if (!larger) return complain(RKV_NO_MEMORY, "out of memory");
        result->ids = larger;
        result->capacity = capacity;
    }
    result->ids[result->n++] = id;
    return RKV_OK;
}

static rkv_status show(run_watch *watch, int32_t id) {
    const run_result *result = watch->result;
    size_t length = 0;
    const char *bytes = rkv_token_bytes(watch->inputs->model, id, &length);
    if (watch->show->stream)
        return result->ended ? RKV_OK : run_stream_add(watch->show->stream, bytes, length);
    watch->progress.report(watch->progress.user, "generate", result->n, watch->options->generate.n_tokens);
    return RKV_OK;
}

static rkv_status on_token(void *user, int32_t id) {
    run_watch *watch = user;
    watch->last_at = now_s();
    if (watch->result->n == 0) watch->first_at = watch->last_at;
    rkv_status status = keep(watch->result, id);
    watch->result->ended = !watch->options->generate.ignore_end && rkv_token_is_end(watch->inputs->model, id);
    if (!status) status = show(watch, id);
    watch->told = status != RKV_OK;
    return !status && signals_caught() ? RKV_CANCELLED : status;
}

static rkv_status on_event(void *user, const rkv_cache_event *event) {
    run_watch *watch = user;
    if (watch->result->lengths.points) run_lengths_add(&watch->result->lengths, event);
    return watch->show->trace ? run_trace_event(&watch->trace, event) : RKV_OK;
}

/* ---- the work ---- */

/* They are for another model, or too small for the method. A schedule may be wrong in itself. */
rkv_status run_said(rkv_status status, const run_options *options) {
    if (options->budgets && (status == RKV_DATA || (status == RKV_USAGE && !options->adaptive)))
        return complain(status, "%s: %s", options->budgets, rkv_message());
    return said(status);
}

rkv_session_options run_session_options(const run_inputs *inputs, const run_options *options,
                                        const char *method) {
    return (rkv_session_options){.method = method,
                                 .adaptive = method ? NULL : options->adaptive,
                                 .budget = options->budget,
                                 .ratio = options->ratio,
                                 .budgets = options->budgets ? inputs->budgets : NULL,
                                 .hold = options->hold,
                                 .interval = options->interval,
                                 .group_score = options->group_score,
                                 .positions = options->positions,
                                 .seed = options->generate.seed,
                                 .verify = options->verify};
}

run_options run_options_of_full(const run_options *options) {
    run_options plain = *options;
    plain.adaptive = NULL;
    plain.budget = 0;
    plain.ratio = 0;
    plain.budgets = NULL;
    return plain;
}

static rkv_status open_session(rkv_session **session, run_watch *watch, const char *method) {
    const run_options *options = watch->options;
    rkv_session_options how = run_session_options(watch->inputs, options, method);
    how.on_event = watch->show->trace || options->chart ? on_event : NULL;
    how.user = watch;
    how.progress = (rkv_progress){on_progress, watch};
    return run_said(rkv_session_new(session, watch->inputs->model, &how), options);
}

/* A budget beside a method that evicts nothing is hardly meant. What a later phase does is not known yet. */
static void note_idle_budget(const rkv_session *session, const run_watch *watch) {
    const run_options *options = watch->options;
    rkv_head_cache head;
    const char *given = options->budget      ? "--budget"
                        : options->ratio > 0 ? "--ratio"
                        : options->budgets   ? "--budgets"
                                             : NULL;
    if (!given || options->adaptive || rkv_session_get_head(session, 0, 0, &head) || head.budget != SIZE_MAX)
        return;
    note("%s has no effect: nothing in the method %s takes it", given,
         run_method_label(watch->inputs, options));
}

static rkv_status read_prompt(rkv_session *session, run_watch *watch) {
    const run_inputs *inputs = watch->inputs;
    rkv_status status = rkv_session_prefill(session, inputs->ids, inputs->n_tokens);
    progress_erase();
    if (!status) note_idle_budget(session, watch);
    return said(status);
}

static rkv_status generate(rkv_session *session, run_watch *watch) {
    rkv_generation generation = {0};
    rkv_generate_options how = watch->options->generate;
    how.on_token = on_token;
    how.user = watch;
    watch->generating = true;
    double start = now_s();
    rkv_status status = rkv_session_generate(session, &how, &generation);
    progress_erase();
    if (watch->show->stream && run_stream_end(watch->show->stream) && !status) {
        status = RKV_IO;
        watch->told = true;
    }
    rkv_free(generation.ids); /* on_token has them, also when it was stopped */
    watch->result->first_s = watch->first_at - start;
    watch->result->decode_s = watch->last_at - watch->first_at;
    return watch->told ? status : said(status);
}

/* ---- what is known afterwards ---- */

static rkv_status keep_heads(run_result *result, const rkv_session *session, const rkv_model_info *model) {
    size_t G = model->n_kv_heads;
    rkv_status status = RKV_OK;
    result->heads = calloc(model->n_layers * G + 1, sizeof *result->heads);
    if (!result->heads) return complain(RKV_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < model->n_layers * G && !status; i++) {
        rkv_head_cache head;
        run_head *kept = &result->heads[i];
        status = said(rkv_session_get_head(session, i / G, i % G, &head));
        if (status) break;
        *kept = (run_head){head.n, head.bytes, head.kv_bytes, head.budget, ""};
        snprintf(kept->note, sizeof kept->note, "%s", head.note);
    }
    return status;
}

static rkv_status keep_all(run_result *result, const rkv_session *session, const rkv_model *model) {
    rkv_status status = said(rkv_session_get_stats(session, &result->stats));
    if (!status) status = keep_heads(result, session, rkv_model_get_info(model));
    size_t shown = result->n - (result->n > 0 && result->ended);
    if (!status) status = said(rkv_detokenize(model, result->ids, shown, &result->text, &result->length));
    result->first_s += result->stats.prefill_s;
    return status;
}

rkv_status run_generate(run_result *result, const run_inputs *inputs, const char *method,
                        const run_options *options, const run_show *how) {
    run_watch watch = {.result = result, .inputs = inputs, .options = options, .show = how};
    rkv_session *session = NULL;
    watch.progress = progress_begin(&watch.bar, how->label, options->quiet);
    rkv_status status = open_session(&session, &watch, method);
    if (!status && options->chart) status = run_lengths_begin(&result->lengths);
    if (!status) status = run_trace_begin(&watch.trace, how->trace);
    if (!status) status = read_prompt(session, &watch);
    bool has_read = !status;
    if (!status && how->heads) run_report_heads(stderr, session, rkv_model_get_info(inputs->model));
    if (!status) status = generate(session, &watch);
    result->stopped = status == RKV_CANCELLED;
    if (has_read && (!status || result->stopped)) {
        rkv_status kept = keep_all(result, session, inputs->model);
        if (!kept) kept = run_trace_end(&watch.trace);
        if (kept) status = kept;
    }
    run_trace_abandon(&watch.trace);
    rkv_session_free(session);
    return status;
}

void run_result_clear(run_result *result) {
    free(result->ids);
    rkv_free(result->text);
    free(result->heads);
    run_lengths_clear(&result->lengths);
    *result = (run_result){0};
}
