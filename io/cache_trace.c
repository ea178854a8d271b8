/* cache_trace.c: what steps did to a cache, as lines of JSON. */
#include <stdlib.h>

#include <rankkv/session.h>

#include "core/fail.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"

/* Lines are written when so many bytes of them have gathered. */
#define GATHERED_BYTES ((size_t)1 << 16)

struct rkv_cache_trace {
    rkv_output output;
    rkv_text lines;
};

static void add_line(rkv_text *text, const rkv_cache_event *event) {
    rkv_text_printf(text,
                    "{\"step\":%zu,\"layer\":%zu,\"head\":%zu,\"before\":%zu,\"after\":%zu,\"bytes\":%zu,"
                    "\"evicted\":[",
                    event->step, event->layer, event->head, event->before, event->after, event->bytes);
    for (size_t i = 0; i < event->before - event->after; i++)
        rkv_text_printf(text, "%s%d", i ? "," : "", event->evicted[i]);
    rkv_text_printf(text, "]}\n");
}

rkv_status rkv_cache_event_to_json(const rkv_cache_event *event, char **line) {
    rkv_text text = {0};
    *line = NULL;
    add_line(&text, event);
    return rkv_text_finish(&text, line);
}

rkv_status rkv_cache_trace_create(rkv_cache_trace **out, const char *path) {
    rkv_cache_trace *trace;
    *out = NULL;
    rkv_status status = rkv_alloc(&trace, 1, sizeof *trace);
    if (!status) status = rkv_output_open(&trace->output, path);
    if (status)
        free(trace);
    else
        *out = trace;
    return status;
}

static rkv_status write_lines(rkv_cache_trace *trace) {
    if (trace->lines.status) return trace->lines.status; /* out of memory, as its message says */
    rkv_status status = rkv_output_write(&trace->output, trace->lines.bytes, trace->lines.length);
    trace->lines.length = 0;
    return status;
}

rkv_status rkv_cache_trace_write(rkv_cache_trace *trace, const rkv_cache_event *event) {
    add_line(&trace->lines, event);
    if (trace->lines.status || trace->lines.length >= GATHERED_BYTES) return write_lines(trace);
    return RKV_OK;
}

rkv_status rkv_cache_trace_finish(rkv_cache_trace *trace) {
    rkv_status status = write_lines(trace);
    if (!status) status = rkv_output_commit(&trace->output);
    rkv_cache_trace_abandon(trace);
    return status;
}

void rkv_cache_trace_abandon(rkv_cache_trace *trace) {
    if (!trace) return;
    rkv_output_abandon(&trace->output);
    free(trace->lines.bytes);
    free(trace);
}
