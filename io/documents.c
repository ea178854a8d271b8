/* documents.c: what analysis.json, budget.json and profile.json have in common. */
#include "io/documents.h"

#include <stdio.h>

void rkv_json_head(rkv_json_out *out, const char *schema, size_t version) {
    char creator[64];
    snprintf(creator, sizeof creator, "rankkv %s", rkv_version());
    rkv_json_string(out, "schema", schema);
    rkv_json_size(out, "schema_version", version);
    rkv_json_string(out, "creator", creator);
}
