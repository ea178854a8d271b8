/* memory_text.h: memory that was foretold, in words. */
#ifndef RKV_CLI_MEMORY_TEXT_H
#define RKV_CLI_MEMORY_TEXT_H

#include <stddef.h>

/* "1.2 GB (1234567890 bytes) of cuda:0 NAME, which has 130 GB free", and the line's end. */
void memory_tell(size_t needed_bytes, const char *device, size_t free_bytes);

/* A line below it: what of that is for. */
void memory_tell_part(const char *label, size_t bytes);

#endif
