/* exporters.h: the exporters that the table lists, one file each. */
#ifndef RKV_IO_EXPORTERS_H
#define RKV_IO_EXPORTERS_H

#include <rankkv/budget.h>

extern const rkv_exporter rkv_export_csv;
extern const rkv_exporter rkv_export_kvpress;
extern const rkv_exporter rkv_export_layer_budgets;
extern const rkv_exporter rkv_export_rank_analysis;

/* For formats that hold one value per layer: RKV_USAGE when the budget is by head. Its layer means would be
 * another budget than the one that was asked for. */
rkv_status rkv_export_needs_layers(const rkv_budget *budget, const char *format);

/* The share to remove that makes int(n * (1 - r)) exactly b in double arithmetic, 0 <= b <= n, n > 0. */
double rkv_export_kvpress_ratio(size_t b, size_t n);

#endif
