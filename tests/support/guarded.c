/* guarded.c: memory that ends where a page begins that cannot be read. */
#include "support/guarded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/mman.h>

#include <cmocka.h>

/* More than any system's pages have. */
#define PAGE ((size_t)65536)

static size_t whole_pages(size_t bytes) {
    return (bytes + PAGE - 1) / PAGE * PAGE;
}

guarded guarded_new(size_t bytes, size_t spare) {
    size_t pages = whole_pages(bytes + spare);
    unsigned char *first =
        mmap(NULL, pages + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(first != MAP_FAILED);
    assert_int_equal(mprotect(first + pages, PAGE, PROT_NONE), 0);
    return (guarded){first + pages - spare - bytes, bytes, spare};
}

void guarded_free(const guarded *memory) {
    size_t pages = whole_pages(memory->bytes + memory->spare);
    assert_int_equal(munmap(memory->at + memory->bytes + memory->spare - pages, pages + PAGE), 0);
}
