/* describe.c: what a run of the evaluation is, so that another can be told from it. */
#include <string.h>

#include <rankkv/eval.h>

#include "core/hash.h"
#include "core/memory.h"
#include "evaluation/device_kind.h"
#include "io/json_write.h"
#include "io/model_json.h"

/* ---- windows ---- */

static void add_ids(rkv_text *bytes, const int32_t *ids, size_t n) {
    rkv_text_add(bytes, (const char *)ids, n * sizeof *ids);
}

static rkv_status hash_window(const rkv_window *w, char hex[65]) {
    rkv_text bytes = {0};
    char *text = NULL;
    rkv_text_printf(&bytes, "%zu %d:", w->n_context, w->query_aware);
    add_ids(&bytes, w->context, w->n_context);
    for (size_t q = 0; q < w->n_questions; q++) {
        const rkv_question *question = &w->questions[q];
        rkv_text_printf(&bytes, "%s %zu %zu %.17g:", rkv_task_name(question->task), question->n,
                        question->first_scored, question->depth);
        add_ids(&bytes, w->questions[q].ids, w->questions[q].n);
    }
    size_t length = bytes.length;
    rkv_status status = rkv_text_finish(&bytes, &text);
    if (!status) status = rkv_sha256(text, length, hex);
    free(text);
    return status;
}

static rkv_status write_windows(rkv_json_out *out, const rkv_windows *windows) {
    rkv_json_begin(out, "windows", '[');
    for (size_t w = 0; w < windows->n; w++) {
        char hex[65];
        rkv_status status = hash_window(&windows->items[w], hex);
        if (status) return status;
        rkv_json_begin(out, NULL, '{');
        rkv_json_string(out, "name", windows->items[w].name);
        rkv_json_string(out, "sha256", hex);
        rkv_json_end(out, '}');
    }
    rkv_json_end(out, ']');
    return RKV_OK;
}

/* ---- settings and options ---- */

static void write_settings(rkv_json_out *out, const rkv_setting *settings, size_t n) {
    rkv_json_begin(out, "settings", '[');
    for (size_t i = 0; i < n; i++) {
        rkv_json_begin(out, NULL, '{');
        rkv_json_string(out, "protocol", rkv_protocol_name(settings[i].protocol));
        rkv_json_string(out, "method", settings[i].method);
        rkv_json_string(out, "budget", settings[i].budget);
        rkv_json_number(out, "ratio", settings[i].ratio);
        rkv_json_size(out, "entries", settings[i].entries);
        rkv_json_end(out, '}');
    }
    rkv_json_end(out, ']');
}

static rkv_status write_profile(rkv_json_out *out, const rkv_profile *profile) {
    char *json = NULL, hex[65] = "";
    rkv_status status = profile ? rkv_profile_to_json(profile, &json) : RKV_OK;
    if (!status && json) status = rkv_sha256(json, strlen(json), hex);
    rkv_json_string(out, "profile_sha256", profile ? hex : NULL);
    rkv_free(json);
    return status;
}

rkv_status rkv_eval_describe(const rkv_model_info *model, const char *device, const rkv_windows *windows,
                             const rkv_setting *settings, size_t n_settings, const rkv_eval_options *options,
                             char **json) {
    char kind[RKV_DEVICE_KIND_SIZE];
    rkv_text text = {0};
    rkv_json_out out = {.text = &text};
    *json = NULL;
    rkv_device_kind(device, kind);
    rkv_json_begin(&out, NULL, '{');
    rkv_model_json_write(&out, model);
    rkv_json_string(&out, "device", kind);
    rkv_json_string(&out, "version", rkv_version());
    rkv_status status = write_windows(&out, windows);
    write_settings(&out, settings, n_settings);
    if (!status) status = write_profile(&out, options->profile);
    rkv_json_seed(&out, "seed", options->seed);
    rkv_json_size(&out, "generate", options->generate);
    rkv_json_end(&out, '}');
    rkv_status written = rkv_text_finish(&text, json);
    if (status) free(*json), *json = NULL;
    return status ? status : written;
}
