/* plan_memory.c: whether a device's memory holds what a grid takes at least, before any of it is run. */
#include "core/fail.h"
#include "evaluation/plan.h"
#include "model/model.h"

static const rkv_window *longest_of(const rkv_windows *windows) {
    const rkv_window *longest = windows->items;
    for (size_t i = 1; i < windows->n; i++)
        if (windows->items[i].n_context > longest->n_context) longest = &windows->items[i];
    return longest;
}

static size_t heaviest_of(const rkv_plan *plan, size_t n_context) {
    size_t heaviest = 0;
    for (size_t i = 1; i < plan->n; i++)
        if (rkv_plan_bytes(plan, i, n_context) > rkv_plan_bytes(plan, heaviest, n_context)) heaviest = i;
    return heaviest;
}

/* A budget is the same for every head: how it is shared is known later, and changes little. */
static rkv_session_options options_of(const rkv_plan *plan, size_t setting, size_t n_context) {
    const rkv_setting_plan *p = &plan->settings[setting];
    bool streams = p->setting->protocol == RKV_PROTOCOL_STREAMING;
    return (rkv_session_options){.method = p->setting->method,
                                 .budget = p->heeds_budget ? rkv_setting_mean(p->setting, n_context) : 0,
                                 .hold = streams ? RKV_HOLD_ALWAYS : RKV_HOLD_PROMPT,
                                 .seed = plan->seed};
}

rkv_status rkv_plan_check_memory(const rkv_plan *plan, const rkv_windows *windows) {
    if (!plan->n || !windows->n || !plan->model->backend || plan->model->backend->host_memory) return RKV_OK;
    const rkv_window *w = longest_of(windows);
    size_t setting = heaviest_of(plan, w->n_context);
    rkv_session_options options = options_of(plan, setting, w->n_context);
    rkv_session_needs needs;
    char text[256];
    rkv_status status = rkv_session_foretell(&needs, plan->model, &options, w->context, w->n_context, 1);
    if (status || !needs.free_bytes || needs.needed_bytes <= needs.free_bytes) return status;
    rkv_setting_describe(plan->settings[setting].setting, text, sizeof text);
    return rkv_fail(RKV_NO_MEMORY,
                    "window %s: %zu tokens under %s need %zu bytes of the memory of %s, where %zu are free",
                    w->name, w->n_context, text, needs.needed_bytes, needs.device, needs.free_bytes);
}
