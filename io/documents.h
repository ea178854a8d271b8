/* documents.h: what analysis.json, budget.json and profile.json have in common. */
#ifndef RKV_IO_DOCUMENTS_H
#define RKV_IO_DOCUMENTS_H

#include <rankkv/budget.h>

#include "io/json_write.h"

#define RKV_ANALYSIS_SCHEMA  "rankkv-analysis"
#define RKV_ANALYSIS_VERSION 1
#define RKV_BUDGET_SCHEMA    "rankkv-budget"
#define RKV_BUDGET_VERSION   1
#define RKV_PROFILE_SCHEMA   "rankkv-profile"
#define RKV_PROFILE_VERSION  1

/* Documents name the definition, not only "effective rank": six incompatible ones are in use. */
#define RKV_ERANK_DEFINITION "erank_sigma_entropy_nat"

/* Writes "schema", "schema_version" and "creator", the head of every document. */
void rkv_json_head(rkv_json_out *out, const char *schema, size_t version);

/* Writes budget as member key of an open object, or as the document itself (key NULL). RKV_USAGE: its
 * options_json is no JSON object. */
rkv_status rkv_budget_write(rkv_json_out *out, const char *key, const rkv_budget *budget);

#endif
