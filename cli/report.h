/* report.h: the parts of `rankkv report`: which files of a folder are ours, and what each becomes in the
 * page.
 */
#ifndef RKV_CLI_REPORT_H
#define RKV_CLI_REPORT_H

#include "cli/input_kind.h"
#include "cli/page.h"

/* ---- report_files.c ---- */

/* One of ours. */
typedef struct report_file {
    char *path;
    char *name; /* below the folder, without its ending: "prose/budget" */
    input_kind kind;
} report_file;

/* Start from {0}. */
typedef struct report_files {
    report_file *at; /* [n] folder by folder, in the order of names */
    size_t n, n_ignored;
} report_files;

/* Looks through folder and what is below it, three deep; files that are none of ours are told when verbose.
 * RKV_NO_INPUT, told: no such folder, or nothing of ours in it. */
rkv_status report_files_find(report_files *files, const char *folder, bool verbose);
void report_files_clear(report_files *files);

/* ---- report_add.c ---- */

/* Adds each file to the page. A file that is damaged is an error, and named. */
rkv_status report_add_files(cli_page *page, const report_files *files, bool quiet);

#endif
