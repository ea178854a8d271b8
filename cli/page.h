/* page.h: a report.html being put together by a command: documents, and how it was made. */
#ifndef RKV_CLI_PAGE_H
#define RKV_CLI_PAGE_H

#include <rankkv/rankkv.h>

#define PAGE_NAME "report.html"

/* Start from {0}. */
typedef struct cli_page {
    rkv_report *report;
    rkv_report_file *files; /* [n_files] that it is made of; their strings are the page's own */
    size_t n_files;
} cli_page;

rkv_status page_begin(cli_page *page, const char *title);
void page_end(cli_page *page);

/* Lists a file among those that the page was made of; name NULL: its own, without folders. */
rkv_status page_list_file(cli_page *page, const char *name, const char *path);
/* The same for a model, whose hash is known. */
rkv_status page_list_model(cli_page *page, const rkv_model_info *model);

/* Adds profile, which may be NULL. */
rkv_status page_add_profile(cli_page *page, const rkv_profile *profile);

/* Adds a JSON document of the library's, which it frees with rkv_free; made: what making it returned. */
rkv_status page_take_json(cli_page *page, const char *kind, const char *name, rkv_status made, char *json);

/* The budgets of every policy, all else as in options. */
rkv_status page_add_policies(cli_page *page, const char *name, const rkv_analysis *analysis,
                             const rkv_budget_options *options);

/* Adds how it was made and writes it. device: what computed, or NULL. */
rkv_status page_save(cli_page *page, const char *device, const char *path);

#endif
