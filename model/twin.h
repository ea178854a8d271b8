/* twin.h: a model that shares everything with another but the device that it computes on, and what it keeps
 * there: so that one opened file serves several devices at once. */
#ifndef RKV_MODEL_TWIN_H
#define RKV_MODEL_TWIN_H

#include "model/model.h"

/* *out computes on backend, which stays the caller's and outlives it, as the model does. Each may be used by
 * a thread of its own. */
rkv_status rkv_model_twin_new(const rkv_model *model, rkv_backend *backend, rkv_model **out);
void rkv_model_twin_free(rkv_model *twin);

#endif
