/* trace_results.h: what an analysis and a budget add to a trace. */
#ifndef RKV_IO_TRACE_RESULTS_H
#define RKV_IO_TRACE_RESULTS_H

#include <rankkv/trace.h>

#include "io/hdf5_session.h"

/* Writes effective_rank, metrics/NAME, layer_rank and budgets/POLICY into file, whose scales are there.
 * Either may be NULL. Inside an HDF5 session. */
rkv_status rkv_trace_put_results(hid_t file, const rkv_analysis *analysis, const rkv_budget *budget);

#endif
