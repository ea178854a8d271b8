/* compressors.c: the table of methods that compress a cache, as `rankkv methods` shows it. */
#include "cli/compressors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <rankkv/compress.h>

#include "cli/terminal.h"

enum { INDENT = 6 }; /* of what stands under a row */

static const char *const kinds[] = {[RKV_SELECTION] = "selection", [RKV_REPRESENTATION] = "representation"};

static const char *const option_kinds[] = {[RKV_OPTION_SIZE] = "size",
                                           [RKV_OPTION_REAL] = "real",
                                           [RKV_OPTION_NAME] = "name",
                                           [RKV_OPTION_LAYERS] = "layers",
                                           [RKV_OPTION_ALIAS] = "alias"};

/* By bit of rkv_method_needs. */
static const struct need {
    unsigned bit;
    const char *name, *words;
} needs[] = {{RKV_NEEDS_QUERIES, "queries", "queries"},
             {RKV_NEEDS_SUMS, "sums", "sums of the attention received"},
             {RKV_NEEDS_TOKENS, "tokens", "kinds of tokens"},
             {RKV_NEEDS_KEYS, "keys", "keys"},
             {RKV_NEEDS_VALUES, "values", "values"}};

enum { N_NEEDS = sizeof needs / sizeof *needs };

static bool is_number(const rkv_method_option *option) {
    return option->kind == RKV_OPTION_SIZE || option->kind == RKV_OPTION_REAL;
}

/* A default outside its own limits stands for "not given". */
static bool has_default(const rkv_method_option *option) {
    return option->standard >= option->least;
}

/* Whether a method takes an option of all: the parser knows. */
static bool takes(const rkv_method *method, const rkv_method_option *common) {
    char spec[256];
    snprintf(spec, sizeof spec, "%s:%s=%.17g", method->name, common->name, common->most);
    return rkv_method_check(spec) == RKV_OK;
}

/* Calls visit with each of the choices "a|b" in turn, which is cut out of a copy. */
static void each_choice(const char *choices, void (*visit)(void *user, const char *choice, size_t index),
                        void *user) {
    char *copy = strdup(choices), *rest = copy;
    size_t index = 0;
    for (char *choice; copy && (choice = strsep(&rest, "|"));)
        visit(user, choice, index++);
    free(copy);
}

/* ---- JSON ---- */

static void write_choice(void *user, const char *choice, size_t index) {
    (void)index;
    json_text(user, NULL, choice);
}

/* The choice that is the default. */
typedef struct standard_choice {
    cli_json *json;
    size_t index;
} standard_choice;

static void write_standard(void *user, const char *choice, size_t index) {
    const standard_choice *standard = user;
    if (index == standard->index) json_text(standard->json, "default", choice);
}

static void write_option(cli_json *json, const rkv_method_option *option, bool common) {
    standard_choice standard = {json, (size_t)option->standard};
    json_open(json, NULL, '{');
    json_text(json, "name", option->name);
    json_text(json, "kind", option_kinds[option->kind]);
    if (is_number(option)) {
        json_number(json, "default", has_default(option) ? option->standard : NAN);
        json_number(json, "least", option->least);
        json_number(json, "most", option->most);
    } else if (option->kind == RKV_OPTION_NAME) {
        each_choice(option->choices, write_standard, &standard);
        json_open(json, "choices", '[');
        each_choice(option->choices, write_choice, json);
        json_close(json, ']');
    } else if (option->kind == RKV_OPTION_ALIAS) {
        json_text(json, "of", option->choices);
    }
    json_bool(json, "common", common);
    json_text(json, "summary", option->summary);
    json_close(json, '}');
}

void compressor_details(cli_json *json, size_t index) {
    const rkv_method *method = rkv_method_at(index);
    json_text(json, "kind", kinds[method->kind]);
    json_text(json, "formula", method->formula);
    json_text(json, "source", method->source);
    json_bool(json, "prompt_once", method->prompt_once);
    json_open(json, "needs", '[');
    for (size_t i = 0; i < N_NEEDS; i++)
        if (method->needs & needs[i].bit) json_text(json, NULL, needs[i].name);
    json_close(json, ']');
    json_open(json, "options", '[');
    for (const rkv_method_option *option = method->options; option->name; option++)
        write_option(json, option, false);
    for (const rkv_method_option *option = rkv_method_common_options(); option->name; option++)
        if (takes(method, option)) write_option(json, option, true);
    json_close(json, ']');
}

/* ---- text ---- */

static void write_default(void *user, const char *choice, size_t index) {
    const rkv_method_option *option = ((void **)user)[0];
    if (index == (size_t)option->standard) fprintf(((void **)user)[1], "=%s", choice);
}

/* "window=64 (1 to 1024): newest queries that vote" */
static void describe(FILE *out, const rkv_method_option *option) {
    fputs(option->name, out);
    if (is_number(option) && has_default(option)) fprintf(out, "=%.10g", option->standard);
    if (option->kind == RKV_OPTION_NAME)
        each_choice(option->choices, write_default, (void *[]){(void *)option, out});
    if (is_number(option)) fprintf(out, " (%.10g to %.10g)", option->least, option->most);
    if (option->kind == RKV_OPTION_NAME) fprintf(out, " (%s)", option->choices);
    if (option->kind == RKV_OPTION_LAYERS) fputs(" (layers, as in 0-1/7)", out);
    fprintf(out, ": %s", option->summary);
}

static void print_option(const rkv_method_option *option) {
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out) return;
    describe(out, option);
    if (fclose(out) == 0) write_wrapped(stdout, text, terminal_width(stdout), INDENT);
    free(text);
}

/* "source: ...; looks at queries, keys" */
static void print_source(const rkv_method *method) {
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out) return;
    fprintf(out, "source: %s", method->source);
    for (size_t i = 0, n = 0; i < N_NEEDS; i++)
        if (method->needs & needs[i].bit) fprintf(out, "%s%s", n++ ? ", " : "; looks at ", needs[i].words);
    if (fclose(out) == 0) write_wrapped(stdout, text, terminal_width(stdout), INDENT);
    free(text);
}

void compressor_lines(size_t index) {
    const rkv_method *method = rkv_method_at(index);
    write_wrapped(stdout, method->formula, terminal_width(stdout), INDENT);
    print_source(method);
    for (const rkv_method_option *option = method->options; option->name; option++)
        print_option(option);
}

void compressor_tail(void) {
    puts("  every selection but full also takes");
    for (const rkv_method_option *option = rkv_method_common_options(); option->name; option++)
        print_option(option);
}
