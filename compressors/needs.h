/* needs.h: what a rehearsal of sessions has counted, as it is told. */
#ifndef RKV_COMPRESSORS_NEEDS_H
#define RKV_COMPRESSORS_NEEDS_H

#include <rankkv/session.h>

#include "backend/backend.h"

/* Of a rehearsal of the model, which is no longer there: use is what its backend counted, host_bytes the most
 * that lay in host memory of what lies there in any case. */
void rkv_session_needs_fill(rkv_session_needs *out, const rkv_model *model, const rkv_memory_use *use,
                            size_t host_bytes, const rkv_cache_stats *cache);

#endif
