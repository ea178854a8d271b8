/* test_methods_manual.c: docs/METHODS.md has every compression method under its name, with formula and
 * options. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rankkv/compress.h>

#include "core/file.h"

/* The part of manual between "### NAME" and the next heading, its lines joined; NULL when there is none. */
static char *section_of(const char *manual, const char *name) {
    char heading[128];
    snprintf(heading, sizeof heading, "\n### %s\n", name);
    const char *start = strstr(manual, heading);
    if (!start) return NULL;
    start += strlen(heading);
    const char *end = strstr(start, "\n#");
    char *section = end ? strndup(start, (size_t)(end - start)) : strdup(start);
    for (char *line = section; line && (line = strchr(line, '\n'));)
        *line = ' ';
    return section;
}

static void check_options(const char *name, const char *section, const rkv_method_option *option) {
    char words[128];
    for (; option->name; option++) {
        snprintf(words, sizeof words, "`%s`", option->name);
        if (!strstr(section, words)) fail_msg("docs/METHODS.md, %s: lacks the option %s", name, words);
        if (option->kind != RKV_OPTION_SIZE && option->kind != RKV_OPTION_REAL) continue;
        if (option->standard < option->least) continue; /* stands for "not given" */
        snprintf(words, sizeof words, "`%s` %.10g", option->name, option->standard);
        if (!strstr(section, words)) fail_msg("docs/METHODS.md, %s: lacks the default %s", name, words);
    }
}

static void test_the_manual_has_every_method(void **state) {
    (void)state;
    char *manual, formula[512];
    size_t length;
    assert_int_equal(rkv_read_file(RKV_SOURCE_DIR "/docs/METHODS.md", 1 << 20, &manual, &length), RKV_OK);
    const char *chapter = strstr(manual, "\n## Compression methods\n"); /* a policy may have the same name */
    assert_non_null(chapter);
    for (size_t i = 0; rkv_method_at(i); i++) {
        const rkv_method *method = rkv_method_at(i);
        char *section = section_of(chapter, method->name);
        if (!section) fail_msg("docs/METHODS.md lacks: ### %s", method->name);
        snprintf(formula, sizeof formula, "`%s`", method->formula);
        if (strncmp(section, formula, strlen(formula)) != 0)
            fail_msg("docs/METHODS.md, %s: does not begin with %s", method->name, formula);
        check_options(method->name, section, method->options);
        free(section);
    }
    char *section = section_of(manual, "Specifications");
    assert_non_null(section);
    check_options("Specifications", section, rkv_method_common_options());
    free(section);
    free(manual);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_the_manual_has_every_method)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
