/* facts.h: a list of named values, as lines of text or as members of a JSON document. */
#ifndef RKV_CLI_FACTS_H
#define RKV_CLI_FACTS_H

#include "cli/json.h"

typedef struct cli_facts {
    bool as_json;
    cli_json json;
} cli_facts;

/* Begins the list; as JSON, a document of this schema on stdout. */
cli_facts facts_begin(const char *schema, bool as_json);
void facts_end(cli_facts *facts);

/* Each adds one: key in JSON, label in text. A text that is NULL or empty is left out of the lines. */
void fact_text(cli_facts *facts, const char *key, const char *label, const char *value);
void fact_count(cli_facts *facts, const char *key, const char *label, size_t value);
void fact_number(cli_facts *facts, const char *key, const char *label, double value);
/* The same, with words for people: in text, `words` stand for the number. */
void fact_count_as(cli_facts *facts, const char *key, const char *label, size_t value, const char *words);

#endif
