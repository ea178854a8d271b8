/* kept.c: analyses of windows' contexts that a run keeps in a folder. */
#include "evaluation/kept.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/text.h"
#include "evaluation/device_kind.h"

#define NAME "window-%zu.json"

rkv_status rkv_kept_path(const char *folder, size_t window, char **path) {
    rkv_text text = {0};
    rkv_text_printf(&text, "%s/" NAME, folder, window);
    return rkv_text_finish(&text, path);
}

static bool is_of_device(const rkv_analysis *a, const rkv_model *model) {
    char there[RKV_DEVICE_KIND_SIZE], here[RKV_DEVICE_KIND_SIZE];
    rkv_device_kind(a->device, there);
    rkv_device_kind(rkv_model_device(model), here);
    return strcmp(there, here) == 0;
}

static bool is_of_context(const rkv_analysis *a, const rkv_window *w, const rkv_model *model) {
    return a->n_tokens == w->n_context && a->token_ids && a->metric[RKV_ERANK] &&
           memcmp(a->token_ids, w->context, w->n_context * sizeof *w->context) == 0 &&
           strcmp(a->model.sha256, rkv_model_get_info(model)->sha256) == 0 && is_of_device(a, model);
}

rkv_analysis *rkv_kept_find(const char *path, const rkv_window *window, const rkv_model *model) {
    rkv_analysis *analysis = NULL;
    if (rkv_analysis_load(&analysis, path)) return NULL;
    if (is_of_context(analysis, window, model)) return analysis;
    rkv_analysis_free(analysis);
    return NULL;
}

/* ---- removing ---- */

/* Whether a name is the one of an analysis, to the letter. */
static bool is_kept(const char *name) {
    char wanted[64];
    size_t window;
    if (sscanf(name, NAME, &window) != 1) return false;
    snprintf(wanted, sizeof wanted, NAME, window);
    return strcmp(name, wanted) == 0;
}

static rkv_status remove_named(const char *folder, const char *name) {
    rkv_text text = {0};
    char *path = NULL;
    rkv_text_printf(&text, "%s/%s", folder, name);
    rkv_status status = rkv_text_finish(&text, &path);
    if (!status) status = rkv_remove_file(path);
    free(path);
    return status;
}

rkv_status rkv_eval_remove_analyses(const char *dir) {
    rkv_status status = RKV_OK;
    DIR *stream = opendir(dir);
    if (!stream) return RKV_OK;
    for (struct dirent *entry; !status && (entry = readdir(stream));)
        if (is_kept(entry->d_name)) status = remove_named(dir, entry->d_name);
    closedir(stream);
    return status;
}
