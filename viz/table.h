/* table.h: a matrix by layer and head with its numbers in the cells. */
#ifndef RKV_VIZ_TABLE_H
#define RKV_VIZ_TABLE_H

#include "viz/furniture.h"

/* A matrix [rows, columns] as it is shown. */
typedef struct rkv_table {
    const double *value; /* numbers in the cells */
    float *shown; /* [rows, columns] room for what is coloured: value, or a share of its row's largest */
    size_t rows, columns;
    const char *heads; /* what the columns are */
    const char *unit;  /* the colour bar's caption */
    int row_height;    /* of the matrix beside it; 0: this one's own */
    /* planned: */
    rkv_shade shade;
    int cell_width, cell_height;
    bool numbered;
    rkv_axis axis;
} rkv_table;

/* Fills shown and chooses the cells and colours by the figure's options. */
void rkv_table_plan(rkv_figure *figure, rkv_table *table);

/* Adds the matrix with its column axis above and its colour bar on the right; returns the right edge. */
int rkv_add_table(rkv_figure *figure, const rkv_table *table, int x, int y);

#endif
