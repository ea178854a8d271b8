/* rankkv.h: the whole public interface. Read in this order: */
#ifndef RANKKV_RANKKV_H
#define RANKKV_RANKKV_H

#include <rankkv/analysis.h> /* effective rank and metrics of every head */
#include <rankkv/budget.h>   /* cache budgets from them */
#include <rankkv/chart.h>    /* charts of results */
#include <rankkv/compress.h> /* methods that hold a cache to a budget */
#include <rankkv/device.h>   /* what computes */
#include <rankkv/eval.h>     /* what budgets and methods cost: windows, tasks, a grid of them, statistics */
#include <rankkv/heatmap.h>  /* pictures */
#include <rankkv/model.h>    /* open a model, tokenize, prefill */
#include <rankkv/profile.h>  /* signals of a model's heads from elsewhere: the retrieval probe, averages */
#include <rankkv/progress.h> /* how long work reports and is stopped */
#include <rankkv/report.h>   /* one page of all of it */
#include <rankkv/session.h>  /* run a model under such a method */
#include <rankkv/status.h>   /* how calls fail */
#include <rankkv/trace.h>    /* attention in HDF5 */

#endif
