/* memory.h: checked allocation. Everything it gives is freed with free(). */
#ifndef RKV_CORE_MEMORY_H
#define RKV_CORE_MEMORY_H

#include <stdbool.h>
#include <stdlib.h>

#include <rankkv/status.h>

/* *out = count elements of size bytes, 64-byte aligned, zeroed; count = 0 gives one element's worth. out is
 * the address of any object pointer. RKV_NO_MEMORY names the bytes asked for; *out is then NULL. */
rkv_status rkv_alloc(void *out, size_t count, size_t size);

/* The same, not zeroed: for large buffers that are written before they are read. */
rkv_status rkv_alloc_raw(void *out, size_t count, size_t size);

/* Makes room for at least `needed` elements in the growing array *array (capacity *capacity), doubling it.
 * The array's content stays; the new part is not zeroed. */
rkv_status rkv_grow(void *array, size_t *capacity, size_t needed, size_t size);

/* Moves *array to new memory, 64-byte aligned, with room for exactly count elements, of which the first
 * `kept` (at most count) come along; count = 0 frees it and leaves NULL. RKV_NO_MEMORY: *array is as it was.
 */
rkv_status rkv_resize(void *array, size_t kept, size_t count, size_t size);

/* Copies length bytes and a NUL; rkv_copy_string takes a C string and gives NULL for NULL. */
rkv_status rkv_copy_bytes(char **out, const char *bytes, size_t length);
rkv_status rkv_copy_string(char **out, const char *string);

/* *product = a * b; false (and *product untouched) when it overflows. */
bool rkv_multiply(size_t a, size_t b, size_t *product);

/* Bytes of memory that the system, or the container's limit, leaves without swapping (0 when it does not
 * say). */
size_t rkv_memory_available(void);

#endif
