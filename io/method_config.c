/* method_config.c: a method and its options from a JSON file, as a specification. */
#include <string.h>

#include <rankkv/compress.h>

#include "core/memory.h"
#include "io/json.h"
#include "io/number.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"

/* Length of the name that a specification begins with, and of its first part. */
static size_t name_length(const char *spec) {
    return strcspn(spec, ":+");
}
static size_t first_length(const char *spec) {
    return strcspn(spec, "+");
}

static bool consists_of(const char *text, const char *letters) {
    return text[strspn(text, letters)] == '\0';
}

/* What the file calls the method, or what the caller does; both must mean the same one. */
static rkv_status choose_method(const json_t *document, const char *asked, const char **method) {
    const char *named = NULL;
    *method = asked;
    if (!rkv_json_has(document, "method")) {
        if (!asked) return rkv_fail(RKV_DATA, "method is missing (the name of a method)");
        return RKV_OK;
    }
    rkv_status status = rkv_json_get_string(document, "", "method", &named);
    if (status) return status;
    if (!*named || !consists_of(named, LETTERS ".:=,+/"))
        return rkv_json_refuse("method", json_object_get(document, "method"), "the name of a method");
    size_t length = name_length(named);
    if (!asked)
        *method = named;
    else if (length != name_length(asked) || strncmp(named, asked, length) != 0)
        return rkv_fail(RKV_USAGE, "method is \"%.*s\", not %.*s as asked for", (int)length, named,
                        (int)name_length(asked), asked);
    return RKV_OK;
}

/* Adds NAME=VALUE; a boolean as the word that JSON has for it, which options that are yes or no take. Signs
 * that mean something in a specification are refused: the file holds options, not further methods. */
static rkv_status add_option(rkv_text *text, const char *name, const json_t *value) {
    const char *word =
        json_is_boolean(value) ? (json_is_true(value) ? "true" : "false") : json_string_value(value);
    if (!*name || !consists_of(name, LETTERS))
        return rkv_fail(RKV_DATA, "a member is named what no option is (letters, digits, '_' and '-')");
    if (word ? !consists_of(word, LETTERS "./") : !json_is_number(value))
        return rkv_json_refuse(name, value, "a number, true or false, or a word of letters and digits");
    rkv_text_printf(text, "%s=", name);
    if (word)
        rkv_text_add(text, word, strlen(word));
    else if (json_is_integer(value))
        rkv_text_printf(text, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else
        rkv_text_add_number(text, json_real_value(value));
    return RKV_OK;
}

/* The file's options go to the first of the methods: "snapkv:window=8+int8" gets them before the '+'. */
static rkv_status write_spec(rkv_text *text, const char *method, const json_t *document) {
    size_t first = first_length(method);
    const char *separator = memchr(method, ':', first) ? "," : ":", *name;
    json_t *value;
    rkv_text_add(text, method, first);
    /* jansson's iteration takes a document that is not const, and does not change it */
    json_object_foreach((json_t *)document, name, value) {
        if (strcmp(name, "method") == 0) continue;
        rkv_text_printf(text, "%s", separator);
        rkv_status status = add_option(text, name, value);
        if (status) return status;
        separator = ",";
    }
    rkv_text_add(text, method + first, strlen(method) - first);
    return RKV_OK;
}

rkv_status rkv_method_spec_from_json(const char *path, const char *method, char **spec) {
    *spec = NULL;
    json_t *document = NULL;
    const char *chosen = NULL;
    rkv_text text = {0};
    rkv_status status = rkv_json_read(&document, path);
    if (status) return status;
    status = choose_method(document, method, &chosen);
    if (!status) status = write_spec(&text, chosen, document);
    if (!status)
        status = rkv_text_finish(&text, spec);
    else
        free(text.bytes);
    json_decref(document);
    return status ? rkv_fail_within(status, "%s", path) : RKV_OK;
}
