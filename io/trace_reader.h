/* trace_reader.h: an open trace, as its parts share it. */
#ifndef RKV_IO_TRACE_READER_H
#define RKV_IO_TRACE_READER_H

#include "io/trace_inspect.h"

struct rkv_trace {
    char *path, *name; /* name: of the model, when the file has none */
    rkv_stored_file file;
    rkv_trace_contents contents;
    rkv_model_info info; /* its strings lie in contents, or in name */
    char **text;         /* [T] into contents.text */
};

#endif
