/* rank_jobs.h: the ranks of layers on a device's helpers (backend.h), each layer on the next of them, in a
 * thread of its own, while the device goes on with the forward pass. */
#ifndef RKV_ANALYZER_RANK_JOBS_H
#define RKV_ANALYZER_RANK_JOBS_H

#include "analyzer/layer_ranks.h"

typedef struct rkv_rank_jobs rkv_rank_jobs;

/* For layers of backend's, as large as this one; what is found goes into the analysis. rkv_rank_jobs_free
 * waits for what still runs. */
rkv_status rkv_rank_jobs_new(rkv_rank_jobs **out, rkv_analysis *analysis, rkv_backend *backend,
                             const rkv_layer *shape);
void rkv_rank_jobs_free(rkv_rank_jobs *jobs);

/* Begins with a layer, layer by layer; its arrays may be written over by what is queued on backend next. As
 * many layers as there are helpers may have been begun and not ended. */
rkv_status rkv_rank_jobs_begin(rkv_rank_jobs *jobs, const rkv_layer *layer);

/* Waits for a layer. *sigma [H,T]: its singular values, valid until another layer is begun. */
rkv_status rkv_rank_jobs_end(rkv_rank_jobs *jobs, size_t layer, const double **sigma);

#endif
