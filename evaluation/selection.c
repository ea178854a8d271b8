/* selection.c: what caches keep of a prompt under many settings, for a page. */
#include <stdlib.h>

#include "core/fail.h"
#include "core/memory.h"
#include "core/progress.h"
#include "evaluation/plan.h"
#include "io/documents.h"
#include "io/model_json.h"

#define SCHEMA  "rankkv-selection"
#define VERSION 1

typedef struct selection {
    rkv_model *model;
    const rkv_analysis *analysis;
    const rkv_eval_options *options;
    rkv_setting *settings; /* [plan.n] those that can be */
    rkv_plan plan;
    size_t n_done;
    size_t row_bytes, setting_bytes; /* of a head's bits; of all heads' */
    unsigned char *kept;             /* [plan.n, L, G, row_bytes] */
    size_t *entries;                 /* [plan.n] over all layers and heads */
} selection;

static int report_settings(void *user, const char *stage, size_t done, size_t total) {
    const selection *s = user;
    const rkv_progress *p = &s->options->progress;
    (void)stage, (void)done, (void)total;
    return p->report ? p->report(p->user, "caches", s->n_done, s->plan.n) : 0;
}

/* ---- which settings can be ---- */

/* A prompt can be too short for a setting: a method that always keeps a window, a ratio of no entry at all.
 * Such are left out. */
static rkv_status keep_if_it_can_be(selection *s, const rkv_windows *windows, const rkv_setting *setting,
                                    size_t *n) {
    rkv_plan plan = {0};
    rkv_status status = rkv_plan_make(&plan, s->model, windows, setting, 1, s->options);
    rkv_plan_clear(&plan);
    if (!status) s->settings[(*n)++] = *setting;
    return status == RKV_USAGE ? RKV_OK : status;
}

static rkv_status choose(selection *s, const rkv_setting *settings, size_t n) {
    static char name[] = "prompt";
    rkv_window window = {.name = name, .context = s->analysis->token_ids, .n_context = s->analysis->n_tokens};
    rkv_windows windows = {.items = &window, .n = 1};
    size_t n_chosen = 0;
    rkv_status status = rkv_alloc(&s->settings, n, sizeof *s->settings);
    for (size_t i = 0; i < n && !status; i++)
        status = keep_if_it_can_be(s, &windows, &settings[i], &n_chosen);
    if (!status) status = rkv_plan_make(&s->plan, s->model, &windows, s->settings, n_chosen, s->options);
    return status;
}

static rkv_status allocate(selection *s) {
    const rkv_model_info *m = rkv_model_get_info(s->model);
    s->row_bytes = (s->analysis->n_tokens + 7) / 8;
    s->setting_bytes = m->n_layers * m->n_kv_heads * s->row_bytes;
    rkv_status status = rkv_alloc(&s->kept, s->plan.n, s->setting_bytes);
    return status ? status : rkv_alloc(&s->entries, s->plan.n, sizeof *s->entries);
}

static void clear(selection *s) {
    rkv_plan_clear(&s->plan);
    free(s->settings);
    free(s->kept);
    free(s->entries);
}

/* ---- filling caches ---- */

static rkv_status note_head(selection *s, size_t setting, const rkv_session *session, size_t layer,
                            size_t head) {
    rkv_head_cache cache;
    rkv_status status = rkv_session_get_head(session, layer, head, &cache);
    if (status) return status;
    size_t row = layer * rkv_model_get_info(s->model)->n_kv_heads + head;
    unsigned char *bits = s->kept + setting * s->setting_bytes + row * s->row_bytes;
    for (size_t i = 0; i < cache.n; i++)
        bits[cache.positions[i] / 8] |= (unsigned char)(1u << cache.positions[i] % 8);
    s->entries[setting] += cache.n;
    return RKV_OK;
}

static rkv_status note_session(selection *s, size_t setting, const rkv_session *session) {
    const rkv_model_info *m = rkv_model_get_info(s->model);
    rkv_status status = RKV_OK;
    for (size_t l = 0; l < m->n_layers; l++)
        for (size_t g = 0; g < m->n_kv_heads && !status; g++)
            status = note_head(s, setting, session, l, g);
    return status;
}

