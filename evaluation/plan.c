/* plan.c: settings are parsed and tried on made-up signals before the work begins. */
#include "evaluation/plan.h"

#include <stdio.h>
#include <string.h>

#include "compressors/pipeline.h"
#include "core/fail.h"
#include "core/memory.h"
#include "model/model.h"

/* ---- names and sizes ---- */

void rkv_setting_describe(const rkv_setting *s, char *text, size_t size) {
    char amount[48];
    if (s->entries)
        snprintf(amount, sizeof amount, "%zu entries", s->entries);
    else
        snprintf(amount, sizeof amount, "ratio %g", s->ratio);
    snprintf(text, size, "%s%s%s, %s, %s", s->method, s->budget ? ", " : "", s->budget ? s->budget : "",
             amount, rkv_protocol_name(s->protocol));
}

static rkv_status fail_setting(rkv_status status, const rkv_setting *setting) {
    char text[256];
    rkv_setting_describe(setting, text, sizeof text);
    return rkv_fail_within(status, "%s", text);
}

size_t rkv_setting_mean(const rkv_setting *setting, size_t n_context) {
    return setting->entries ? setting->entries : rkv_share_of(setting->ratio, n_context);
}

size_t rkv_plan_total(const rkv_plan *plan, size_t setting, size_t n_context, const rkv_budget *budget) {
    const rkv_model_info *info = rkv_model_get_info(plan->model);
    const rkv_setting_plan *p = &plan->settings[setting];
    size_t mean = p->heeds_budget ? rkv_setting_mean(p->setting, n_context) : n_context;
    return info->n_kv_heads * (budget ? budget->total : info->n_layers * mean);
}

size_t rkv_plan_bytes(const rkv_plan *plan, size_t setting, size_t n_context) {
    const rkv_model_info *m = rkv_model_get_info(plan->model);
    size_t entries = rkv_plan_total(plan, setting, n_context, NULL);
    return entries * (2 * m->head_dim + 1 + m->n_heads / m->n_kv_heads) * sizeof(float) +
           m->n_vocab * sizeof(float);
}

size_t rkv_plan_memory(const rkv_plan *plan, const rkv_eval_options *options) {
    rkv_backend *backend = rkv_model_backend(plan->model);
    if (options->memory_limit || !backend) return options->memory_limit; /* without weights, none will open */
    return backend->ops->memory_available(backend) / 4;
}

/* ---- understanding ---- */

static rkv_status read_method(rkv_setting_plan *p) {
    rkv_pipeline pipeline;
    rkv_status status = rkv_pipeline_parse(&pipeline, p->setting->method);
    if (status) return status;
    p->least = rkv_pipeline_least(&pipeline);
    p->heeds_budget = rkv_pipeline_heeds_budget(&pipeline);
    return RKV_OK;
}

static rkv_status read_budget(rkv_setting_plan *p, const rkv_profile *profile) {
    p->budget = rkv_budget_options_default();
    p->budget.profile = profile;
    if (!p->setting->budget) return RKV_OK;
    rkv_status status = rkv_budget_options_parse(p->setting->budget, &p->budget, &p->signal);
    if (!status) p->needs_analysis = rkv_budget_needs_analysis(&p->budget);
    return status;
}

static rkv_status check_size(const rkv_setting *s) {
    if (s->entries > 0 && s->ratio != 0)
        return rkv_fail(RKV_USAGE, "both a ratio and %zu entries are given", s->entries);
    if (s->entries == 0 && !(s->ratio > 0 && s->ratio <= 1))
        return rkv_fail(RKV_USAGE, "ratio %g is not above 0 and at most 1", s->ratio);
    if ((unsigned)s->protocol >= RKV_PROTOCOL_COUNT)
        return rkv_fail(RKV_USAGE, "protocol %d is none of the table", (int)s->protocol);
    return RKV_OK;
}

static rkv_status read_setting(rkv_setting_plan *p, const rkv_profile *profile) {
    rkv_status status = check_size(p->setting);
    if (!status) status = read_method(p);
    if (!status) status = read_budget(p, profile);
    return status ? fail_setting(status, p->setting) : RKV_OK;
}

/* ---- opening ---- */

