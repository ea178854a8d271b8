/* evp.h: of OpenSSL, what core/hash.c calls; SHA-256 in standins/sha256.c. */
#ifndef RKV_STANDINS_EVP_H
#define RKV_STANDINS_EVP_H

#include <stddef.h>

typedef struct evp_md_st EVP_MD;
typedef struct engine_st ENGINE;

const EVP_MD *EVP_sha256(void);

/* Returns 1. The digest is SHA-256's, 32 bytes; size, type and engine are not used. */
int EVP_Digest(const void *data, size_t count, unsigned char *digest, unsigned int *size, const EVP_MD *type,
               ENGINE *engine);

#endif
