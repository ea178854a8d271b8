/* weight_checks.h: checks of products with weights in the forms of a model file, rows of the table of
 * operations in test_backend.c. Of a backend that holds none of them they check nothing. */
#ifndef RKV_TESTS_WEIGHT_CHECKS_H
#define RKV_TESTS_WEIGHT_CHECKS_H

#include "backend/backend.h"

void check_matmul_of_forms(rkv_backend *b);
void check_matmul_decodes_exactly(rkv_backend *b);
void check_matmul_of_tokens_alone(rkv_backend *b);
void check_matmul_of_infinite_scales(rkv_backend *b);

#endif
