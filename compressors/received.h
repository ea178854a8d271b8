/* received.h: scores from the attention that entries have received so far. */
#ifndef RKV_COMPRESSORS_RECEIVED_H
#define RKV_COMPRESSORS_RECEIVED_H

#include "compressors/method.h"

typedef enum rkv_received { RKV_RECEIVED_SUM, RKV_RECEIVED_MEAN } rkv_received;

/* score[g]: view->heads[g].sums combined over the group; MEAN: over the queries that saw the entry, which are
 * the n_seen - position from its own on. */
void rkv_received_score(const rkv_layer_view *view, rkv_received kind, float *const *score);

#endif
