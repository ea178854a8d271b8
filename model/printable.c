/* printable.c: bytes of a foreign file, made fit for a message. */
#include "model/printable.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/text.h"

#define SHOWN 64

rkv_printable rkv_make_printable(const char *bytes, size_t length) {
    rkv_text text = {0};
    char *shown;
    rkv_printable out = {"?"}; /* what a message says when there is no memory left for more */
    rkv_text_add_printable(&text, bytes, length < SHOWN ? length : SHOWN);
    if (length > SHOWN) rkv_text_printf(&text, "...");
    if (rkv_text_finish(&text, &shown)) return out;
    snprintf(out.text, sizeof out.text, "%s", shown);
    free(shown);
    return out;
}
