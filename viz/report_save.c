/* report_save.c: the page: its template, with what belongs there in the place of each mark. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base64.h"
#include "core/fail.h"
#include "core/file.h"
#include "core/hash.h"
#include "io/documents.h"
#include "io/json_write.h"
#include "viz/page.h"
#include "viz/report_parts.h"

#define SCHEMA  "rankkv-report"
#define VERSION 1

/* What is written, into a file that is not in place yet. */
typedef struct page {
    const rkv_report *report;
    rkv_output output;
} page;

static rkv_status put(page *p, const char *bytes, size_t length) {
    return rkv_output_write(&p->output, bytes, length);
}

static rkv_status put_string(page *p, const char *string) {
    return put(p, string, strlen(string));
}

/* Writes what was gathered in text, and empties it. */
static rkv_status put_text(page *p, rkv_text *text) {
    char *bytes = NULL;
    size_t length = text->length;
    rkv_status status = rkv_text_finish(text, &bytes);
    if (!status) status = put(p, bytes, length);
    free(bytes);
    return status;
}

/* ---- title and policy ---- */

static void add_html(rkv_text *text, const char *plain) {
    for (; *plain; plain++) {
        const char *escape = *plain == '<'   ? "&lt;"
                             : *plain == '>' ? "&gt;"
                             : *plain == '&' ? "&amp;"
                             : *plain == '"' ? "&quot;"
                                             : NULL;
        rkv_text_add(text, escape ? escape : plain, escape ? strlen(escape) : 1);
    }
}

static rkv_status put_title(page *p) {
    rkv_text printable = {0}, text = {0};
    char *title = NULL;
    rkv_text_add_printable(&printable, p->report->title, strlen(p->report->title));
    rkv_status status = rkv_text_finish(&printable, &title);
    if (!status) {
        add_html(&text, title);
        status = put_text(p, &text);
    }
    free(title);
    return status;
}

static rkv_status add_source(rkv_text *policy, const char *directive, const rkv_page_text *part) {
    unsigned char digest[32];
    rkv_status status = rkv_sha256_digest(part->bytes, part->length, digest);
    if (status) return status;
    rkv_text_printf(policy, "; %s 'sha256-", directive);
    rkv_text_add_base64(policy, digest, sizeof digest);
    rkv_text_add(policy, "'", 1);
    return RKV_OK;
}

/* Content Security Policy Level 3: what is not named is forbidden, to the page's own script too. A policy in
 * a meta element can forbid everything but being framed, which a file is not. */
static rkv_status put_policy(page *p) {
    rkv_text text = {0};
    rkv_text_printf(&text, "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'");
    rkv_status status = add_source(&text, "script-src", &rkv_page_script);
    if (!status) status = add_source(&text, "style-src", &rkv_page_style);
    if (status) {
        free(text.bytes);
        return status;
    }
    rkv_text_printf(&text, "; img-src data: blob:; base-uri 'none'; form-action 'none'\">");
    return put_text(p, &text);
}

/* ---- style and script ---- */

/* Nothing but the text whose hash the policy has stands between the tags. */
static rkv_status put_element(page *p, const char *tag, const rkv_page_text *part) {
    char open[32], close[32];
    snprintf(open, sizeof open, "<%s>", tag);
    snprintf(close, sizeof close, "</%s>", tag);
    rkv_status status = put_string(p, open);
    if (!status) status = put(p, part->bytes, part->length);
    return status ? status : put_string(p, close);
}

static rkv_status put_style(page *p) {
    return put_element(p, "style", &rkv_page_style);
}

static rkv_status put_script(page *p) {
    return put_element(p, "script", &rkv_page_script);
}

/* ---- data ---- */

static void list_documents(rkv_json_out *out, const rkv_report *report) {
    rkv_json_begin(out, "documents", '[');
    for (size_t i = 0; i < report->n_documents; i++) {
        rkv_json_begin_line(out, NULL, '{');
        rkv_json_string(out, "kind", report->documents[i].kind);
        rkv_json_string(out, "name", report->documents[i].name);
        rkv_json_end_line(out, '}');
    }
    rkv_json_end(out, ']');
}

