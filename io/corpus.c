/* corpus.c: texts to evaluate on: plain files, and JSON lines with a document each. */
#include <stdio.h>
#include <string.h>

#include <rankkv/eval.h>

#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"
#include "io/json.h"

#define MAX_BYTES      ((size_t)1 << 30)
#define MAX_DOCUMENTS  ((size_t)1 << 20)
#define MAX_NAME_BYTES ((size_t)512) /* windows are named after them, and compared by name */

static const char *const line_endings[] = {".jsonl", ".ndjson"};

/* A file being read. */
typedef struct corpus_file {
    const char *path;
    const char *stem; /* [stem_length] the path without folder and ending; what documents are named after */
    size_t stem_length;
    const char *bytes; /* [length] */
    size_t length;
    bool is_lines;
} corpus_file;

/* ---- the list ---- */

static void clear_document(rkv_document *document) {
    free(document->name);
    free(document->text);
    *document = (rkv_document){0};
}

static void drop_documents(rkv_corpus *corpus, size_t n) {
    while (corpus->n > n)
        clear_document(&corpus->items[--corpus->n]);
}

void rkv_corpus_clear(rkv_corpus *corpus) {
    drop_documents(corpus, 0);
    free(corpus->items);
    *corpus = (rkv_corpus){0};
}

/* Adds a document with copies of name and text [length]. */
static rkv_status push(rkv_corpus *corpus, const char *name, const char *text, size_t length) {
    rkv_document document = {.length = length};
    rkv_status status = rkv_grow(&corpus->items, &corpus->capacity, corpus->n + 1, sizeof *corpus->items);
    if (!status) status = rkv_copy_string(&document.name, name);
    if (!status) status = rkv_copy_bytes(&document.text, text, length);
    if (status) {
        clear_document(&document);
        return status;
    }
    corpus->items[corpus->n++] = document;
    return RKV_OK;
}

/* ---- plain text ---- */

/* What is not text (a compressed file, a table) shows in its first bytes already. */
static rkv_status check_utf8(const corpus_file *file) {
    for (size_t i = 0; i < file->length;) {
        size_t n = rkv_utf8_decode(file->bytes + i, file->length - i, NULL);
        if (n == 0 || file->bytes[i] == '\0')
            return rkv_fail(RKV_DATA, "byte %zu is 0x%02X: not UTF-8 text", i, (unsigned char)file->bytes[i]);
        i += n;
    }
    return RKV_OK;
}

static rkv_status read_text(rkv_corpus *corpus, const corpus_file *file) {
    char *name = NULL;
    if (!file->length) return rkv_fail(RKV_DATA, "no text in it");
    rkv_status status = check_utf8(file);
    if (!status) status = rkv_copy_bytes(&name, file->stem, file->stem_length);
    if (!status) status = push(corpus, name, file->bytes, file->length);
    free(name);
    return status;
}

/* ---- JSON lines ---- */

static rkv_status name_document(char **name, const corpus_file *file, const json_t *object, size_t line) {
    const json_t *said = json_object_get(object, "name");
    rkv_text text = {0};
    if (json_string_length(said) > MAX_NAME_BYTES)
        return rkv_fail(RKV_DATA, "name has %zu bytes, more than %zu", json_string_length(said),
                        MAX_NAME_BYTES);
    if (rkv_json_has(object, "name")) return rkv_json_copy_string(object, "", "name", NULL, name);
    rkv_text_add(&text, file->stem, file->stem_length);
    rkv_text_printf(&text, ":%zu", line);
    return rkv_text_finish(&text, name);
}

static rkv_status read_line(rkv_corpus *corpus, const corpus_file *file, const char *bytes, size_t length,
                            size_t line) {
    json_t *object = NULL;
    char *name = NULL;
    const char *text;
    if (corpus->n >= MAX_DOCUMENTS)
        return rkv_fail(RKV_DATA, "more than the %zu documents that are read", MAX_DOCUMENTS);
    rkv_status status = rkv_json_parse_line(&object, bytes, length);
    if (!status) status = rkv_json_get_string(object, "", "text", &text);
    if (!status) status = name_document(&name, file, object, line);
    if (!status) status = push(corpus, name, text, json_string_length(json_object_get(object, "text")));
    free(name);
    json_decref(object);
    return status;
}

static bool is_blank(const char *bytes, size_t length) {
    for (size_t i = 0; i < length; i++)
        if (!strchr(" \t\r", bytes[i])) return false;
    return true;
}

static rkv_status read_lines(rkv_corpus *corpus, const corpus_file *file) {
    const char *at = file->bytes, *end = at + file->length;
    size_t before = corpus->n;
    for (size_t line = 1; at < end; line++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t length = (size_t)((newline ? newline : end) - at);
        rkv_status status = is_blank(at, length) ? RKV_OK : read_line(corpus, file, at, length, line);
        if (status) return rkv_fail_within(status, "line %zu", line);
        at = newline ? newline + 1 : end;
    }
    return corpus->n > before ? RKV_OK : rkv_fail(RKV_DATA, "no document in it");
}

/* ---- files ---- */

static bool ends_with(const char *text, const char *ending) {
    size_t n = strlen(text), m = strlen(ending);
    return n >= m && strcmp(text + n - m, ending) == 0;
}

/* What the path says of the file. */
static void look_at_path(corpus_file *file) {
    const char *slash = strrchr(file->path, '/');
    file->stem = slash ? slash + 1 : file->path;
    if (strcmp(file->path, "-") == 0) file->stem = "stdin";
    const char *dot = strrchr(file->stem, '.');
    file->stem_length = dot && dot > file->stem ? (size_t)(dot - file->stem) : strlen(file->stem);
    for (size_t i = 0; i < sizeof line_endings / sizeof *line_endings; i++)
        file->is_lines |= ends_with(file->path, line_endings[i]);
}

rkv_status rkv_corpus_load(rkv_corpus *corpus, const char *path) {
    corpus_file file = {.path = path};
    char *bytes = NULL;
    size_t before = corpus->n;
    rkv_status status = rkv_read_file(path, MAX_BYTES, &bytes, &file.length);
    if (status) return status;
    file.bytes = bytes;
    if (file.length >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0) { /* the byte order mark */
        file.bytes += 3;
        file.length -= 3;
    }
    look_at_path(&file);
    status = file.is_lines ? read_lines(corpus, &file) : read_text(corpus, &file);
    if (status) drop_documents(corpus, before);
    free(bytes);
    return status ? rkv_fail_within(status, "%s", path) : RKV_OK;
}
