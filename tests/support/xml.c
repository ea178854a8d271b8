/* xml.c: a strict reader of a small part of XML. */
#include "support/xml.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH 32

typedef struct reader {
    xml_document document;
    const char *at;
    size_t open[DEPTH], depth; /* elements that are not ended */
} reader;

static void fail_with(reader *r, const char *fault) {
    if (!r->document.fault) r->document.fault = fault;
    r->at += strlen(r->at);
}

static bool is_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == ':';
}

static void read_name(reader *r, char *name, size_t size) {
    size_t n = 0;
    while (is_name(r->at[n]))
        n++;
    if (n == 0 || n >= size) {
        fail_with(r, "not a name");
        name[0] = '\0';
        return;
    }
    memcpy(name, r->at, n);
    name[n] = '\0';
    r->at += n;
}

/* One character of text, resolved, into out (up to 4 bytes); returns how many. */
static size_t read_character(reader *r, char out[4]) {
    static const struct {
        const char *written;
        char meant;
    } entities[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&#39;", '\''}};
    if (*r->at == '&') {
        for (size_t i = 0; i < sizeof entities / sizeof *entities; i++)
            if (strncmp(r->at, entities[i].written, strlen(entities[i].written)) == 0) {
                r->at += strlen(entities[i].written);
                out[0] = entities[i].meant;
                return 1;
            }
        fail_with(r, "an entity that is none");
        return 0;
    }
    unsigned char c = (unsigned char)*r->at;
    if (c < 0x20 && c != '\n') {
        fail_with(r, "a control character");
        return 0;
    }
    if (strncmp(r->at, "\xEF\xBF\xBE", 3) == 0 || strncmp(r->at, "\xEF\xBF\xBF", 3) == 0) {
        fail_with(r, "a character that XML forbids");
        return 0;
    }
    out[0] = *r->at++;
    return 1;
}

static void read_attribute(reader *r, xml_element *element) {
    char name[32], value[4];
    read_name(r, name, sizeof name);
    if (strncmp(r->at, "=\"", 2) != 0) {
        fail_with(r, "an attribute without value");
        return;
    }
    r->at += 2;
    size_t length = 0;
    while (*r->at && *r->at != '"') {
        if (*r->at == '<') fail_with(r, "a tag in an attribute");
        size_t n = *r->at ? read_character(r, value) : 0;
        if (n && strcmp(name, "class") == 0 && length + 1 < sizeof element->family)
            element->family[length++] = value[0];
    }
    if (*r->at == '"')
        r->at++;
    else
        fail_with(r, "an attribute without end");
}

static void begin(reader *r) {
    xml_document *document = &r->document;
    if (document->n == document->capacity) {
        document->capacity = 2 * document->capacity + 64;
        document->element = realloc(document->element, document->capacity * sizeof *document->element);
        if (!document->element) abort();
    }
    xml_element *element = &document->element[document->n];
    memset(element, 0, sizeof *element);
    element->parent = r->depth ? r->open[r->depth - 1] : document->n;
    if (r->depth == 0 && document->n > 0) fail_with(r, "a second root");
    read_name(r, element->name, sizeof element->name);
    while (*r->at == ' ') {
        r->at++;
        read_attribute(r, element);
    }
    bool empty = strncmp(r->at, "/>", 2) == 0;
    if (!empty && *r->at != '>') {
        fail_with(r, "a tag without end");
        return;
    }
    r->at += empty ? 2 : 1;
    if (!empty && r->depth == DEPTH) fail_with(r, "too deep");
    if (!empty && r->depth < DEPTH) r->open[r->depth++] = document->n;
    document->n++;
}

static void end(reader *r) {
    char name[32];
    read_name(r, name, sizeof name);
    if (r->depth == 0 || strcmp(name, r->document.element[r->open[r->depth - 1]].name) != 0 ||
        *r->at != '>') {
        fail_with(r, "an end tag of another element");
        return;
    }
    r->at++;
    r->depth--;
}

static void read_text(reader *r) {
    char character[4];
    size_t n = read_character(r, character);
    if (n == 0) return;
    if (r->depth == 0) {
        if (character[0] != '\n') fail_with(r, "text outside of the root");
        return;
    }
    xml_element *element = &r->document.element[r->open[r->depth - 1]];
    size_t length = strlen(element->text);
    if (length + 1 < sizeof element->text) element->text[length] = character[0];
}

xml_document xml_read(const char *bytes) {
    reader r = {.at = bytes};
    while (*r.at) {
        if (strncmp(r.at, "</", 2) == 0) {
            r.at += 2;
            end(&r);
        } else if (*r.at == '<') {
            r.at++;
            begin(&r);
        } else {
            read_text(&r);
        }
    }
    if (r.depth || r.document.n == 0) fail_with(&r, "no root, or elements without end");
    return r.document;
}

void xml_clear(xml_document *document) {
    free(document->element);
    *document = (xml_document){0};
}

size_t xml_count(const xml_document *document, const char *name, const char *family) {
    size_t n = 0;
    for (size_t i = 0; i < document->n; i++)
        n += (!name || strcmp(document->element[i].name, name) == 0) &&
             (!family || strcmp(document->element[i].family, family) == 0);
    return n;
}

bool xml_has_text(const xml_document *document, const char *name, const char *text) {
    for (size_t i = 0; i < document->n; i++)
        if (strcmp(document->element[i].name, name) == 0 && strcmp(document->element[i].text, text) == 0)
            return true;
    return false;
}
