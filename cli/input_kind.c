/* input_kind.c: what a file given on the command line is, by its content. */
#include "cli/input_kind.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/message.h"

enum { PEEK_BYTES = 4096 };

/* Binary files begin with their signature; documents of ours name their schema near their beginning. */
static const struct signature {
    const char *bytes;
    size_t length;
    input_kind kind;
} signatures[] = {{"GGUF", 4, INPUT_MODEL},
                  {"\x89HDF\r\n\x1a\n", 8, INPUT_TRACE},
                  {"{\"step\":", 8, INPUT_CACHE}},
  schemas[] = {{"\"rankkv-analysis\"", 17, INPUT_ANALYSIS}, {"\"rankkv-budget\"", 15, INPUT_BUDGET},
               {"\"rankkv-profile\"", 16, INPUT_PROFILE},   {"\"rankkv-results\"", 16, INPUT_RESULTS},
               {"\"rankkv-bench\"", 14, INPUT_BENCH},       {"\"rankkv-run\"", 12, INPUT_RUN}};

/* The value of the first "schema": an analysis holds a budget, and a list of analyses holds those. */
static const char *first_schema(const char *bytes, size_t n) {
    static const char key[] = "\"schema\"";
    const char *at = memmem(bytes, n, key, sizeof key - 1), *end = bytes + n;
    for (at = at ? at + sizeof key - 1 : NULL; at && at < end && strchr(" \t\r\n:", *at) && *at; at++)
        ;
    return at == end ? NULL : at;
}

static input_kind kind_of_bytes(const char *bytes, size_t n) {
    for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++)
        if (n >= signatures[i].length && memcmp(bytes, signatures[i].bytes, signatures[i].length) == 0)
            return signatures[i].kind;
    const char *schema = bytes[0] == '{' ? first_schema(bytes, n) : NULL;
    size_t left = schema ? n - (size_t)(schema - bytes) : 0;
    for (size_t i = 0; schema && i < sizeof schemas / sizeof *schemas; i++)
        if (left >= schemas[i].length && memcmp(schema, schemas[i].bytes, schemas[i].length) == 0)
            return schemas[i].kind;
    return INPUT_TEXT;
}

rkv_status input_kind_of(const char *path, input_kind *kind) {
    char bytes[PEEK_BYTES];
    struct stat info;
    *kind = INPUT_TEXT;
    if (strcmp(path, "-") == 0) return RKV_OK;
    if (stat(path, &info) != 0) return complain(RKV_NO_INPUT, "%s: cannot open: %s", path, strerror(errno));
    if (S_ISDIR(info.st_mode)) return complain(RKV_NO_INPUT, "%s: is a folder, not a file", path);
    if (!S_ISREG(info.st_mode)) return RKV_OK; /* a pipe: looking would take its bytes away */
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = descriptor < 0 ? -1 : read(descriptor, bytes, sizeof bytes);
    int why = errno;
    if (descriptor >= 0) close(descriptor);
    if (n < 0) return complain(RKV_NO_INPUT, "%s: cannot read: %s", path, strerror(why));
    if (n > 0) *kind = kind_of_bytes(bytes, (size_t)n);
    return RKV_OK;
}
