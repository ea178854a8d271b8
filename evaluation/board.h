/* board.h: a chart put together row by row: panels and series are found by their names, or begun. */
#ifndef RKV_EVALUATION_BOARD_H
#define RKV_EVALUATION_BOARD_H

#include <rankkv/chart.h>

/* A series that grows; its points are kept by x. */
typedef struct rkv_board_series {
    char *key, *name; /* name: NULL where it is not in the legend */
    rkv_mark mark;
    bool muted;
    double *x, *y, *low, *high; /* [n] */
    size_t n, capacity[4];
} rkv_board_series;

typedef struct rkv_board_panel {
    char *title;
    int group;                /* what panels have in common, for the caller */
    rkv_board_series *series; /* [n_series] */
    size_t n_series, capacity;
    double rule; /* NaN: none */
} rkv_board_panel;

/* Start from {0} and the axes, which all panels share. What fails is latched: rkv_board_save reports it. */
typedef struct rkv_board {
    const char *title, *subtitle, *note; /* borrowed */
    rkv_chart_axis x, y;
    const char *rule_name;
    bool same_x, same_y;
    size_t n_columns;       /* 0: a good number */
    rkv_board_panel *panel; /* [n_panels] */
    size_t n_panels, capacity;
    char **category; /* [n_categories] labels of x = 0, 1, ... */
    size_t n_categories, category_capacity;
    rkv_status status;
} rkv_board;

/* The panel of a group and title, the number of a category. Only good while nothing failed. */
size_t rkv_board_panel_of(rkv_board *board, int group, const char *title);
size_t rkv_board_category_of(rkv_board *board, const char *label);

/* Which series a point belongs to. */
typedef struct rkv_board_key {
    const char *key, *name;
    rkv_mark mark;
    bool muted;
} rkv_board_key;
/* Adds a point with its interval (NaN: none) to the series of a key. */
void rkv_board_add(rkv_board *board, size_t panel, const rkv_board_key *key, double x, double y, double low,
                   double high);
/* The horizontal line of a panel. */
void rkv_board_set_rule(rkv_board *board, size_t panel, double value);

/* Draws FOLDER/NAME.png and .svg; nothing where there is no panel. */
rkv_status rkv_board_save(rkv_board *board, const char *folder, const char *name);
/* Removes these files; fine where they are not. */
rkv_status rkv_board_remove(const char *folder, const char *name);
void rkv_board_clear(rkv_board *board);

#endif
