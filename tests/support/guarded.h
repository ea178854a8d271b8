/* guarded.h: memory behind which nothing may be read: what sanitizers do not see of assembler and masked
 * loads is stopped by the processor. */
#ifndef RKV_TESTS_GUARDED_H
#define RKV_TESTS_GUARDED_H

#include <stddef.h>

typedef struct guarded {
    unsigned char *at; /* [bytes], zeroed */
    size_t bytes, spare;
} guarded;

/* `spare` bytes before a page that cannot be read: with one, what has an even size begins at an odd address.
 */
guarded guarded_new(size_t bytes, size_t spare);
void guarded_free(const guarded *memory);

#endif
