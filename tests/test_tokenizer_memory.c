/* test_tokenizer_memory.c: every allocation of the tokenizer fails once, and nothing leaks or crashes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/vocabulary.h"
#include "support/byte_vocabulary.h"
#include "support/failing_allocator.h"

/* Everything that the tokenizer can do, once. */
static rkv_status work(const byte_vocabulary *v) {
    static const char text[] = "<s> abcdabcd 12 \xFF<s>dd abc";
    rkv_tokenizer *t = NULL;
    int32_t *ids = NULL;
    char *back = NULL;
    size_t n, length;
    rkv_status status = rkv_tokenizer_build(&t, &v->source);
    if (!status)
        status = rkv_tokenizer_encode(t, text, strlen(text), &(rkv_tokenize_options){.parse_special = true},
                                      &ids, &n);
    if (!status) status = rkv_tokenizer_decode(t, ids, n, &back, &length);
    rkv_free(back);
    rkv_free(ids);
    rkv_tokenizer_free(t);
    return status;
}

static void test_every_allocation_may_fail(void **state) {
    (void)state;
    byte_vocabulary v;
    byte_vocabulary_init(&v);
    byte_vocabulary_grow(&v, 2, 20);
    byte_vocabulary_add(&v, "<s>", RKV_TOKEN_CONTROL);
    v.source.pre = (rkv_gguf_string){"llama-bpe", 9};
    long k = 0;
    for (;; k++) {
        allocation_failed = false;
        allocations_left = k;
        rkv_status status = work(&v);
        allocations_left = -1;
        if (!allocation_failed) break;
        assert_int_equal(status, RKV_NO_MEMORY);
    }
    print_message("%ld allocations failed in turn\n", k);
    assert_true(k > 10);
    byte_vocabulary_clear(&v);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_allocation_may_fail)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