/* How many settings from `first` on the memory holds at once: at least one. */
static size_t fit(const selection *s, size_t first, size_t memory) {
    size_t bytes = 0, n = 0;
    while (first + n < s->plan.n) {
        bytes += rkv_plan_bytes(&s->plan, first + n, s->analysis->n_tokens);
        if (n > 0 && bytes > memory) break;
        n++;
    }
    return n;
}

/* One forward pass for settings [first, first + n). */
static rkv_status fill(selection *s, size_t first, size_t n) {
    const rkv_analysis *a = s->analysis;
    rkv_session **sessions = NULL;
    rkv_budget **budgets = NULL;
    rkv_status status = rkv_alloc(&sessions, n, sizeof *sessions);
    if (!status) status = rkv_alloc(&budgets, n, sizeof *budgets);
    for (size_t i = 0; i < n && !status; i++)
        status = rkv_plan_open(&s->plan, first + i, a->n_tokens, a, (rkv_progress){report_settings, s},
                               &sessions[i], &budgets[i]);
    if (!status) status = rkv_session_prefill_all(sessions, n, a->token_ids, a->n_tokens);
    for (size_t i = 0; i < n && !status; i++)
        status = note_session(s, first + i, sessions[i]);
    for (size_t i = 0; i < n && budgets; i++) {
        rkv_session_free(sessions[i]);
        rkv_budget_free(budgets[i]);
    }
    free(sessions);
    free(budgets);
    return status;
}

static rkv_status fill_all(selection *s) {
    size_t memory = rkv_plan_memory(&s->plan, s->options);
    rkv_status status = RKV_OK;
    while (s->n_done < s->plan.n && !status) {
        size_t n = fit(s, s->n_done, memory);
        status = rkv_progress_report(&s->options->progress, "caches", s->n_done, s->plan.n);
        if (!status) status = fill(s, s->n_done, n);
        s->n_done += n;
    }
    return status;
}

/* ---- the document ---- */

static rkv_status describe(const selection *s, char **json) {
    rkv_text text = {0};
    rkv_json_out out = {.text = &text};
    rkv_json_begin(&out, NULL, '{');
    rkv_json_head(&out, SCHEMA, VERSION);
    rkv_model_json_write(&out, rkv_model_get_info(s->model));
    rkv_json_size(&out, "n_tokens", s->analysis->n_tokens);
    rkv_json_begin(&out, "settings", '[');
    for (size_t i = 0; i < s->plan.n; i++) {
        rkv_json_begin_line(&out, NULL, '{');
        rkv_json_string(&out, "method", s->settings[i].method);
        rkv_json_string(&out, "budget", s->settings[i].budget);
        rkv_json_number(&out, "ratio", s->settings[i].ratio);
        rkv_json_size(&out, "entries", s->entries[i]);
        rkv_json_end_line(&out, '}');
    }
    rkv_json_end(&out, ']');
    rkv_json_end(&out, '}');
    return rkv_text_finish(&text, json);
}

static rkv_status add_to_page(const selection *s, rkv_report *report) {
    const rkv_model_info *m = rkv_model_get_info(s->model);
    rkv_report_array kept = {.name = "kept",
                             .type = RKV_REPORT_U8,
                             .n_dims = 4,
                             .shape = {s->plan.n, m->n_layers, m->n_kv_heads, s->row_bytes},
                             .part_dims = 1,
                             .data = s->kept};
    char *json = NULL;
    rkv_status status = describe(s, &json);
    if (!status) status = rkv_report_add_document(report, "selection", s->analysis->prompt_name, json);
    free(json);
    return status ? status : rkv_report_add_array(report, &kept);
}

rkv_status rkv_report_add_selection(rkv_report *report, rkv_model *model, const rkv_analysis *analysis,
                                    const rkv_setting *settings, size_t n_settings,
                                    const rkv_eval_options *options) {
    static const rkv_eval_options defaults = {0};
    selection s = {.model = model, .analysis = analysis, .options = options ? options : &defaults};
    if (!analysis->token_ids)
        return rkv_fail(RKV_USAGE, "%s: its token ids are not known", analysis->prompt_name);
    rkv_status status = choose(&s, settings, n_settings);
    if (!status) status = allocate(&s);
    if (!status) status = fill_all(&s);
    if (!status && s.plan.n > 0) status = add_to_page(&s, report);
    clear(&s);
    return status;
}
