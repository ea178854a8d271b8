/* memory_text.c: memory that was foretold, in words. */
#include "cli/memory_text.h"

#include <stdio.h>

#include "cli/summary.h"

void memory_tell(size_t needed_bytes, const char *device, size_t free_bytes) {
    char words[32];
    write_bytes(words, (double)needed_bytes);
    printf("%s (%zu bytes) of %s", words, needed_bytes, device);
    write_bytes(words, (double)free_bytes);
    if (free_bytes) printf(", which has %s free", words);
    putchar('\n');
}

void memory_tell_part(const char *label, size_t bytes) {
    char words[32];
    write_bytes(words, (double)bytes);
    printf("  %-26s %10s\n", label, words);
}
