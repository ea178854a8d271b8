/* deflate.h: bytes made smaller, in zlib's format, as browsers read it. */
#ifndef RKV_IO_DEFLATE_H
#define RKV_IO_DEFLATE_H

#include <stddef.h>

#include <rankkv/status.h>

/* *out [*n] = bytes [length] deflated; the caller frees it. May be called from several threads. */
rkv_status rkv_deflate(const void *bytes, size_t length, unsigned char **out, size_t *n);

#endif
