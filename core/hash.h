/* hash.h: SHA-256. */
#ifndef RKV_CORE_HASH_H
#define RKV_CORE_HASH_H

#include <rankkv/status.h>

/* Writes the lower-case hexadecimal SHA-256 of bytes into hex, NUL-terminated. */
rkv_status rkv_sha256(const void *bytes, size_t length, char hex[65]);
/* The 32 bytes themselves. */
rkv_status rkv_sha256_digest(const void *bytes, size_t length, unsigned char digest[32]);

#endif
