/* plot_names.c: names of series, the same look in every panel, and the legend. */
#include <stdlib.h>
#include <string.h>

#include "core/fail.h"
#include "core/memory.h"
#include "viz/plot.h"

/* Characters of a name, and the widest that it is shown, in em. */
#define NAME_CHARACTERS 64
#define NAME_EM         22

static rkv_plot_name *find(const rkv_plot_names *names, const rkv_series *series) {
    for (size_t i = 0; i < names->n; i++)
        if (names->item[i].look.muted == series->muted && strcmp(names->item[i].name, series->name) == 0)
            return &names->item[i];
    return NULL;
}

static rkv_status add_name(rkv_plot_names *names, const rkv_series *series) {
    if (!series->name || find(names, series)) return RKV_OK;
    if (names->n == RKV_LOOKS)
        return rkv_fail(RKV_USAGE, "a chart of more than %d names: signs and colours tell %d apart",
                        RKV_LOOKS, RKV_LOOKS);
    rkv_status status = rkv_grow(&names->item, &names->capacity, names->n + 1, sizeof *names->item);
    if (status) return status;
    rkv_look look = series->muted ? rkv_look_muted() : rkv_look_at(names->n_looks++);
    names->item[names->n++] = (rkv_plot_name){.name = series->name, .mark = series->mark, .look = look};
    return RKV_OK;
}

rkv_status rkv_plot_names_collect(rkv_plot_names *names, const rkv_chart *chart) {
    rkv_status status = RKV_OK;
    for (size_t p = 0; p < chart->n_panels; p++)
        for (size_t s = 0; !status && s < chart->panels[p].n_series; s++)
            status = add_name(names, &chart->panels[p].series[s]);
    return status;
}

void rkv_plot_names_clear(rkv_plot_names *names) {
    free(names->item);
    *names = (rkv_plot_names){0};
}

/* A series without a name takes the next look that no name has; lone bars look as those of other figures. */
void rkv_plot_names_looks(const rkv_plot_names *names, const rkv_panel *panel, rkv_look *look) {
    size_t next = names->n_looks;
    for (size_t s = 0; s < panel->n_series; s++) {
        const rkv_series *series = &panel->series[s];
        if (series->muted)
            look[s] = rkv_look_muted();
        else if (series->name)
            look[s] = find(names, series)->look;
        else
            look[s] = rkv_look_at(next++);
        if (look[s].index == 0 && !series->name && !series->muted && series->mark == RKV_MARK_BAR)
            look[s].colour = RKV_BAR;
    }
}

/* ---- the legend ---- */

static int swatch_px(const rkv_figure *figure, const rkv_plot_name *name) {
    return name->mark == RKV_MARK_LINE || name->mark == RKV_MARK_STEP ? 2 * figure->em : figure->em;
}

static void add_swatch(rkv_figure *figure, const rkv_plot_name *name, int x, double middle) {
    const rkv_look *look = &name->look;
    int width = swatch_px(figure, name);
    double em = figure->em, half = 0.32 * em;
    rkv_pen pen = {.stroke = look->colour, .stroke_opacity = 1, .width_px = (look->muted ? 0.06 : 0.1) * em};
    pen.dash = look->dash;
    if (name->mark == RKV_MARK_BAR) {
        rkv_point corner[4] = {{x + 0.1 * em, middle - half},
                               {x + 0.9 * em, middle - half},
                               {x + 0.9 * em, middle + half},
                               {x + 0.1 * em, middle + half}};
        pen.fill = rkv_tint(look->colour, look->filling);
        pen.fill_opacity = 1;
        pen.dash = RKV_SOLID;
        rkv_scene_path(&figure->scene, corner, 4, true, &pen);
        return;
    }
    if (name->mark != RKV_MARK_POINT) {
        rkv_point end[2] = {{x, middle}, {x + width, middle}};
        rkv_scene_path(&figure->scene, end, 2, false, &pen);
    }
    if (!look->muted || name->mark == RKV_MARK_POINT)
        rkv_add_sign(&figure->scene, look, (rkv_point){x + 0.5 * width, middle}, 0.24 * em);
}

/* Adds one entry, or measures it; returns what it takes. */
static int add_entry(rkv_figure *figure, const rkv_plot_name *name, int x, int y, bool add) {
    rkv_text text = {0};
    rkv_printable(&text, name->name, NAME_CHARACTERS);
    if (text.status) rkv_scene_latch(&figure->scene, text.status);
    int mark = swatch_px(figure, name) + figure->em / 2, most = NAME_EM * figure->em;
    rkv_label label = {.text = text.bytes ? text.bytes : "", .x = x + mark, .y = y, .type = figure->small};
    label.colour = RKV_INK;
    label.max_px = most;
    int length = rkv_scene_text_width(&figure->scene, label.text, label.type);
    if (add) {
        rkv_scene_group(&figure->scene, "entry", NULL);
        add_swatch(figure, name, x, y + 0.5 * rkv_line_height(figure->small));
        rkv_scene_label(&figure->scene, &label);
        rkv_scene_end(&figure->scene);
    }
    free(text.bytes);
    return mark + (length < most ? length : most);
}

/* Entries stand in columns where they need more than one line. */
typedef struct columns {
    size_t n;
    int pitch; /* 0: one after the other in a single line */
} columns;

static columns plan(rkv_figure *figure, const rkv_plot_names *names, int max_px) {
    int space = 3 * figure->em / 2, sum = 0, widest = 0;
    for (size_t i = 0; i < names->n; i++) {
        int length = add_entry(figure, &names->item[i], 0, 0, false) + space;
        sum += length;
        if (length > widest) widest = length;
    }
    if (sum - space <= max_px) return (columns){.n = names->n};
    size_t fit = (size_t)((max_px + space) / widest), rows;
    if (fit == 0) fit = 1;
    rows = (names->n + fit - 1) / fit;
    return (columns){.n = (names->n + rows - 1) / rows, .pitch = widest};
}

int rkv_plot_names_add(rkv_figure *figure, const rkv_plot_names *names, int x, int y, int max_px) {
    if (names->n == 0) return y;
    columns c = plan(figure, names, max_px);
    int line = rkv_line_height(figure->small) + figure->em / 3, at = x;
    size_t shown = 0;
    for (int muted = 0; muted < 2; muted++) /* controls come last */
        for (size_t i = 0; i < names->n; i++) {
            if (names->item[i].look.muted != (muted == 1)) continue;
            if (c.pitch) at = x + (int)(shown % c.n) * c.pitch;
            int top = y + (int)(shown / c.n) * line;
            at += add_entry(figure, &names->item[i], at, top, true) + 3 * figure->em / 2;
            shown++;
        }
    return y + (int)((names->n + c.n - 1) / c.n) * line;
}
