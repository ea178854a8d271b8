/* sample_cells.h: cells of an evaluation made up for tests, and whether two are the same. */
#ifndef RKV_TESTS_SAMPLE_CELLS_H
#define RKV_TESTS_SAMPLE_CELLS_H

#include <rankkv/eval.h>

/* A cell that has nothing to hide: every member is a function of the three indices. text is NULL. */
rkv_cell sample_cell(size_t setting, size_t window, size_t question);

/* Equal in every member, NaN being equal to NaN; `times`: in the times, too. Fails the test with the name of
 * the member. */
void assert_same_cell(const rkv_cell *a, const rkv_cell *b, bool times);

#endif
