/* plot_check.c: charts that are refused. */
#include "core/fail.h"
#include "viz/plot.h"

static rkv_status check_axis(const rkv_chart_axis *axis, const char *which, size_t panel) {
    if ((size_t)axis->scale <= RKV_AXIS_LOG2) return RKV_OK;
    return rkv_fail(RKV_USAGE, "panel %zu: unknown scale %d of its %s axis", panel, (int)axis->scale, which);
}

static rkv_status check_series(const rkv_series *series, size_t index, size_t panel) {
    if ((size_t)series->mark > RKV_MARK_BAR)
        return rkv_fail(RKV_USAGE, "panel %zu: unknown mark %d of series %zu", panel, (int)series->mark,
                        index);
    if (series->n > 0 && (!series->x || !series->y))
        return rkv_fail(RKV_USAGE, "panel %zu: series %zu has %zu points without x or y", panel, index,
                        series->n);
    if (!series->low != !series->high)
        return rkv_fail(RKV_USAGE, "panel %zu: series %zu has one end of its intervals only", panel, index);
    return RKV_OK;
}

static rkv_status check_panel(const rkv_panel *panel, size_t index) {
    rkv_status status = check_axis(&panel->x, "x", index);
    if (!status) status = check_axis(&panel->y, "y", index);
    if (!status && panel->n_series > RKV_PLOT_SERIES)
        status = rkv_fail(RKV_USAGE, "panel %zu: %zu series are more than %d", index, panel->n_series,
                          RKV_PLOT_SERIES);
    if (!status && panel->n_rules > RKV_PLOT_RULES)
        status = rkv_fail(RKV_USAGE, "panel %zu: %zu rules are more than %d", index, panel->n_rules,
                          RKV_PLOT_RULES);
    if (!status && panel->n_rules > 0 && (!panel->rules || !panel->rule_names))
        status = rkv_fail(RKV_USAGE, "panel %zu: %zu rules without values or names", index, panel->n_rules);
    for (size_t s = 0; !status && s < panel->n_series; s++)
        status = check_series(&panel->series[s], s, index);
    return status;
}

rkv_status rkv_plot_check(const rkv_chart *chart) {
    if (chart->n_panels == 0 || chart->n_panels > RKV_PLOT_PANELS)
        return rkv_fail(RKV_USAGE, "a chart of %zu panels: it has 1 to %d", chart->n_panels, RKV_PLOT_PANELS);
    rkv_status status = RKV_OK;
    for (size_t p = 0; !status && p < chart->n_panels; p++)
        status = check_panel(&chart->panels[p], p);
    return status;
}
