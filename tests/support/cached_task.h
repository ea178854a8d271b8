/* cached_task.h: attention over a random cache, once where a backend reads it and once for the plain loops.
 */
#ifndef RKV_TESTS_CACHED_TASK_H
#define RKV_TESTS_CACHED_TASK_H

#include "backend/backend.h"

/* What a task is made of; the number of entries of head g is entries[g % 3]. */
typedef struct cached_recipe {
    rkv_attention_shape shape;
    size_t entries[3];
    rkv_row_format keys, values;
    size_t key_rank, value_rank; /* 0: no basis */
    int turned;                  /* 0: rotation NULL; 1, 2: by halves, by neighbours */
    float query_size;            /* 30 makes some rows nearly one-hot */
} cached_recipe;

typedef struct cached_task {
    rkv_backend *backend;
    rkv_cached_attention task;     /* the backend's */
    rkv_cached_attention plain;    /* the same numbers in host memory; its sums are NULL */
    rkv_cached_head *heads;        /* the backend's */
    float *out;                    /* [m, H D] host, after cached_task_attend */
    double logit_most, value_most; /* bounds of their sizes */
    double terms;                  /* of the longest chain of sums behind a logit */
} cached_task;

/* n numbers of [-size, size), drawn anew. The caller frees them. */
float *random_numbers(size_t n, float size);

/* Those numbers in the backend's memory. */
rkv_rows *rows_there(rkv_backend *backend, const float *x, const rkv_row_format *format, size_t n,
                     size_t width);
float *floats_there(rkv_backend *backend, const float *x, size_t n);

/* Sums begin at 1, to see that they are added to; every third head has none. */
cached_task cached_task_new(rkv_backend *backend, const cached_recipe *recipe);
void cached_task_free(cached_task *task);

/* The operation, and its output on the host. */
rkv_status cached_task_attend(cached_task *task);

/* Outputs and sums against the plain loops. */
void cached_task_check(rkv_backend *backend, const cached_recipe *recipe);

#endif
