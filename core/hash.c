/* hash.c: SHA-256, by OpenSSL. */
#include "core/hash.h"

#include <openssl/evp.h>
#include <stdio.h>

#include "core/fail.h"

rkv_status rkv_sha256_digest(const void *bytes, size_t length, unsigned char digest[32]) {
    if (EVP_Digest(bytes, length, digest, NULL, EVP_sha256(), NULL) != 1)
        return rkv_fail(RKV_ERROR, "SHA-256 of %zu bytes failed in OpenSSL", length);
    return RKV_OK;
}

rkv_status rkv_sha256(const void *bytes, size_t length, char hex[65]) {
    unsigned char digest[32];
    rkv_status status = rkv_sha256_digest(bytes, length, digest);
    for (size_t i = 0; !status && i < sizeof digest; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    return status;
}
