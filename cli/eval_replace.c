/* eval_replace.c: --force: what the run that is replaced left in its folder. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/eval.h"
#include "cli/folder.h"
#include "cli/message.h"
#include "cli/page.h"

static rkv_status remove_file(const char *folder, const char *name) {
    char *path = NULL;
    rkv_status status = join_path(&path, folder, name);
    if (!status && unlink(path) != 0 && errno != ENOENT)
        status = complain(RKV_CANNOT_CREATE, "%s: cannot remove: %s", path, strerror(errno));
    free(path);
    return status;
}

/* The folder of charts goes when it is empty then: a run may make none. */
static rkv_status remove_charts(const char *folder) {
    char *path = NULL;
    rkv_status status = join_path(&path, folder, EVAL_CHARTS);
    if (!status) status = said(rkv_results_remove_charts(path));
    if (!status) rmdir(path);
    free(path);
    return status;
}

static rkv_status remove_analyses(const char *folder) {
    char *path = NULL;
    rkv_status status = join_path(&path, folder, EVAL_ANALYSES);
    if (!status) status = said(rkv_eval_remove_analyses(path));
    free(path);
    return status;
}

rkv_status eval_remove_outputs(const char *folder) {
    static const char *const files[] = {EVAL_RESULTS, EVAL_ROWS, EVAL_CELLS, PAGE_NAME};
    rkv_status status = RKV_OK;
    for (size_t i = 0; !status && i < sizeof files / sizeof *files; i++)
        status = remove_file(folder, files[i]);
    if (!status) status = remove_charts(folder);
    return status ? status : remove_analyses(folder);
}
