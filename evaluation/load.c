/* load.c: results out of a file. Rows are made anew from the cells, so that they cannot contradict them. */
#include "core/fail.h"
#include "io/results.h"

rkv_status rkv_results_load(rkv_results **out, const char *path) {
    rkv_results *results;
    *out = NULL;
    rkv_status status = rkv_results_read(&results, path);
    if (!status) status = rkv_results_summarise(results);
    if (status)
        rkv_results_free(results);
    else
        *out = results;
    return status;
}
