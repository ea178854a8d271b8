/* invocation.c: how this program was started, for what it writes. */
#include "cli/invocation.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The program may have what the library may not. NULL when there was no memory: then nothing is told. */
static const char **words;
static size_t n_words;

void invocation_keep(int argc, char **argv) {
    words = argc > 0 ? malloc((size_t)argc * sizeof *words) : NULL;
    n_words = words ? (size_t)argc : 0;
    for (size_t i = 0; i < n_words; i++)
        words[i] = i ? argv[i] : "rankkv"; /* not where it lies on this machine */
}

const char *const *invocation_words(size_t *n) {
    *n = n_words;
    return words;
}

void invocation_date(char date[INVOCATION_DATE_SIZE]) {
    time_t now = time(NULL);
    struct tm utc;
    gmtime_r(&now, &utc);
    strftime(date, INVOCATION_DATE_SIZE, "%Y-%m-%dT%H:%M:%SZ", &utc);
}
