/* utf8.h: which bytes are UTF-8. */
#ifndef RKV_CLI_UTF8_H
#define RKV_CLI_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Length of the well-formed sequence at bytes (n > 0 remain), 0 when there is none. */
size_t utf8_length(const char *bytes, size_t n);

/* True when bytes [n] begin a sequence whose rest has not come yet. */
bool utf8_is_cut(const char *bytes, size_t n);

#endif
