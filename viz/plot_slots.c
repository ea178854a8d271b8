/* plot_slots.c: bars and points that meet at one x stand side by side. */
#include <math.h>
#include <stdlib.h>

#include "core/memory.h"
#include "viz/plot.h"

/* Parts of the gap between two places that bars, points and controls take. */
#define BARS_SHARE     0.8
#define POINTS_SHARE   0.5
#define CONTROLS_SHARE 0.44
#define LINES_SHARE    0.4

/* What of a series is put side by side: points, and lines with intervals, only where x are categories, since
 * elsewhere x is a number. */
static rkv_slot_kind kind_of(const rkv_panel *panel, const rkv_series *series) {
    if (series->mark == RKV_MARK_BAR) return RKV_SLOT_BAR;
    if (!panel->x.labels || series->mark == RKV_MARK_STEP) return RKV_SLOT_KINDS;
    if (series->mark == RKV_MARK_LINE) return series->low && !series->muted ? RKV_SLOT_LINE : RKV_SLOT_KINDS;
    return series->muted ? RKV_SLOT_MUTED : RKV_SLOT_POINT;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static size_t index_of(const rkv_plot_slots *slots, double x) {
    const double *found = bsearch(&x, slots->at, slots->n_at, sizeof x, ascending);
    return found ? (size_t)(found - slots->at) : 0;
}

static size_t count_points(const rkv_panel *panel) {
    size_t n = 0;
    for (size_t s = 0; s < panel->n_series; s++)
        if (kind_of(panel, &panel->series[s]) != RKV_SLOT_KINDS) n += panel->series[s].n;
    return n;
}

static void collect(rkv_plot_slots *slots, const rkv_panel *panel) {
    size_t n = 0;
    for (size_t s = 0; s < panel->n_series; s++) {
        const rkv_series *series = &panel->series[s];
        for (size_t i = 0; kind_of(panel, series) != RKV_SLOT_KINDS && i < series->n; i++)
            if (rkv_plot_shows(panel, series, i)) slots->at[n++] = series->x[i];
    }
    qsort(slots->at, n, sizeof *slots->at, ascending);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || slots->at[i] != slots->at[i - 1]) slots->at[slots->n_at++] = slots->at[i];
    slots->gap = panel->x.labels || slots->n_at < 2 ? 1 : INFINITY;
    for (size_t i = 1; i < slots->n_at; i++) {
        double gap =
            rkv_plot_measure(&panel->x, slots->at[i]) - rkv_plot_measure(&panel->x, slots->at[i - 1]);
        if (gap > 0 && gap < slots->gap) slots->gap = gap;
    }
    if (!isfinite(slots->gap)) slots->gap = 1;
}

static void number(rkv_plot_slots *slots, const rkv_panel *panel, size_t s) {
    const rkv_series *series = &panel->series[s];
    rkv_slot_kind kind = kind_of(panel, series);
    for (size_t i = 0; kind != RKV_SLOT_KINDS && i < series->n; i++) {
        if (!rkv_plot_shows(panel, series, i)) continue;
        size_t at = index_of(slots, series->x[i]);
        unsigned short *slot = &slots->slot[s * slots->n_at + at];
        unsigned short *count = &slots->count[(size_t)kind * slots->n_at + at];
        if (*slot) continue;
        *slot = ++*count;
        if (*count > slots->most[kind]) slots->most[kind] = *count;
    }
}

rkv_status rkv_plot_slots_make(rkv_plot_slots *slots, const rkv_panel *panel) {
    rkv_status status = rkv_alloc_raw(&slots->at, count_points(panel), sizeof *slots->at);
    if (status) return status;
    collect(slots, panel);
    size_t cells = 0;
    if (!rkv_multiply(panel->n_series, slots->n_at, &cells)) cells = SIZE_MAX;
    status = rkv_alloc(&slots->slot, cells, sizeof *slots->slot);
    if (!status) status = rkv_alloc(&slots->count, RKV_SLOT_KINDS * slots->n_at, sizeof *slots->count);
    for (size_t s = 0; !status && s < panel->n_series; s++)
        number(slots, panel, s);
    return status;
}

void rkv_plot_slots_clear(rkv_plot_slots *slots) {
    free(slots->at);
    free(slots->slot);
    free(slots->count);
    *slots = (rkv_plot_slots){0};
}

double rkv_plot_slots_bar(const rkv_plot_slots *slots) {
    return BARS_SHARE * slots->gap / fmax(slots->most[RKV_SLOT_BAR], 1);
}

double rkv_plot_slots_shift(const rkv_plot_slots *slots, const rkv_panel *panel, size_t series, double x) {
    rkv_slot_kind kind = kind_of(panel, &panel->series[series]);
    if (kind == RKV_SLOT_KINDS || slots->n_at == 0) return 0;
    size_t at = index_of(slots, x);
    double slot = slots->slot[series * slots->n_at + at],
           count = slots->count[(size_t)kind * slots->n_at + at];
    double pitch = rkv_plot_slots_bar(slots);
    if (kind == RKV_SLOT_POINT) pitch = fmin(POINTS_SHARE / fmax(slots->most[kind], 1), 0.18);
    if (kind == RKV_SLOT_LINE) pitch = fmin(LINES_SHARE / fmax(slots->most[kind], 1), 0.05);
    if (kind == RKV_SLOT_MUTED) pitch = fmin(CONTROLS_SHARE / fmax(count, 1), 0.1);
    return slot == 0 ? 0 : (slot - 0.5 * (count + 1)) * pitch;
}
