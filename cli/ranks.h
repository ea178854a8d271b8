/* ranks.h: the ranks that a file of ours holds, whether it is an analysis or a trace. */
#ifndef RKV_CLI_RANKS_H
#define RKV_CLI_RANKS_H

#include <rankkv/budget.h>
#include <rankkv/trace.h>

/* Start from {0}; analysis is what there is to read, the rest is what keeps it alive. */
typedef struct cli_ranks {
    const rkv_analysis *analysis;
    rkv_analysis *owned;   /* loaded or computed by the library */
    rkv_analysis borrowed; /* put together from what a trace stores */
    rkv_trace *trace;
    double *values;
} cli_ranks;

/* Reads path. Of a trace, the shape is enough when a budget with these options reads no metric, and the
 * stored effective ranks are when its signal is "erank" and the aggregate is one over values; otherwise its
 * attention is analysed again, with a progress bar. */
rkv_status ranks_load(cli_ranks *ranks, const char *path, const rkv_budget_options *options, bool quiet);
void ranks_clear(cli_ranks *ranks);

#endif
