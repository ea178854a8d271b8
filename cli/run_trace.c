/* run_trace.c: --trace-cache: what each step did to the cache, to a file or to standard output. */
#include <string.h>

#include "cli/message.h"
#include "cli/output.h"
#include "cli/run.h"

rkv_status run_trace_begin(run_trace *trace, const char *path) {
    *trace = (run_trace){0};
    if (!path) return RKV_OK;
    trace->to_stdout = strcmp(path, "-") == 0;
    return trace->to_stdout ? RKV_OK : said(rkv_cache_trace_create(&trace->file, path));
}

rkv_status run_trace_event(void *user, const rkv_cache_event *event) {
    run_trace *trace = user;
    char *line = NULL;
    if (trace->file) return rkv_cache_trace_write(trace->file, event);
    rkv_status status = rkv_cache_event_to_json(event, &line);
    if (!status) fputs(line, stdout);
    rkv_free(line);
    return status;
}

rkv_status run_trace_end(run_trace *trace) {
    rkv_cache_trace *file = trace->file;
    trace->file = NULL; /* rkv_cache_trace_finish frees it */
    if (file) return said(rkv_cache_trace_finish(file));
    return trace->to_stdout ? output_flush() : RKV_OK;
}

void run_trace_abandon(run_trace *trace) {
    rkv_cache_trace_abandon(trace->file);
    trace->file = NULL;
}
