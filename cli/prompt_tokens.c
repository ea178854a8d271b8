/* prompt_tokens.c: from the bytes of a prompt to the tokens of a model. */
#include "cli/prompt_tokens.h"

#include "cli/device.h"
#include "cli/message.h"
#include "cli/prompt.h"

rkv_status prompt_open_model(rkv_model **out, const char *path, const char *device, rkv_precision precision) {
    char *standard = NULL;
    rkv_model_options how = {.device = device, .precision = precision};
    rkv_status status = path ? RKV_OK : said(rkv_model_default_path(&standard));
    if (!status) status = said(rkv_model_open(out, path ? path : standard, &how));
    rkv_free(standard);
    return status;
}

rkv_status prompt_open_model_on_one(rkv_model **out, const char *path, const char *device) {
    rkv_status status = device_check_one(device);
    return status ? status : prompt_open_model(out, path, device_choose(device), RKV_PRECISION_FLOAT32);
}

void prompt_note_utf8(const char *name, const char *bytes, size_t length) {
    size_t bad;
    if (!prompt_is_utf8(bytes, length, &bad))
        note("%s: byte %zu is not UTF-8; what is malformed is encoded byte by byte", name, bad);
}

/* The first tokens that were asked for, which must fit the context. */
static rkv_status cut(const char *name, const prompt_tokens *how, size_t context, size_t *n) {
    if (*n == 0) return complain(RKV_DATA, "%s: the prompt has no tokens", name);
    if (how->first > *n)
        note("%s: has %zu tokens, fewer than --tokens %zu; all are used", name, *n, how->first);
    if (how->first && how->first < *n) *n = how->first;
    if (*n > context)
        return complain(
            RKV_DATA,
            "%s: its %zu tokens are more than the %zu of the model's context; --tokens %zu takes the "
            "first %zu",
            name, *n, context, context, context);
    return RKV_OK;
}

rkv_status prompt_tokenize(const rkv_model *model, const char *name, const char *bytes, size_t length,
                           const prompt_tokens *how, int32_t **ids, size_t *n) {
    rkv_tokenize_options options = {.parse_special = how->parse_special, .add_bos = how->bos};
    size_t context = rkv_model_get_info(model)->n_context;
    if (how->first > context)
        return complain(RKV_USAGE, "--tokens %zu is more than the %zu tokens of the model's context",
                        how->first, context);
    rkv_status status = said(rkv_tokenize(model, bytes, length, &options, ids, n));
    return status ? status : cut(name, how, context, n);
}
