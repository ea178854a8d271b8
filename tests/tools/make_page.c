/* make_page.c: writes a page of documents, for tests that open it.
 *
 * usage: make_page PAGE TITLE [KIND NAME FILE.json]... */
#include <stdio.h>
#include <stdlib.h>

#include <rankkv/report.h>

#include "core/file.h"

static rkv_status add(rkv_report *report, char *const *argument) {
    char *json = NULL;
    size_t length;
    rkv_status status = rkv_read_file(argument[2], (size_t)1 << 26, &json, &length);
    if (!status) status = rkv_report_add_document(report, argument[0], argument[1], json);
    free(json);
    return status;
}

int main(int argc, char **argv) {
    if (argc < 3 || argc % 3 != 0) {
        fprintf(stderr, "usage: %s PAGE TITLE [KIND NAME FILE.json]...\n", argv[0]);
        return 2;
    }
    rkv_report *report = NULL;
    rkv_status status = rkv_report_new(&report, argv[2]);
    for (int i = 3; !status && i < argc; i += 3)
        status = add(report, argv + i);
    if (!status) status = rkv_report_save(report, argv[1]);
    if (status) fprintf(stderr, "%s: %s\n", argv[0], rkv_message());
    rkv_report_free(report);
    return rkv_status_exit_code(status);
}
