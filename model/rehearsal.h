/* rehearsal.h: a model whose device only counts the memory that work would take. */
#ifndef RKV_MODEL_REHEARSAL_H
#define RKV_MODEL_REHEARSAL_H

#include "model/model.h"

/* *out is the model, all of it shared but for its device, which rehearses (backend.h): what is computed with
 * it shows in its backend's memory_use, beyond what the model holds already. The model is left alone until
 * rkv_model_rehearsal_free. Of a model on the CPU it is for passes and caches (rkv_cpu_rehearse).
 * RKV_UNAVAILABLE: the model's device cannot. */
rkv_status rkv_model_rehearse(const rkv_model *model, rkv_model **out);
void rkv_model_rehearsal_free(rkv_model *rehearsal, const rkv_model *of);

#endif
