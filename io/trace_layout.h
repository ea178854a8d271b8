/* trace_layout.h: what the writer and the reader of trace.h5 agree on: names, limits, and the fields of the
 * model that are root attributes (docs/FORMATS.md). */
#ifndef RKV_IO_TRACE_LAYOUT_H
#define RKV_IO_TRACE_LAYOUT_H

#include <rankkv/trace.h>

#define RKV_TRACE_SCHEMA         "rankkv-trace"
#define RKV_TRACE_SCHEMA_VERSION 1

/* Attention is stored in square chunks of this edge (T when that is smaller). */
#define RKV_TRACE_CHUNK_EDGE 256u

/* What is refused in a file that is read: far above any real model, low enough that sums and products stay
 * small. */
#define RKV_TRACE_MAX_LAYERS 4096u
#define RKV_TRACE_MAX_HEADS  4096u
#define RKV_TRACE_MAX_TOKENS (1u << 20)
#define RKV_TRACE_MAX_TEXT   ((size_t)64 << 20) /* bytes of all token_text together */
#define RKV_TRACE_MAX_STRING 255u               /* bytes of a string attribute */

/* A field of rkv_model_info that stands in the file as a root attribute: its name and where it lies. Numbers
 * are unsigned 64-bit integers, strings are UTF-8. */
typedef struct rkv_trace_field {
    const char *name;
    size_t offset;
} rkv_trace_field;

#define RKV_TRACE_N_NUMBERS 9
#define RKV_TRACE_N_STRINGS 3
extern const rkv_trace_field rkv_trace_numbers[RKV_TRACE_N_NUMBERS];
extern const rkv_trace_field rkv_trace_strings[RKV_TRACE_N_STRINGS];

static inline size_t *rkv_trace_number(rkv_model_info *info, const rkv_trace_field *field) {
    return (size_t *)((char *)info + field->offset);
}

static inline const char **rkv_trace_string(rkv_model_info *info, const rkv_trace_field *field) {
    return (const char **)((char *)info + field->offset);
}

#endif
