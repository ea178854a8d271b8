/* drawing.h: what charts of results have in common: names of settings, titles of panels, and the table of
 * kinds of charts. */
#ifndef RKV_EVALUATION_DRAWING_H
#define RKV_EVALUATION_DRAWING_H

#include <rankkv/eval.h>

#include "evaluation/board.h"

#define RKV_DRAWING_TEXT 512

/* So many depths are shown one by one; more are put together by tenths. */
#define RKV_DRAWING_DEPTHS 12

/* What all charts of one task have in common. */
typedef struct rkv_drawing {
    const rkv_results *results;
    rkv_task task;
    bool protocols, seen; /* more than one, so that panels say which is theirs */
    char subtitle[RKV_DRAWING_TEXT];
    const size_t *first; /* [n_settings] the first cell of each */
    size_t n_depths;     /* of answers in the context */
    bool tenths;         /* the depths are tenths of the context */
    double depth[RKV_DRAWING_DEPTHS];
    char depth_name[RKV_DRAWING_DEPTHS][24];
} rkv_drawing;

/* Fills in what rows and cells of the task hold; n_rows is how many there are. */
rkv_status rkv_drawing_describe(rkv_drawing *d, size_t *n_rows);

/* ---- what settings are called ---- */

const rkv_setting *rkv_drawing_setting(const rkv_drawing *d, const rkv_eval_row *row);
bool rkv_setting_is_full(const rkv_setting *setting);
/* Heeds no budget and no size: it stands beside every one of them. */
bool rkv_setting_is_unsized(const rkv_setting *setting);
/* A control: budgets dealt out at random. */
bool rkv_setting_is_shuffled(const rkv_setting *setting);
const char *rkv_setting_budget(const rkv_setting *setting);
void rkv_setting_size(const rkv_setting *setting, char text[RKV_DRAWING_TEXT]);

/* A panel's title: up to two parts (or NULL), and what else tells it from the others. */
void rkv_drawing_title(const rkv_drawing *d, const rkv_eval_row *row, const char *first, const char *second,
                       char text[RKV_DRAWING_TEXT]);

/* ---- kinds ---- */

#define RKV_DRAWING_MEANS "Mean over windows with its bootstrap 95 % interval. "

/* A kind of chart: which rows it shows, in which panel, and how. */
typedef struct rkv_chart_kind {
    const char *file, *title;        /* the task's name is added to the file, put before the title */
    const char *note, *control_note; /* the second where there are shuffled budgets */
    rkv_chart_axis x, y;
    bool by_depth;  /* x are the depths */
    bool by_budget; /* each budget is a column of panels */
    bool own_y;     /* panels have a y range each: differences at one size would hide those at another */
    bool (*wants)(const rkv_drawing *d, const rkv_eval_row *row);
    void (*name_panel)(const rkv_drawing *d, const rkv_eval_row *row, char text[RKV_DRAWING_TEXT]);
    rkv_status (*add)(const rkv_drawing *d, rkv_board *board, const rkv_eval_row *row, size_t panel);
} rkv_chart_kind;

extern const rkv_chart_kind rkv_chart_loss, rkv_chart_difference, rkv_chart_depth;

#endif
