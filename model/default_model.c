/* default_model.c: where the model that setup fetched is kept. */
#include <stdlib.h>
#include <unistd.h>

#include <rankkv/model.h>

#include "core/fail.h"
#include "core/text.h"

#define DEFAULT_MODEL "SmolLM2-135M-Instruct.Q4_1.gguf"

/* XDG Base Directory Specification: $XDG_DATA_HOME when absolute, else $HOME/.local/share. */
static void add_data_folder(rkv_text *text) {
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    if (data && data[0] == '/')
        rkv_text_printf(text, "%s", data);
    else
        rkv_text_printf(text, "%s/.local/share", home ? home : "");
}

rkv_status rkv_model_default_path(char **path) {
    rkv_text text = {0};
    add_data_folder(&text);
    rkv_text_printf(&text, "/rankkv/" DEFAULT_MODEL);
    rkv_status status = rkv_text_finish(&text, path);
    if (status || access(*path, R_OK) == 0) return status;
    rkv_fail(RKV_NO_INPUT,
             "%s: the default model is not there; scripts/fetch-model.sh fetches it, or name a GGUF file "
             "with --model",
             *path);
    free(*path);
    *path = NULL;
    return RKV_NO_INPUT;
}
