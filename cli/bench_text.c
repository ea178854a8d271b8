/* bench_text.c: the text of `rankkv bench`, as tokens in a file without a name. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/bench.h"
#include "cli/input_kind.h"
#include "cli/message.h"
#include "cli/prompt.h"
#include "cli/prompt_tokens.h"

/* ---- bytes ---- */

/* Adds a file to bytes [length]. */
static rkv_status append(char **bytes, size_t *length, const char *path) {
    char *more = NULL, *larger = NULL;
    size_t n = 0;
    rkv_status status = prompt_read(path, &more, &n);
    if (!status && !(larger = realloc(*bytes, *length + n + 1)))
        status = complain(RKV_NO_MEMORY, "out of memory");
    if (!status) {
        memcpy(larger + *length, more, n + 1);
        *bytes = larger;
        *length += n;
    }
    free(more);
    return status;
}

static rkv_status read_samples(bench_text *text, char **bytes, size_t *length) {
    char **paths = NULL;
    size_t n = 0;
    text->name = strdup("samples");
    if (!text->name) return complain(RKV_NO_MEMORY, "out of memory");
    rkv_status status = prompt_samples(&paths, &n);
    for (size_t i = 0; i < n && !status; i++)
        status = append(bytes, length, paths[i]);
    for (size_t i = 0; i < n; i++)
        free(paths[i]);
    free(paths);
    return status;
}

static rkv_status read_file(bench_text *text, const char *path, char **bytes, size_t *length) {
    input_kind kind;
    rkv_status status = input_kind_of(path, &kind);
    if (!status && (kind == INPUT_MODEL || kind == INPUT_TRACE))
        status =
            complain(RKV_DATA, "%s: is a %s, not a text%s", path, kind == INPUT_MODEL ? "model" : "trace",
                     kind == INPUT_MODEL ? "; name it with --model" : "");
    if (!status) status = prompt_stem(path, &text->name);
    if (!status) status = append(bytes, length, path);
    if (!status) prompt_note_utf8(text->name, *bytes, *length);
    return status;
}

/* ---- tokens ---- */

/* The file is in memory and has no name: every process reads it from its beginning. */
static rkv_status write_ids(bench_text *text, const int32_t *ids, size_t n, size_t longest) {
    text->ids = memfd_create("rankkv-bench", MFD_CLOEXEC);
    if (text->ids < 0) return complain(RKV_ERROR, "cannot hand tokens on: no file in memory to be had");
    FILE *file = fdopen(dup(text->ids), "wb");
    bool good = file != NULL;
    for (size_t i = 0; good && i < longest; i += n) {
        size_t part = longest - i < n ? longest - i : n;
        good = fwrite(ids, sizeof *ids, part, file) == part;
    }
    if (file && fclose(file) != 0) good = false;
    return good ? RKV_OK : complain(RKV_NO_MEMORY, "out of memory");
}

rkv_status bench_text_open(bench_text *text, const char *path, const rkv_model *model, size_t longest) {
    char *bytes = NULL;
    size_t length = 0;
    int32_t *ids = NULL;
    *text = (bench_text){.ids = -1};
    rkv_status status = path ? read_file(text, path, &bytes, &length) : read_samples(text, &bytes, &length);
    if (!status) status = said(rkv_tokenize(model, bytes, length, NULL, &ids, &text->n_tokens));
    if (!status && text->n_tokens == 0) status = complain(RKV_DATA, "%s: the text has no tokens", text->name);
    if (!status) status = write_ids(text, ids, text->n_tokens, longest);
    text->repeated = longest > text->n_tokens;
    rkv_free(ids);
    free(bytes);
    return status;
}

void bench_text_close(bench_text *text) {
    if (text->ids >= 0) close(text->ids);
    free(text->name);
    *text = (bench_text){.ids = -1};
}
