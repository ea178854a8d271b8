/* model_json.c: the "model" object of analysis.json, budget.json and profile.json. */
#include "io/model_json.h"

#include <string.h>

#include "core/memory.h"
#include "io/json.h"
#include "io/model_info.h"

/* The numbers of a model: member, place, limits, and whether a document without it is refused. */
static const struct number {
    const char *key;
    size_t offset;
    size_t min, max;
    bool required;
} numbers[] = {
    {"n_layers", offsetof(rkv_model_info, n_layers), 1, RKV_MAX_LAYERS, true},
    {"n_heads", offsetof(rkv_model_info, n_heads), 1, RKV_MAX_HEADS, true},
    {"n_kv_heads", offsetof(rkv_model_info, n_kv_heads), 1, RKV_MAX_HEADS, true},
    {"head_dim", offsetof(rkv_model_info, head_dim), 0, 1 << 20, false},
    {"n_embd", offsetof(rkv_model_info, n_embd), 0, 1 << 30, false},
    {"n_ff", offsetof(rkv_model_info, n_ff), 0, 1 << 30, false},
    {"n_vocab", offsetof(rkv_model_info, n_vocab), 0, INT32_MAX, false},
    {"n_context", offsetof(rkv_model_info, n_context), 0, INT32_MAX, false},
    {"n_parameters", offsetof(rkv_model_info, n_parameters), 0, (size_t)1 << 53, false},
    {"file_bytes", offsetof(rkv_model_info, file_bytes), 0, (size_t)1 << 53, false},
};
#define N_NUMBERS (sizeof numbers / sizeof *numbers)

void rkv_model_json_write(rkv_json_out *out, const rkv_model_info *model) {
    rkv_json_begin(out, "model", '{');
    rkv_json_string(out, "name", model->name);
    rkv_json_string(out, "sha256", model->sha256);
    rkv_json_string(out, "architecture", model->architecture);
    rkv_json_string(out, "file_type", model->file_type);
    for (size_t i = 0; i < N_NUMBERS; i++)
        rkv_json_size(out, numbers[i].key, *(const size_t *)((const char *)model + numbers[i].offset));
    rkv_json_end(out, '}');
}

static rkv_status read_numbers(const json_t *object, rkv_model_info *model) {
    for (size_t i = 0; i < N_NUMBERS; i++) {
        const struct number *n = &numbers[i];
        if (!n->required && !rkv_json_has(object, n->key)) continue;
        size_t *value = (size_t *)((char *)model + n->offset);
        rkv_status status = rkv_json_get_size(object, "model", n->key, n->min, n->max, value);
        if (status) return status;
    }
    if (model->n_heads % model->n_kv_heads == 0) return RKV_OK;
    return rkv_fail(RKV_DATA, "model.n_kv_heads %zu does not divide model.n_heads %zu", model->n_kv_heads,
                    model->n_heads);
}

static rkv_status read_sha256(const json_t *object, rkv_model_info *model) {
    const char *hex = "";
    if (rkv_json_has(object, "sha256")) {
        rkv_status status = rkv_json_get_string(object, "model", "sha256", &hex);
        if (status) return status;
    }
    size_t length = strlen(hex);
    if (length != 0 && (length != 64 || strspn(hex, "0123456789abcdef") != 64))
        return rkv_json_refuse("model.sha256", json_object_get(object, "sha256"),
                               "64 lower-case hexadecimal digits");
    memcpy(model->sha256, hex, length + 1);
    return RKV_OK;
}

static rkv_status read_strings(const json_t *object, rkv_model_info *model) {
    const struct {
        const char *key, **place;
    } strings[] = {
        {"name", &model->name},
        {"architecture", &model->architecture},
        {"file_type", &model->file_type},
    };
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
        char *copy;
        rkv_status status = rkv_json_copy_string(object, "model", strings[i].key, "unknown", &copy);
        if (status) return status;
        *strings[i].place = copy;
    }
    return RKV_OK;
}

rkv_status rkv_model_json_read(const json_t *document, rkv_model_info *model) {
    const json_t *object;
    *model = (rkv_model_info){0};
    rkv_status status = rkv_json_get_object(document, "", "model", &object);
    if (!status) status = read_numbers(object, model);
    if (!status) status = read_sha256(object, model);
    if (!status) status = read_strings(object, model);
    if (status) rkv_model_info_clear(model);
    return status;
}
