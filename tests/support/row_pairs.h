/* row_pairs.h: the same rows twice, in ordinary memory and in a device's, held to be the same bytes. */
#ifndef RKV_TESTS_ROW_PAIRS_H
#define RKV_TESTS_ROW_PAIRS_H

#include "support/row_lists.h"

/* Every form, whole numbers with groups of one number, of some, of all, and that do not come out even. */
enum { PAIR_FORMATS = 17 };
extern const rkv_row_format pair_formats[PAIR_FORMATS];

typedef struct pair {
    rkv_backend *device;
    rkv_rows *host, *there;
    size_t host_own, there_own; /* bytes of an empty list */
} pair;

pair new_pair(rkv_backend *device, rkv_row_format format, size_t width);
void free_pair(pair *p);

/* Records, groups, tails, counts and bytes. The running test fails where they differ. */
void check_same(const pair *p);

/* x [n] in device memory, to be released. */
float *upload(rkv_backend *device, const float *x, size_t n);

#endif