/* All signals equal: for budgets that need none, and what can be known of others before their signals are. */
static rkv_analysis equal_analysis(const rkv_plan *plan, size_t n_tokens) {
    static char name[] = "context";
    rkv_analysis analysis = {
        .model = *rkv_model_get_info(plan->model), .prompt_name = name, .n_tokens = n_tokens};
    for (size_t m = 0; m < RKV_METRIC_COUNT; m++)
        analysis.metric[m] = plan->ones;
    analysis.layer_rank = plan->ones;
    return analysis;
}

static rkv_status make_budget(const rkv_plan *plan, size_t setting, size_t n_context,
                              const rkv_analysis *analysis, rkv_budget **out) {
    const rkv_setting_plan *p = &plan->settings[setting];
    rkv_budget_options options = p->budget;
    rkv_analysis equal = equal_analysis(plan, n_context);
    options.mean = rkv_setting_mean(p->setting, n_context);
    if (options.min == RKV_MIN_AUTO || options.min < p->least) {
        options.min = p->least > RKV_MIN_ENTRIES ? p->least : RKV_MIN_ENTRIES;
        if (options.min > options.mean) options.min = options.mean;
    }
    return rkv_budget_allocate(out, p->needs_analysis && analysis ? analysis : &equal, &options);
}

rkv_status rkv_plan_open(const rkv_plan *plan, size_t setting, size_t n_context, const rkv_analysis *analysis,
                         rkv_progress progress, rkv_session **session, rkv_budget **budget) {
    const rkv_setting_plan *p = &plan->settings[setting];
    bool streams = p->setting->protocol == RKV_PROTOCOL_STREAMING;
    rkv_session_options o = {.method = p->setting->method,
                             .hold = streams ? RKV_HOLD_ALWAYS : RKV_HOLD_PROMPT,
                             .seed = plan->seed,
                             .progress = progress};
    rkv_status status = RKV_OK;
    *session = NULL;
    *budget = NULL;
    if (p->heeds_budget && p->setting->budget)
        status = make_budget(plan, setting, n_context, analysis, budget);
    else if (p->heeds_budget)
        o.budget = rkv_setting_mean(p->setting, n_context);
    o.budgets = *budget;
    if (!status) status = rkv_session_new(session, plan->model, &o);
    return status ? fail_setting(status, p->setting) : RKV_OK;
}

/* ---- the rehearsal ---- */

static rkv_status rehearse_window(const rkv_plan *plan, size_t n_context) {
    rkv_status status = RKV_OK;
    for (size_t i = 0; !status && i < plan->n; i++) {
        rkv_session *session = NULL;
        rkv_budget *budget = NULL;
        status = rkv_plan_open(plan, i, n_context, NULL, (rkv_progress){0}, &session, &budget);
        rkv_session_free(session);
        rkv_budget_free(budget);
    }
    return status;
}

/* Each length of context once. */
static rkv_status rehearse(const rkv_plan *plan, const rkv_windows *windows) {
    rkv_status status = RKV_OK;
    for (size_t w = 0; !status && w < windows->n; w++) {
        bool seen = false;
        for (size_t v = 0; v < w; v++)
            seen |= windows->items[v].n_context == windows->items[w].n_context;
        if (!seen) status = rehearse_window(plan, windows->items[w].n_context);
        if (status) rkv_fail_within(status, "window %s", windows->items[w].name);
    }
    return status;
}

static rkv_status make_ones(rkv_plan *plan) {
    const rkv_model_info *info = rkv_model_get_info(plan->model);
    size_t n = info->n_layers * info->n_heads;
    rkv_status status = rkv_alloc(&plan->ones, n, sizeof *plan->ones);
    for (size_t i = 0; !status && i < n; i++)
        plan->ones[i] = 1;
    return status;
}

rkv_status rkv_plan_make(rkv_plan *out, rkv_model *model, const rkv_windows *windows,
                         const rkv_setting *settings, size_t n, const rkv_eval_options *options) {
    *out = (rkv_plan){.model = model, .seed = options->seed, .n = n};
    rkv_status status = rkv_alloc(&out->settings, n, sizeof *out->settings);
    if (!status) status = make_ones(out);
    for (size_t i = 0; !status && i < n; i++) {
        out->settings[i].setting = &settings[i];
        status = read_setting(&out->settings[i], options->profile);
    }
    return status ? status : rehearse(out, windows);
}

void rkv_plan_clear(rkv_plan *plan) {
    for (size_t i = 0; plan->settings && i < plan->n; i++)
        rkv_free(plan->settings[i].signal);
    free(plan->settings);
    free(plan->ones);
    *plan = (rkv_plan){0};
}
