/* base64.h: bytes as text. */
#ifndef RKV_CORE_BASE64_H
#define RKV_CORE_BASE64_H

#include "core/text.h"

/* Adds the base64 of bytes [length] (RFC 4648, with padding). */
void rkv_text_add_base64(rkv_text *text, const void *bytes, size_t length);

#endif
