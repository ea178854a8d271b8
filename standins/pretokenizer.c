/* pretokenizer.c: stands in for model/pretokenizer.c: models open, and text is refused. */
#include "model/pretokenizer.h"

#include "core/fail.h"
#include "core/memory.h"

static const rkv_pretokenizer_row row = {.names = {"any"}};

const rkv_pretokenizer_row *rkv_pretokenizer_row_at(size_t index) {
    return index == 0 ? &row : NULL;
}

struct rkv_pretokenizer {
    const rkv_pretokenizer_row *row;
};

rkv_status rkv_pretokenizer_new(rkv_pretokenizer **out, const char *name, size_t length) {
    (void)name, (void)length;
    rkv_status status = rkv_alloc(out, 1, sizeof **out);
    if (!status) (*out)->row = &row;
    return status;
}

void rkv_pretokenizer_free(rkv_pretokenizer *pretokenizer) {
    free(pretokenizer);
}

const rkv_pretokenizer_row *rkv_pretokenizer_get_row(const rkv_pretokenizer *pretokenizer) {
    return pretokenizer->row;
}

rkv_status rkv_pretokenizer_split(const rkv_pretokenizer *pretokenizer, const char *text, size_t length,
                                  rkv_word_fn on_word, void *user) {
    (void)pretokenizer, (void)text, (void)on_word, (void)user;
    return rkv_fail(RKV_UNAVAILABLE, "text of %zu bytes: a build without PCRE2 cannot split it into words",
                    length);
}
