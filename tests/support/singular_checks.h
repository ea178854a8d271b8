/* singular_checks.h: checks of `singular_values`, rows of the table of operations in test_backend.c. */
#ifndef RKV_TESTS_SINGULAR_CHECKS_H
#define RKV_TESTS_SINGULAR_CHECKS_H

#include "backend/backend.h"

void check_singular_values(rkv_backend *b);
void check_large_singular(rkv_backend *b);
void check_singular_alone(rkv_backend *b);
void check_ranks_of_zeros(rkv_backend *b);
void check_singular_refuses_nan(rkv_backend *b);

#endif
