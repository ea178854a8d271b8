/* input_kind.h: what a file given on the command line is, by its content. */
#ifndef RKV_CLI_INPUT_KIND_H
#define RKV_CLI_INPUT_KIND_H

#include <rankkv/status.h>

typedef enum input_kind {
    INPUT_TEXT,
    INPUT_MODEL,
    INPUT_TRACE,
    INPUT_ANALYSIS,
    INPUT_BUDGET,
    INPUT_PROFILE,
    INPUT_RESULTS,
    INPUT_BENCH,
    INPUT_RUN,
    INPUT_CACHE, /* the events of --trace-cache */
    INPUT_KIND_COUNT
} input_kind;

/* By the first bytes; anything that is none of ours is text. RKV_NO_INPUT when path cannot be read. */
rkv_status input_kind_of(const char *path, input_kind *kind);

#endif
