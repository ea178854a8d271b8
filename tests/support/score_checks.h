/* score_checks.h: checks of the operations that selections score entries with, rows of the table of
 * operations in test_backend.c. */
#ifndef RKV_TESTS_SCORE_CHECKS_H
#define RKV_TESTS_SCORE_CHECKS_H

#include "backend/backend.h"

void check_row_norms(rkv_backend *b);
void check_row_norms_of_bad_values(rkv_backend *b);
void check_mean_cosines(rkv_backend *b);
void check_mean_cosines_of_bad_values(rkv_backend *b);
void check_expected_logits(rkv_backend *b);
void check_expected_logits_of_bad_values(rkv_backend *b);
void check_query_moments(rkv_backend *b);
void check_query_moments_far_from_zero(rkv_backend *b);
void check_gram(rkv_backend *b);
void check_gram_of_bad_values(rkv_backend *b);
void check_gather(rkv_backend *b);
void check_attention_means(rkv_backend *b);
void check_attention_means_of_bad_values(rkv_backend *b);
void check_kept_attention(rkv_backend *b);
void check_kept_attention_of_bad_values(rkv_backend *b);

#endif
