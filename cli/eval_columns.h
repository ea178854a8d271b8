/* eval_columns.h: the columns of the table of an evaluation: what a row says in each. */
#ifndef RKV_CLI_EVAL_COLUMNS_H
#define RKV_CLI_EVAL_COLUMNS_H

#include <rankkv/eval.h>

enum { EVAL_CELL_SIZE = 40, EVAL_COLUMNS = 14 };

/* What a column's text is made from. */
typedef struct eval_entry {
    const rkv_eval_row *row;
    double full_entries; /* that the full cache holds; NaN: it was not measured */
} eval_entry;

typedef struct eval_column {
    const char *heading, *name; /* above the column, and where it is spoken of */
    const char *meaning;        /* for the legend; NULL: the heading says it */
    int rank;                   /* where a table is too wide, columns go by their rank, the highest first */
    bool words;                 /* aligned to the left */
    /* Empty where there is nothing to say: a column without any text is not shown. */
    void (*show)(char text[EVAL_CELL_SIZE], const eval_entry *entry);
} eval_column;

extern const eval_column eval_columns[EVAL_COLUMNS];

#endif
