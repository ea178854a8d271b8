/* rank_batch.h: the ranks of several layers in one call of the device: one layer's heads alone would leave
 * most of a large one idle. Layers are copied to memory where they wait for each other. */
#ifndef RKV_ANALYZER_RANK_BATCH_H
#define RKV_ANALYZER_RANK_BATCH_H

#include "analyzer/layer_ranks.h"

typedef struct rkv_rank_batch rkv_rank_batch;

/* How many layers as large as this one are worth to wait for each other: as many as have matrices_at_once
 * heads, and no more than a quarter of the memory that is free holds. At least 1: there is no need to wait.
 */
size_t rkv_rank_batch_layers(rkv_backend *backend, const rkv_layer *shape);

/* For n_layers of backend's at a time; what is found goes into the analysis. */
rkv_status rkv_rank_batch_new(rkv_rank_batch **out, rkv_analysis *analysis, rkv_backend *backend,
                              const rkv_layer *shape, size_t n_layers);
void rkv_rank_batch_free(rkv_rank_batch *batch);

/* Takes a layer, layer by layer; its arrays may be written over by what is queued next. As many layers as it
 * is for may have been begun and not ended. */
rkv_status rkv_rank_batch_begin(rkv_rank_batch *batch, const rkv_layer *layer);

/* Ranks all layers that were begun, if this one is not ranked yet. */
rkv_status rkv_rank_batch_end(rkv_rank_batch *batch, size_t layer);

#endif
