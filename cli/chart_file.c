/* chart_file.c: the file that --chart names: PNG or SVG by its ending. */
#include "cli/chart_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "cli/message.h"

static const struct {
    const char *ending;
    rkv_picture_format format;
} formats[] = {{".png", RKV_PICTURE_PNG}, {".svg", RKV_PICTURE_SVG}};
enum { N_FORMATS = sizeof formats / sizeof *formats };

/* Index of the path's format; N_FORMATS when its ending is none of theirs, or all of its name. */
static size_t format_of(const char *path) {
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
    size_t i = 0;
    while (i < N_FORMATS && (!dot || dot == name || strcasecmp(dot, formats[i].ending) != 0))
        i++;
    return i;
}

static rkv_status check_folder(const char *path) {
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    rkv_status status = RKV_OK;
    if (!folder) return complain(RKV_NO_MEMORY, "out of memory");
    if (access(folder, W_OK | X_OK) != 0)
        status = complain(RKV_CANNOT_CREATE, "%s: cannot create: %s", path, strerror(errno));
    free(folder);
    return status;
}

rkv_status chart_file_check(const char *path) {
    if (!path) return RKV_OK;
    if (format_of(path) == N_FORMATS)
        return complain(RKV_USAGE, "--chart %s: a chart is a .png or a .svg file", path);
    if (rkv_chart_available()) return complain(RKV_UNAVAILABLE, "--chart %s: %s", path, rkv_message());
    return check_folder(path);
}

rkv_status chart_file_save(const rkv_chart *chart, const char *path) {
    return said(rkv_chart_save(chart, path, formats[format_of(path)].format));
}
