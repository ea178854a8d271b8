/* deflate.c: bytes made smaller, in zlib's format, as browsers read it. */
#include "io/deflate.h"

#include <libdeflate.h>

#include "core/fail.h"
#include "core/memory.h"

/* A page is made once and sent about: a level that is slower than a trace's. */
#define LEVEL 10

rkv_status rkv_deflate(const void *bytes, size_t length, unsigned char **out, size_t *n) {
    *out = NULL;
    struct libdeflate_compressor *compressor = libdeflate_alloc_compressor(LEVEL);
    if (!compressor) return rkv_fail(RKV_NO_MEMORY, "out of memory: a deflate compressor");
    size_t capacity = libdeflate_zlib_compress_bound(compressor, length);
    rkv_status status = rkv_alloc_raw(out, capacity, 1);
    if (!status) *n = libdeflate_zlib_compress(compressor, bytes, length, *out, capacity);
    libdeflate_free_compressor(compressor);
    return status;
}
