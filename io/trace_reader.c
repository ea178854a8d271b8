/* trace_reader.c: trace.h5 opened, and what is told of it. */
#include "io/trace_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/fail.h"
#include "core/memory.h"

static rkv_status open_regular(rkv_trace *trace) {
    struct stat info;
    trace->file.descriptor = open(trace->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hang */
    if (trace->file.descriptor < 0)
        return rkv_fail_errno(RKV_NO_INPUT, errno, "%s: cannot open", trace->path);
    if (fstat(trace->file.descriptor, &info) != 0)
        return rkv_fail_errno(RKV_NO_INPUT, errno, "%s: cannot stat", trace->path);
    if (!S_ISREG(info.st_mode)) return rkv_fail(RKV_NO_INPUT, "%s: not a regular file", trace->path);
    trace->file.bytes = (uint64_t)info.st_size;
    return RKV_OK;
}

/* The model's strings; a trace that names no model gets the name of its file. */
static rkv_status adopt_model(rkv_trace *trace) {
    rkv_trace_facts *facts = &trace->contents.facts;
    trace->info = facts->info;
    for (size_t i = 0; i < RKV_TRACE_N_STRINGS; i++)
        *rkv_trace_string(&trace->info, &rkv_trace_strings[i]) = facts->strings[i];
    if (*trace->info.name) return RKV_OK;
    const char *slash = strrchr(trace->path, '/');
    rkv_status status = rkv_copy_string(&trace->name, slash ? slash + 1 : trace->path);
    if (!status) trace->info.name = trace->name;
    return status;
}

static rkv_status adopt_text(rkv_trace *trace) {
    if (!trace->contents.text) return RKV_OK;
    rkv_status status = rkv_alloc(&trace->text, trace->contents.facts.n_tokens, sizeof *trace->text);
    char *string = trace->contents.text;
    for (size_t i = 0; i < trace->contents.facts.n_tokens && !status; i++) {
        trace->text[i] = string;
        string += strlen(string) + 1;
    }
    return status;
}

rkv_status rkv_trace_open(rkv_trace **out, const char *path) {
    rkv_trace *trace = NULL;
    *out = NULL;
    rkv_status status = rkv_alloc(&trace, 1, sizeof *trace);
    if (status) return status;
    trace->file.descriptor = -1;
    status = rkv_copy_string(&trace->path, path);
    if (!status) status = open_regular(trace);
    if (!status) status = rkv_trace_inspect(&trace->contents, path, trace->file.descriptor);
    if (!status) status = adopt_model(trace);
    if (!status) status = adopt_text(trace);
    if (status)
        rkv_trace_close(trace);
    else
        *out = trace;
    return status;
}

void rkv_trace_close(rkv_trace *trace) {
    if (!trace) return;
    if (trace->file.descriptor >= 0) close(trace->file.descriptor);
    rkv_trace_contents_clear(&trace->contents);
    free(trace->text);
    free(trace->name);
    free(trace->path);
    free(trace);
}

const rkv_model_info *rkv_trace_model(const rkv_trace *trace) {
    return &trace->info;
}

size_t rkv_trace_n_tokens(const rkv_trace *trace) {
    return trace->contents.facts.n_tokens;
}

const int32_t *rkv_trace_tokens(const rkv_trace *trace) {
    return trace->contents.tokens;
}

char *const *rkv_trace_token_text(const rkv_trace *trace) {
    return trace->text;
}

rkv_trace_dtype rkv_trace_get_dtype(const rkv_trace *trace) {
    return trace->contents.facts.attention.form.element_bytes == 2 ? RKV_FLOAT16 : RKV_FLOAT32;
}

bool rkv_trace_read_erank(const rkv_trace *trace, double *erank) {
    const rkv_trace_facts *facts = &trace->contents.facts;
    if (!trace->contents.erank) return false;
    memcpy(erank, trace->contents.erank, facts->info.n_layers * facts->info.n_heads * sizeof *erank);
    return true;
}
