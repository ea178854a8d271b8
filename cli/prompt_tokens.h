/* prompt_tokens.h: from the bytes of a prompt to the tokens of a model. */
#ifndef RKV_CLI_PROMPT_TOKENS_H
#define RKV_CLI_PROMPT_TOKENS_H

#include <rankkv/model.h>

/* What the options of a command say about the tokens of its prompts. */
typedef struct prompt_tokens {
    size_t first; /* take so many of the first tokens; 0: all */
    bool parse_special, bos;
} prompt_tokens;

/* Opens the model at path, NULL: the default model; device as device_choose has it. */
rkv_status prompt_open_model(rkv_model **out, const char *path, const char *device, rkv_precision precision);

/* The same for commands that compute on one device, as it was named, in float32. RKV_USAGE: several are
 * named. */
rkv_status prompt_open_model_on_one(rkv_model **out, const char *path, const char *device);

/* Notes where bytes [length] of the prompt called name are not UTF-8: they are encoded all the same. */
void prompt_note_utf8(const char *name, const char *bytes, size_t length);

/* ids [*n], freed by rkv_free. RKV_USAGE: `first` is more than the context; RKV_DATA: no token, or more than
 * the context. */
rkv_status prompt_tokenize(const rkv_model *model, const char *name, const char *bytes, size_t length,
                           const prompt_tokens *how, int32_t **ids, size_t *n);

#endif
