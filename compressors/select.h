/* select.h: from scores to the entries that stay, and what the scores of several methods are made from. */
#ifndef RKV_COMPRESSORS_SELECT_H
#define RKV_COMPRESSORS_SELECT_H

#include "compressors/method.h"

/* What the scores of several methods are made from. INFINITY for the newest `count` entries of score [n]; a
 * number in [0, 1) that belongs to an entry for good, whatever else is in the cache. */
void rkv_score_keep_newest(float *score, size_t n, size_t count);
float rkv_score_draw(const rkv_layer_view *view, size_t head, int32_t position);

/* The `budget` entries of highest score [n], as ascending indices kept; returns how many: min(budget, n).
 * Equal scores: the newest (highest index) wins. NaN counts as the lowest. */
size_t rkv_select_best(const float *score, size_t n, size_t budget, uint32_t *kept);

/* *rows [G] -> [per_entry, heads[g].n] zeros: room for one number, or several, of every entry of a layer. */
rkv_status rkv_view_rows_new(const rkv_layer_view *view, size_t per_entry, float ***rows);
void rkv_view_rows_free(float **rows);

/* Fills rows [G] with the keys or the values of a layer, as operations of its backend take them:
 * RKV_NEEDS_KEYS or RKV_NEEDS_VALUES. */
void rkv_view_head_rows(const rkv_layer_view *view, unsigned which, rkv_head_rows *rows);

/* *norms [G] -> [heads[g].n]: room, and the Euclidean norms of those rows in it. rkv_view_norms_free frees,
 * also after a failure. */
rkv_status rkv_view_norms_alloc(const rkv_layer_view *view, double ***norms);
rkv_status rkv_view_norms_new(const rkv_layer_view *view, unsigned which, double ***norms);
void rkv_view_norms_free(double **norms);

/* means [G] -> [H/G, heads[g].n]: the mean attention that the remembered queries of view->state (below) give,
 * at least one. They are the newest tokens of the text, at positions up to n_seen - 1; with cache_positions
 * they are unrotated, and are rotated by the last places of each head. */
rkv_status rkv_view_attention_means(const rkv_layer_view *view, size_t window, float *const *means);

/* One value per entry out of one per query head and entry: each [H/G, n] -> out [n], by view->group_score. */
void rkv_view_group_scores(const rkv_layer_view *view, const float *each, size_t n, float *out);

/* A ring of the newest `window` queries [H, window, D] in a state of rkv_window_size floats: what methods
 * with an observation window remember. Queries are kept as they come, rotated or not. */
size_t rkv_window_size(size_t window, const rkv_attention_shape *shape);
rkv_status rkv_window_observe(float *state, size_t window, const rkv_attention_shape *shape,
                              const rkv_observation *new_queries);
/* How many are there, at most window; and they themselves, oldest first: q [H, m, D]. */
size_t rkv_window_count(const float *state);
void rkv_window_queries(const float *state, size_t window, const rkv_layer_view *view, float *q);

#endif
