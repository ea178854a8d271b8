/* turn_checks.h: checks of `turn`, rows of the table of operations in test_backend.c. */
#ifndef RKV_TESTS_TURN_CHECKS_H
#define RKV_TESTS_TURN_CHECKS_H

#include "backend/backend.h"

void check_turn(rkv_backend *b);
void check_turn_of_bad_values(rkv_backend *b);

#endif
