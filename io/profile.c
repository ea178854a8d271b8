/* profile.c: profiles as plain data: signals put, found and merged. */
#include "io/profile.h"

#include <math.h>
#include <string.h>

#include "core/fail.h"
#include "core/memory.h"
#include "io/model_info.h"

#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

/* ---- signals ---- */

static void clear_signal(rkv_signal *signal) {
    free(signal->name);
    free(signal->unit);
    free(signal->summary);
    free(signal->origin);
    free(signal->values);
    *signal = (rkv_signal){0};
}

/* Values per layer. */
static size_t columns_of(const rkv_profile *profile, const rkv_signal *signal) {
    return signal->per_kv_head ? profile->model.n_kv_heads : profile->model.n_heads;
}

bool rkv_signal_is_name(const char *name) {
    size_t length = strlen(name);
    return length > 0 && length <= RKV_SIGNAL_LONGEST_NAME && strspn(name, NAME_CHARACTERS) == length;
}

static rkv_status check_signal(const rkv_profile *profile, const rkv_signal *signal) {
    const char *name = signal->name ? signal->name : "";
    size_t columns = columns_of(profile, signal);
    if (!rkv_signal_is_name(name))
        return rkv_fail(RKV_USAGE, "a signal is called \"%.80s\", not 1 to %d letters, digits and '_'", name,
                        RKV_SIGNAL_LONGEST_NAME);
    for (size_t i = 0; i < profile->model.n_layers * columns; i++)
        if (!(signal->values[i] >= 0 && isfinite(signal->values[i])))
            return rkv_fail(RKV_USAGE, "%s of layer %zu, head %zu is %g, not a finite number of at least 0",
                            name, i / columns, i % columns, signal->values[i]);
    return RKV_OK;
}

static rkv_status copy_text(char **out, const char *text) {
    return rkv_copy_string(out, text ? text : "");
}

static rkv_status copy_signal(rkv_signal *out, const rkv_profile *profile, const rkv_signal *signal) {
    size_t n = profile->model.n_layers * columns_of(profile, signal);
    *out = (rkv_signal){.per_kv_head = signal->per_kv_head};
    rkv_status status = rkv_copy_string(&out->name, signal->name);
    if (!status) status = copy_text(&out->unit, signal->unit);
    if (!status) status = copy_text(&out->summary, signal->summary);
    if (!status) status = copy_text(&out->origin, signal->origin);
    if (!status) status = rkv_alloc_raw(&out->values, n, sizeof *out->values);
    if (status)
        clear_signal(out);
    else
        memcpy(out->values, signal->values, n * sizeof *out->values);
    return status;
}

/* Where the signal of that name is, or n_signals. */
static size_t place_of(const rkv_profile *profile, const char *name) {
    size_t i = 0;
    while (i < profile->n_signals && strcmp(profile->signals[i].name, name) != 0)
        i++;
    return i;
}

const rkv_signal *rkv_profile_find(const rkv_profile *profile, const char *name) {
    size_t i = place_of(profile, name);
    return i < profile->n_signals ? &profile->signals[i] : NULL;
}

rkv_status rkv_profile_put(rkv_profile *profile, const rkv_signal *signal) {
    rkv_signal copy;
    rkv_status status = check_signal(profile, signal);
    if (!status) status = copy_signal(&copy, profile, signal);
    if (status) return status;
    size_t i = place_of(profile, signal->name);
    /* profiles have few signals: one more is one more place */
    if (i == profile->n_signals) status = rkv_resize(&profile->signals, i, i + 1, sizeof *profile->signals);
    if (status) {
        clear_signal(&copy);
        return status;
    }
    if (i < profile->n_signals)
        clear_signal(&profile->signals[i]);
    else
        profile->n_signals++;
    profile->signals[i] = copy;
    return RKV_OK;
}

/* ---- calibration ---- */

static void free_calibration(rkv_calibration *calibration) {
    if (!calibration) return;
    free(calibration->budget);
    free(calibration->method);
    free(calibration->text);
    free(calibration);
}

static rkv_status copy_calibration(rkv_calibration **out, const rkv_calibration *calibration) {
    rkv_calibration *copy;
    *out = NULL;
    rkv_status status = rkv_alloc(&copy, 1, sizeof *copy);
    if (status) return status;
    *copy = *calibration;
    copy->budget = copy->method = copy->text = NULL;
    status = copy_text(&copy->budget, calibration->budget);
    if (!status) status = copy_text(&copy->method, calibration->method);
    if (!status) status = copy_text(&copy->text, calibration->text);
    if (status)
        free_calibration(copy);
    else
        *out = copy;
    return status;
}

/* ---- the profile ---- */

static rkv_status check_shape(const rkv_model_info *model) {
    size_t L = model->n_layers, H = model->n_heads, G = model->n_kv_heads, product;
    if (L > 0 && H > 0 && G > 0 && H % G == 0 && rkv_multiply(L, H, &product)) return RKV_OK;
    return rkv_fail(RKV_USAGE, "a profile cannot be of a model with %zu layers, %zu heads and %zu KV heads",
                    L, H, G);
}

rkv_status rkv_profile_new(rkv_profile **out, const rkv_model_info *model) {
    rkv_profile *profile = NULL;
    *out = NULL;
    rkv_status status = check_shape(model);
    if (!status) status = rkv_alloc(&profile, 1, sizeof *profile);
    if (!status) status = rkv_model_info_copy(&profile->model, model);
    if (status)
        free(profile);
    else
        *out = profile;
    return status;
}

void rkv_profile_free(rkv_profile *profile) {
    if (!profile) return;
    for (size_t i = 0; i < profile->n_signals; i++)
        clear_signal(&profile->signals[i]);
    free(profile->signals);
    free_calibration(profile->calibration);
    rkv_model_info_clear(&profile->model);
    free(profile);
}

rkv_status rkv_profile_check_model(const rkv_profile *profile, const rkv_model_info *model) {
    const rkv_model_info *own = &profile->model;
    if (own->n_layers != model->n_layers || own->n_heads != model->n_heads ||
        own->n_kv_heads != model->n_kv_heads)
        return rkv_fail(RKV_DATA,
                        "the profile is of %s with %zu layers, %zu heads and %zu KV heads, not of %s with "
                        "%zu, %zu and %zu",
                        own->name ? own->name : "a model", own->n_layers, own->n_heads, own->n_kv_heads,
                        model->name ? model->name : "a model", model->n_layers, model->n_heads,
                        model->n_kv_heads);
    if (*own->sha256 && *model->sha256 && strcmp(own->sha256, model->sha256) != 0)
        return rkv_fail(RKV_DATA, "the profile is of a model file with SHA-256 %s, not %s", own->sha256,
                        model->sha256);
    return RKV_OK;
}

rkv_status rkv_profile_set_calibration(rkv_profile *profile, const rkv_calibration *calibration) {
    rkv_calibration *copy = NULL;
    rkv_status status = calibration ? copy_calibration(&copy, calibration) : RKV_OK;
    if (status) return status;
    free_calibration(profile->calibration);
    profile->calibration = copy;
    return RKV_OK;
}

rkv_status rkv_profile_merge(rkv_profile *profile, const rkv_profile *from) {
    if (profile == from) return RKV_OK;
    rkv_status status = rkv_profile_check_model(profile, &from->model);
    for (size_t i = 0; !status && i < from->n_signals; i++)
        status = rkv_profile_put(profile, &from->signals[i]);
    if (!status && from->calibration) status = rkv_profile_set_calibration(profile, from->calibration);
    return status;
}
