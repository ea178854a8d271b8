/* page.h: looks into the page of a report as a browser would. */
#ifndef RKV_TESTS_PAGE_H
#define RKV_TESTS_PAGE_H

#include <jansson.h>
#include <stddef.h>

/* What stands between the first `open` and the `close` after it; the caller frees it. A failure ends the
 * test, as everywhere here. */
char *page_between(const char *page, const char *open, const char *close);

/* The JSON of script element `id`; the caller json_decrefs it. */
json_t *page_json(const char *page, const char *id);

/* The page has as many script elements as its manifest lists, and one of its own; all JSON is JSON. */
void page_check(const char *page);

/* The index of an array of that name, of any document. */
size_t page_find_array(const char *page, const char *name);

/* Bytes of array `index` by its shape; of its parts inflated one after another into out. */
size_t page_array_bytes(const char *page, size_t index);
size_t page_array(const char *page, size_t index, unsigned char *out, size_t capacity);

#endif
