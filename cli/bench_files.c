/* bench_files.c: the folder of `rankkv bench`: bench.json, bench.csv, charts. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/bench.h"
#include "cli/folder.h"
#include "cli/message.h"

/* Documents of a folder, and who writes them. */
static const struct document {
    const char *name;
    void (*write)(FILE *out, const bench_report *report);
} documents[] = {{"bench.json", bench_json_write}, {"bench.csv", bench_csv_write}};

static rkv_status save_document(const struct document *document, const cli_folder *folder,
                                const bench_report *report) {
    char *path = NULL;
    rkv_status status = folder_file(folder, document->name, &path);
    if (status) return status;
    FILE *file = fopen(path, "wbe");
    if (!file) {
        status = complain(RKV_CANNOT_CREATE, "%s: cannot create: %s", path, strerror(errno));
    } else {
        document->write(file, report);
        errno = 0;
        bool good = fflush(file) == 0 && !ferror(file) && fsync(fileno(file)) == 0;
        if (fclose(file) != 0) good = false;
        if (!good)
            status = complain(RKV_IO, "%s: cannot write: %s", document->name, strerror(errno ? errno : EIO));
    }
    free(path);
    return status;
}

rkv_status bench_files_check(const bench_options *options) {
    cli_folder trial = {0};
    if (!options->force && path_is_taken(options->folder))
        return complain(RKV_CANNOT_CREATE, "%s: is there already; --force replaces it, -o writes elsewhere",
                        options->folder);
    rkv_status status = folder_begin(&trial, options->folder, "");
    folder_end(&trial);
    return status;
}

rkv_status bench_files_write(const bench_report *report) {
    cli_folder folder = {0};
    rkv_status status = folder_begin(&folder, report->options->folder, "");
    for (size_t i = 0; i < sizeof documents / sizeof *documents && !status; i++)
        status = save_document(&documents[i], &folder, report);
    if (!status) status = bench_charts_save(report, &folder);
    if (!status) status = folder_commit(&folder, bench_chart_is_ours);
    folder_end(&folder);
    return status;
}