static void list_arrays(rkv_json_out *out, const rkv_report *report) {
    rkv_json_begin(out, "arrays", '[');
    for (size_t i = 0; i < report->n_arrays; i++) {
        const report_array *a = &report->arrays[i];
        rkv_json_begin_line(out, NULL, '{');
        rkv_json_size(out, "document", a->document);
        rkv_json_string(out, "name", a->name);
        rkv_json_string(out, "type", rkv_report_type_name(a->type));
        rkv_json_sizes(out, "shape", a->shape, a->n_dims);
        rkv_json_size(out, "part_dims", a->part_dims);
        rkv_json_text(out, "attributes", a->attributes);
        rkv_json_end_line(out, '}');
    }
    rkv_json_end(out, ']');
}

static rkv_status describe(const rkv_report *report, char **manifest) {
    rkv_text text = {0};
    rkv_json_out out = {.text = &text};
    rkv_json_begin(&out, NULL, '{');
    rkv_json_head(&out, SCHEMA, VERSION);
    rkv_json_string(&out, "title", report->title);
    list_documents(&out, report);
    list_arrays(&out, report);
    rkv_json_end(&out, '}');
    char *plain = NULL;
    rkv_status status = rkv_text_finish(&text, &plain);
    if (!status) status = rkv_report_escape_json(plain, manifest);
    free(plain);
    return status;
}

/* A data block: the browser does not run it. */
static rkv_status put_block(page *p, const char *type, const char *id, const char *content, size_t length) {
    char open[128];
    snprintf(open, sizeof open, "<script type=\"application/%s\" id=\"%s\">", type, id);
    rkv_status status = put_string(p, open);
    if (!status) status = put(p, content, length);
    return status ? status : put_string(p, "</script>\n");
}

static rkv_status put_data(page *p) {
    const rkv_report *report = p->report;
    char *manifest = NULL, id[40];
    rkv_status status = describe(report, &manifest);
    if (!status) status = put_block(p, "json", "manifest", manifest, strlen(manifest));
    for (size_t i = 0; i < report->n_documents && !status; i++) {
        const char *json = report->documents[i].json;
        snprintf(id, sizeof id, "document-%zu", i);
        status = put_block(p, "json", id, json, strlen(json));
    }
    for (size_t i = 0; i < report->n_arrays && !status; i++) {
        snprintf(id, sizeof id, "array-%zu", i);
        status =
            put_block(p, "octet-stream", id, report->arrays[i].lines.bytes, report->arrays[i].lines.length);
    }
    free(manifest);
    return status;
}

/* ---- the whole page ---- */

static const struct mark {
    const char *text;
    rkv_status (*put)(page *p);
} marks[] = {{"<!--policy-->", put_policy},
             {"<!--title-->", put_title},
             {"<!--style-->", put_style},
             {"<!--data-->", put_data},
             {"<!--script-->", put_script}};

/* The mark that begins at text; NULL: none does. */
static const struct mark *mark_at(const char *text) {
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (strncmp(text, marks[i].text, strlen(marks[i].text)) == 0) return &marks[i];
    return NULL;
}

static rkv_status put_page(page *p) {
    rkv_status status = RKV_OK;
    const char *from = rkv_page_template.bytes, *at = from;
    for (; *at && !status; at++) {
        const struct mark *mark = *at == '<' ? mark_at(at) : NULL;
        if (!mark) continue;
        status = put(p, from, (size_t)(at - from));
        if (!status) status = mark->put(p);
        from = at + strlen(mark->text);
        at = from - 1;
    }
    return status ? status : put_string(p, from);
}

rkv_status rkv_report_save(const rkv_report *report, const char *path) {
    page p = {.report = report};
    rkv_status status = rkv_output_open(&p.output, path);
    if (!status) status = put_page(&p);
    if (!status) return rkv_output_commit(&p.output);
    rkv_output_abandon(&p.output);
    return status;
}
