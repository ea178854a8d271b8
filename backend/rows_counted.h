/* rows_counted.h: lists of rows that only know how many they are, and how many bytes they would take: the
 * host's (rows_host.c), before they are there. What is read of them is noise. */
#ifndef RKV_BACKEND_ROWS_COUNTED_H
#define RKV_BACKEND_ROWS_COUNTED_H

#include "backend/rows.h"

/* Called for memory that lists would take, and give back; from several threads. */
typedef struct rkv_rows_counter {
    void (*take)(void *user, size_t bytes);
    void (*give)(void *user, size_t bytes);
    void *user;
} rkv_rows_counter;

/* An empty one; counter outlives it. As rkv_rows_new. */
rkv_status rkv_rows_counted_new(rkv_rows **out, const rkv_row_format *format, size_t width,
                                const rkv_rows_counter *counter);

#endif
