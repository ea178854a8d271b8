/* run_compare.c: what a method made of a prompt beside what the full cache did, and where they part. */
#include <stdint.h>

#include "cli/run.h"
#include "cli/side_by_side.h"

size_t run_compare_same(const run_result *a, const run_result *b) {
    size_t n = a->n < b->n ? a->n : b->n, same = 0;
    while (same < n && a->ids[same] == b->ids[same])
        same++;
    return same;
}

/* Bytes of the first n tokens of a text, less the beginning of a character whose rest is in the next token.
 */
static size_t bytes_of(const run_result *result, size_t n, const rkv_model *model) {
    size_t sum = 0, length;
    for (size_t i = 0; i < n; i++)
        if (rkv_token_bytes(model, result->ids[i], &length)) sum += length;
    if (sum >= result->length) return result->length;
    while (sum > 0 && ((unsigned char)result->text[sum] & 0xC0) == 0x80)
        sum--;
    return sum;
}

static void write_verdict(FILE *out, const run_result *result, const run_result *full, size_t same,
                          bool differ) {
    if (!differ)
        fprintf(out, "The texts are the same: %zu tokens.\n", same);
    else
        fprintf(out, "The texts part after %zu token%s (of %zu and %zu), at " SIDE_BY_SIDE_MARK ".\n", same,
                same == 1 ? "" : "s", full->n, result->n);
}

void run_compare_write(FILE *out, const run_result *result, const run_result *full, const run_inputs *inputs,
                       const char *label) {
    size_t same = run_compare_same(result, full);
    bool differ = same < result->n && same < full->n; /* else a signal stopped one of them earlier */
    side_text left = {"full", full->text, full->length, SIZE_MAX},
              right = {label, result->text, result->length, SIZE_MAX};
    if (differ) {
        left.mark = bytes_of(full, same, inputs->model);
        right.mark = bytes_of(result, same, inputs->model);
    }
    side_by_side_write(out, &left, &right);
    write_verdict(out, result, full, same, differ);
}
