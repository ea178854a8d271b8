/* failing_allocator.h: makes the k-th allocation of the library fail. For one test program alone, which is
 * linked with
 * --wrap=aligned_alloc,--wrap=posix_memalign,--wrap=realloc (tests/CMakeLists.txt); what other libraries
 * allocate is left alone.
 *
 *     allocations_left = k; allocation_failed = false;  ... the call ...  allocations_left = -1; */
#ifndef RKV_TESTS_FAILING_ALLOCATOR_H
#define RKV_TESTS_FAILING_ALLOCATOR_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

static long allocations_left = -1; /* until one fails; below 0: none fails */
static bool allocation_failed;

static bool allocation_fails(void) {
    if (__atomic_load_n(&allocations_left, __ATOMIC_RELAXED) < 0) return false;
    if (__atomic_fetch_sub(&allocations_left, 1, __ATOMIC_RELAXED) > 0) return false;
    allocation_failed = true;
    return true;
}

void *__real_aligned_alloc(size_t alignment, size_t size);
int __real_posix_memalign(void **out, size_t alignment, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
int __wrap_posix_memalign(void **out, size_t alignment, size_t size);
void *__wrap_realloc(void *memory, size_t size);

void *__wrap_aligned_alloc(size_t alignment, size_t size) {
    return allocation_fails() ? NULL : __real_aligned_alloc(alignment, size);
}

int __wrap_posix_memalign(void **out, size_t alignment, size_t size) {
    return allocation_fails() ? ENOMEM : __real_posix_memalign(out, alignment, size);
}

void *__wrap_realloc(void *memory, size_t size) {
    return allocation_fails() ? NULL : __real_realloc(memory, size);
}

#endif
