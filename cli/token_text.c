/* token_text.c: tokens as text that can be shown on an axis. */
#include "cli/token_text.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli/message.h"
#include "cli/terminal.h"

rkv_status token_text_make(char ***text, const rkv_model *model, const int32_t *ids, size_t n) {
    char **list = calloc(n ? n : 1, sizeof *list);
    bool failed = !list;
    for (size_t i = 0; i < n && !failed; i++) {
        size_t length = 0, size;
        const char *bytes = rkv_token_bytes(model, ids[i], &length);
        FILE *out = open_memstream(&list[i], &size);
        if (out && bytes) write_printable(out, bytes, length);
        failed = !out || fclose(out) != 0;
    }
    if (failed) {
        token_text_free(list, n);
        return complain(RKV_NO_MEMORY, "out of memory");
    }
    *text = list;
    return RKV_OK;
}

void token_text_free(char **text, size_t n) {
    for (size_t i = 0; text && i < n; i++)
        free(text[i]);
    free(text);
}
