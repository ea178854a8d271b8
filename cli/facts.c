/* facts.c: a list of named values, as lines of text or as members of a JSON document. */
#include "cli/facts.h"

#include <math.h>
#include <string.h>

#include "cli/terminal.h"

enum { LABEL_COLUMNS = 14 };

cli_facts facts_begin(const char *schema, bool as_json) {
    cli_facts facts = {.as_json = as_json};
    if (as_json) facts.json = json_begin(stdout, schema);
    return facts;
}

void facts_end(cli_facts *facts) {
    if (facts->as_json) json_end(&facts->json);
}

static void print_line(const char *label, const char *value) {
    printf("%-*s ", LABEL_COLUMNS, label);
    write_printable(stdout, value, strlen(value)); /* names come from files, and may hold anything */
    putchar('\n');
}

void fact_text(cli_facts *facts, const char *key, const char *label, const char *value) {
    if (facts->as_json)
        json_text(&facts->json, key, value);
    else if (value && *value)
        print_line(label, value);
}

void fact_count(cli_facts *facts, const char *key, const char *label, size_t value) {
    char words[32];
    snprintf(words, sizeof words, "%zu", value);
    fact_count_as(facts, key, label, value, words);
}

void fact_count_as(cli_facts *facts, const char *key, const char *label, size_t value, const char *words) {
    if (facts->as_json)
        json_count(&facts->json, key, value);
    else
        printf("%-*s %s\n", LABEL_COLUMNS, label, words);
}

void fact_number(cli_facts *facts, const char *key, const char *label, double value) {
    if (facts->as_json)
        json_number(&facts->json, key, value);
    else if (isfinite(value))
        printf("%-*s %.6g\n", LABEL_COLUMNS, label, value);
}
