/* xml.h: a strict reader of the small part of XML that this project writes: elements, attributes, text, the
 * five named entities. */
#ifndef RKV_TESTS_XML_H
#define RKV_TESTS_XML_H

#include <stdbool.h>
#include <stddef.h>

typedef struct xml_element {
    char name[32], family[32]; /* family: the attribute class */
    char text[8192];           /* directly inside, entities resolved; what is longer is cut */
    size_t parent;             /* index; the root is its own */
} xml_element;

typedef struct xml_document {
    xml_element *element; /* [n] in the order of their beginnings */
    size_t n, capacity;
    const char *fault; /* NULL: well-formed */
} xml_document;

xml_document xml_read(const char *bytes);
void xml_clear(xml_document *document);
/* Elements of a name and class; NULL: any. */
size_t xml_count(const xml_document *document, const char *name, const char *family);
/* Whether an element of that name has exactly this text. */
bool xml_has_text(const xml_document *document, const char *name, const char *text);

#endif
