/* json.c: writing the program's own JSON documents. */
#include "cli/json.h"

#include <math.h>
#include <string.h>

#include <rankkv/status.h>

#include "cli/utf8.h"

static void write_quoted(FILE *out, const char *text, size_t length) {
    fputc('"', out);
    for (size_t n; length > 0; text += n, length -= n) {
        unsigned char c = (unsigned char)*text;
        n = utf8_length(text, length);
        if (n != 1) { /* U+FFFD stands for a byte that is no UTF-8 */
            fwrite(n ? text : "\uFFFD", 1, n ? n : 3, out);
            n = n ? n : 1;
            continue;
        }
        if (c == '"' || c == '\\') fputc('\\', out);
        if (c < 0x20)
            fprintf(out, "\\u%04x", c);
        else
            fputc(c, out);
    }
    fputc('"', out);
}

static void begin_value(cli_json *json, const char *key) {
    fprintf(json->out, "%s\n%*s", json->first ? "" : ",", (int)(2 * json->depth), "");
    json->first = false;
    if (!key) return;
    write_quoted(json->out, key, strlen(key));
    fputs(": ", json->out);
}

cli_json json_begin(FILE *out, const char *schema) {
    cli_json json = {.out = out, .depth = 1, .first = true};
    fputc('{', out);
    json_text(&json, "schema", schema);
    json_count(&json, "schema_version", 1);
    begin_value(&json, "creator");
    fprintf(out, "\"rankkv %s\"", rkv_version());
    return json;
}

void json_end(cli_json *json) {
    fputs("\n}\n", json->out);
}

void json_open(cli_json *json, const char *key, char bracket) {
    begin_value(json, key);
    fputc(bracket, json->out);
    json->depth++;
    json->first = true;
}

void json_close(cli_json *json, char bracket) {
    json->depth--;
    if (!json->first) fprintf(json->out, "\n%*s", (int)(2 * json->depth), "");
    fputc(bracket, json->out);
    json->first = false;
}

void json_text(cli_json *json, const char *key, const char *text) {
    begin_value(json, key);
    if (text)
        write_quoted(json->out, text, strlen(text));
    else
        fputs("null", json->out);
}

void json_bytes(cli_json *json, const char *key, const char *text, size_t length) {
    begin_value(json, key);
    write_quoted(json->out, text, length);
}

void json_count(cli_json *json, const char *key, size_t value) {
    begin_value(json, key);
    fprintf(json->out, "%zu", value);
}

void json_number(cli_json *json, const char *key, double value) {
    begin_value(json, key);
    if (isfinite(value))
        fprintf(json->out, "%.17g", value);
    else
        fputs("null", json->out);
}

void json_bool(cli_json *json, const char *key, bool value) {
    begin_value(json, key);
    fputs(value ? "true" : "false", json->out);
}

void json_raw(cli_json *json, const char *key, const char *document) {
    size_t length = strlen(document);
    while (length > 0 && document[length - 1] == '\n')
        length--;
    begin_value(json, key);
    fwrite(document, 1, length, json->out);
}

void json_model(cli_json *json, const rkv_model_info *model) {
    json_open(json, "model", '{');
    json_text(json, "name", model->name);
    json_text(json, "sha256", model->sha256);
    json_text(json, "architecture", model->architecture);
    json_text(json, "file_type", model->file_type);
    json_count(json, "n_layers", model->n_layers);
    json_count(json, "n_heads", model->n_heads);
    json_count(json, "n_kv_heads", model->n_kv_heads);
    json_count(json, "head_dim", model->head_dim);
    json_close(json, '}');
}

void json_cache(cli_json *json, const rkv_cache_stats *stats) {
    json_open(json, "cache", '{');
    json_count(json, "n_tokens", stats->n_tokens);
    json_count(json, "n_entries", stats->n_entries);
    json_count(json, "longest", stats->longest);
    json_count(json, "allocated_bytes", stats->allocated_bytes);
    json_count(json, "kv_bytes", stats->kv_bytes);
    json_count(json, "state_bytes", stats->state_bytes);
    json_count(json, "peak_bytes", stats->peak_bytes);
    json_count(json, "full_bytes_16", stats->full_bytes_16);
    json_close(json, '}');
}
