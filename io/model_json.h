/* model_json.h: the "model" object of analysis.json, budget.json and profile.json. */
#ifndef RKV_IO_MODEL_JSON_H
#define RKV_IO_MODEL_JSON_H

#include <rankkv/model.h>

#include "io/json_write.h"

void rkv_model_json_write(rkv_json_out *out, const rkv_model_info *model);

/* Reads document's member "model"; the strings are owned by *model (rkv_model_info_clear). path is NULL.
 * RKV_DATA. */
rkv_status rkv_model_json_read(const json_t *document, rkv_model_info *model);

#endif
