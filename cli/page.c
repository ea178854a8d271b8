/* page.c: a report.html being put together by a command: documents, and how it was made. */
#include "cli/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/invocation.h"
#include "cli/machine.h"
#include "cli/message.h"
#include "cli/policies.h"
#include "cli/summary.h"

rkv_status page_begin(cli_page *page, const char *title) {
    *page = (struct cli_page){0};
    return said(rkv_report_new(&page->report, title));
}

void page_end(cli_page *page) {
    for (size_t i = 0; i < page->n_files; i++) {
        free((char *)page->files[i].name);
        free((char *)page->files[i].path);
        free((char *)page->files[i].sha256);
    }
    free(page->files);
    rkv_report_free(page->report);
    *page = (struct cli_page){0};
}

/* ---- files ---- */

static const char *own_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Copies what file points to. */
static rkv_status list(cli_page *page, const rkv_report_file *file) {
    rkv_report_file *grown = realloc(page->files, (page->n_files + 1) * sizeof *grown);
    if (!grown) return complain(RKV_NO_MEMORY, "out of memory");
    page->files = grown;
    rkv_report_file *own = &grown[page->n_files++];
    *own = (rkv_report_file){.name = strdup(file->name), .bytes = file->bytes};
    own->path = file->path ? strdup(file->path) : NULL;
    own->sha256 = file->sha256 ? strdup(file->sha256) : NULL;
    bool whole = own->name && !own->path == !file->path && !own->sha256 == !file->sha256;
    return whole ? RKV_OK : complain(RKV_NO_MEMORY, "out of memory");
}

/* A pipe was read, and is gone: it has a name alone. */
static bool can_be_read_again(const char *path) {
    struct stat info;
    return strcmp(path, "-") != 0 && stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

rkv_status page_list_file(cli_page *page, const char *name, const char *path) {
    return list(page, &(rkv_report_file){.name = name ? name : own_name(path),
                                         .path = can_be_read_again(path) ? path : NULL});
}

rkv_status page_list_model(cli_page *page, const rkv_model_info *model) {
    const char *name = model->path ? own_name(model->path) : model->name;
    const char *sha256 = *model->sha256 ? model->sha256 : NULL;
    return list(page, &(rkv_report_file){.name = name, .sha256 = sha256, .bytes = model->file_bytes});
}

/* ---- documents ---- */

rkv_status page_take_json(cli_page *page, const char *kind, const char *name, rkv_status made, char *json) {
    rkv_status status = said(made ? made : rkv_report_add_document(page->report, kind, name, json));
    rkv_free(json);
    return status;
}

rkv_status page_add_profile(cli_page *page, const rkv_profile *profile) {
    char *json = NULL;
    if (!profile) return RKV_OK;
    rkv_status made = rkv_profile_to_json(profile, &json);
    return page_take_json(page, "profile", "profile", made, json);
}

rkv_status page_add_policies(cli_page *page, const char *name, const rkv_analysis *analysis,
                             const rkv_budget_options *options) {
    rkv_budget **budgets = NULL;
    size_t n = 0;
    rkv_status status = policies_allocate(&budgets, &n, analysis, options);
    for (size_t i = 0; i < n && !status; i++) {
        char *json = NULL;
        rkv_status made = rkv_budget_to_json(budgets[i], &json);
        status = page_take_json(page, "budget", name, made, json);
    }
    policies_free(budgets, n);
    return status;
}

/* ---- saving ---- */

rkv_status page_save(cli_page *page, const char *device, const char *path) {
    char host[256], memory[32], date[INVOCATION_DATE_SIZE];
    cli_machine machine = machine_describe();
    write_bytes(memory, (double)machine.memory_bytes);
    snprintf(host, sizeof host, "%s, %zu processor%s, %s", machine.cpu, machine.n_cpus,
             machine.n_cpus == 1 ? "" : "s", memory);
    invocation_date(date);
    rkv_report_made made = {.device = device, .host = host, .date = date};
    made.command = invocation_words(&made.n_words);
    made.files = page->files;
    made.n_files = page->n_files;
    rkv_status status = said(rkv_report_add_made(page->report, &made));
    return status ? status : said(rkv_report_save(page->report, path));
}
