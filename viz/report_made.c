/* report_made.c: how a page was made: command, machine, and the files that it was made of. */
#include <stdlib.h>

#include "core/file.h"
#include "core/hash.h"
#include "io/json_write.h"
#include "viz/report_parts.h"

static rkv_status hash_file(const char *path, char sha256[65], size_t *bytes) {
    rkv_mapping mapping;
    rkv_status status = rkv_map_file(&mapping, path);
    if (status) return status;
    *bytes = mapping.size;
    status = rkv_sha256(mapping.bytes ? (const void *)mapping.bytes : "", mapping.size, sha256);
    rkv_unmap_file(&mapping);
    return status;
}

static rkv_status list_file(rkv_json_out *out, const rkv_report_file *file) {
    char hash[65];
    const char *sha256 = file->sha256;
    size_t bytes = file->bytes;
    rkv_status status = file->path ? hash_file(file->path, hash, &bytes) : RKV_OK;
    if (status) return status;
    if (file->path) sha256 = hash;
    rkv_json_begin_line(out, NULL, '{');
    rkv_json_string(out, "name", file->name);
    rkv_json_string(out, "sha256", sha256);
    rkv_json_size(out, "bytes", bytes);
    rkv_json_end_line(out, '}');
    return RKV_OK;
}

static rkv_status describe(rkv_json_out *out, const rkv_report_made *made) {
    rkv_status status = RKV_OK;
    rkv_json_begin(out, NULL, '{');
    rkv_json_begin_line(out, "command", '[');
    for (size_t i = 0; i < made->n_words; i++)
        rkv_json_string(out, NULL, made->command[i]);
    rkv_json_end_line(out, ']');
    rkv_json_string(out, "version", rkv_version());
    rkv_json_string(out, "device", made->device);
    rkv_json_string(out, "host", made->host);
    rkv_json_string(out, "date", made->date);
    rkv_json_begin(out, "files", '[');
    for (size_t i = 0; i < made->n_files && !status; i++)
        status = list_file(out, &made->files[i]);
    rkv_json_end(out, ']');
    rkv_json_end(out, '}');
    return status;
}

rkv_status rkv_report_add_made(rkv_report *report, const rkv_report_made *made) {
    rkv_text text = {0};
    rkv_json_out out = {.text = &text};
    char *json = NULL;
    rkv_status status = describe(&out, made);
    if (status)
        free(text.bytes);
    else
        status = rkv_text_finish(&text, &json);
    if (!status) status = rkv_report_add_document(report, "made", "made", json);
    free(json);
    return status;
}
