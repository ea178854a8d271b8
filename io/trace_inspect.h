/* trace_inspect.h: what a foreign trace.h5 holds, told by HDF5 running in a process of its own.
 *
 *      rkv_trace_open                      child process
 *      ------------------ fork ----------> HDF5 opens the file, checks the layout,
 *      checks every size  <----- pipe ---- sends facts, tokens, ranks and where the chunks lie; ends
 *      reads and unpacks the chunks itself, in threads
 *
 * The HDF5 library crashes on some damaged files (tests/test_trace_hostile.c counts them) and can be led to
 * overrun its buffers by some forged ones; here that ends the child, and is an error message. */
#ifndef RKV_IO_TRACE_INSPECT_H
#define RKV_IO_TRACE_INSPECT_H

#include <stdbool.h>
#include <stdint.h>

#include "io/trace_chunk.h"
#include "io/trace_layout.h"

/* Where one chunk lies in the file. */
typedef struct rkv_trace_chunk {
    uint64_t address; /* RKV_TRACE_ABSENT: never written, it reads as the fill value */
    uint32_t bytes;
    uint32_t skipped; /* bit i: filter i was not applied */
} rkv_trace_chunk;

#define RKV_TRACE_ABSENT UINT64_MAX

/* Plain data: it crosses the pipe as it is. The strings of info are NULL, their text is in strings. */
typedef struct rkv_trace_facts {
    rkv_model_info info;
    char strings[RKV_TRACE_N_STRINGS][RKV_TRACE_MAX_STRING + 1];
    size_t n_tokens;
    rkv_chunk_form form; /* of a chunk; contiguous storage uses element_bytes (2, 4 or 8) only */
    float fill;
    bool chunked;
    size_t chunk[4];  /* shape of a chunk */
    uint64_t address; /* of contiguous storage, or RKV_TRACE_ABSENT */
    bool has_tokens, has_text, has_erank;
    size_t text_bytes;
    size_t n_chunks;
} rkv_trace_facts;

/* Start from {0}. */
typedef struct rkv_trace_contents {
    rkv_trace_facts facts;
    int32_t *tokens;         /* [T] or NULL */
    char *text;              /* [text_bytes] T strings, each with its NUL, or NULL */
    double *erank;           /* [L, H] or NULL */
    rkv_trace_chunk *chunks; /* [n_chunks] the grid of chunks in row-major order, or NULL */
} rkv_trace_contents;

/* Inspects the open file in a child process. RKV_DATA: damaged, not a trace, or beyond a limit, HDF5 crashed
 * or ran out of its limits of time and memory; RKV_UNAVAILABLE: no process could be started. path serves
 * messages. */
rkv_status rkv_trace_inspect(rkv_trace_contents *out, const char *path, int descriptor);
void rkv_trace_contents_clear(rkv_trace_contents *contents);

/* Inside the child: the same in this process, with HDF5. HDF5's identifiers are left to the end of the
 * process. */
rkv_status rkv_trace_inspect_here(rkv_trace_contents *out, int descriptor);

/* Every size within its limit, every product without overflow; completes n_chunks and form.raw_bytes. */
rkv_status rkv_trace_facts_check(rkv_trace_facts *facts);

#endif
