/* bare.h: one head of bare keys and values on its way through a pipeline and back.
 *
 * Every head of [batch, heads] is compressed alone, as if it were the only one of a layer of its own: bare
 * tensors have no queries, tokens or neighbours to look at. What is stored is stored as in a session. */
#ifndef RKV_COMPRESSORS_BARE_H
#define RKV_COMPRESSORS_BARE_H

#include "compressors/work.h"
#include "io/dtype.h"

/* What all heads of a call share. */
typedef struct rkv_bare_job {
    rkv_pipeline pipeline;
    const rkv_dtype_info *dtype;
    rkv_backend *backend;        /* of host memory; methods score with it, from several threads at once */
    size_t n_heads, tokens, dim; /* n_heads: batch times heads */
    size_t budget;               /* the caller's; 0: none */
    uint64_t seed;
} rkv_bare_job;

/* RKV_USAGE: a method needs queries or tokens, or has no budget, or one below what it always keeps. */
rkv_status rkv_bare_job_check(const rkv_bare_job *job);

/* The working memory of one thread. Start from {0}. */
typedef struct rkv_bare_room {
    float *keys, *values; /* [tokens, dim] of a head in float32 */
    int32_t *positions;   /* [tokens] 0, 1, ... */
    rkv_work work;
} rkv_bare_room;

rkv_status rkv_bare_room_new(rkv_bare_room *room, const rkv_bare_job *job);
void rkv_bare_room_clear(rkv_bare_room *room);

/* keys and values [tokens, dim] in the job's dtype, of head `index`. The caller clears *out, also after a
 * failure. */
rkv_status rkv_bare_compress(rkv_entries *out, const rkv_bare_job *job, size_t index, const void *keys,
                             const void *values, rkv_bare_room *room);

/* keys and values [tokens, dim] = what is stored, in the job's dtype; zeros where entries were evicted. */
rkv_status rkv_bare_restore(const rkv_entries *stored, const rkv_bare_job *job, void *keys, void *values,
                            rkv_bare_room *room);

#endif
