/* default_model.c: where the default model is. */
#include "support/default_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

const char *default_model(void) {
    static char path[4096];
    const char *given = getenv("RANKKV_TEST_MODEL"), *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    static const char tail[] = "rankkv/SmolLM2-135M-Instruct.Q4_1.gguf";
    if (given)
        snprintf(path, sizeof path, "%s", given);
    else if (data && *data)
        snprintf(path, sizeof path, "%s/%s", data, tail);
    else
        snprintf(path, sizeof path, "%s/.local/share/%s", home ? home : "", tail);
    if (access(path, R_OK) == 0) return path;
    print_message("skipped: no model at %s (set RANKKV_TEST_MODEL)\n", path);
    return NULL;
}

const char *default_model_or_skip(void) {
    const char *path = default_model();
    if (!path) skip();
    return path;
}
