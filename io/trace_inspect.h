/* trace_inspect.h: what a foreign trace.h5 holds, told by HDF5 running in a process of its own (confined.h).
 */
#ifndef RKV_IO_TRACE_INSPECT_H
#define RKV_IO_TRACE_INSPECT_H

#include <stdbool.h>
#include <stdint.h>

#include "io/confined.h"
#include "io/stored_array.h"
#include "io/trace_layout.h"

/* Plain data: it crosses the pipe as it is. The strings of info are NULL, their text is in strings. */
typedef struct rkv_trace_facts {
    rkv_model_info info;
    char strings[RKV_TRACE_N_STRINGS][RKV_TRACE_MAX_STRING + 1];
    size_t n_tokens;
    rkv_stored_array attention; /* [L, H, T, T] */
    bool has_tokens, has_text, has_erank;
    size_t text_bytes;
} rkv_trace_facts;

/* Start from {0}. */
typedef struct rkv_trace_contents {
    rkv_trace_facts facts;
    int32_t *tokens;          /* [T] or NULL */
    char *text;               /* [text_bytes] T strings, each with its NUL, or NULL */
    double *erank;            /* [L, H] or NULL */
    rkv_stored_chunk *chunks; /* [attention.n_chunks] the grid of chunks in row-major order, or NULL */
} rkv_trace_contents;

/* Inspects the open file in a child process. RKV_DATA: damaged, not a trace, or beyond a limit, HDF5 crashed
 * or ran out of its limits of time and memory; RKV_UNAVAILABLE: no process could be started. path serves
 * messages. */
rkv_status rkv_trace_inspect(rkv_trace_contents *out, const char *path, int descriptor);
void rkv_trace_contents_clear(rkv_trace_contents *contents);

/* Inside the child: the same in this process, with HDF5. HDF5's identifiers are left to the end of the
 * process. */
rkv_status rkv_trace_inspect_here(rkv_trace_contents *out, int descriptor);

/* Every size within its limit, every product without overflow; completes attention. */
rkv_status rkv_trace_facts_check(rkv_trace_facts *facts);

#endif
