/* chart_file.h: the file that --chart names: PNG or SVG by its ending. */
#ifndef RKV_CLI_CHART_FILE_H
#define RKV_CLI_CHART_FILE_H

#include <rankkv/chart.h>

/* Refuses, before there is any work, what no chart can become: RKV_USAGE for another ending,
 * RKV_CANNOT_CREATE for a folder that is not there or not writable, RKV_UNAVAILABLE where nothing can be
 * drawn. NULL is fine: no chart is asked for. */
rkv_status chart_file_check(const char *path);

/* Draws into a path that chart_file_check let pass. */
rkv_status chart_file_save(const rkv_chart *chart, const char *path);

#endif
