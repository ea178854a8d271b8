/* profile_json.c: profile.json, the signals of a model and what calibration chose. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/file.h"
#include "core/memory.h"
#include "io/documents.h"
#include "io/json.h"
#include "io/model_info.h"
#include "io/model_json.h"
#include "io/profile.h"

/* Far more than anyone measures; what a file may make rkv_profile_put search through. */
#define MOST_SIGNALS 1024

/* Signals have a value per query head or per KV head. */
static const char *const per[] = {[false] = "head", [true] = "kv_head"};

static size_t columns_of(const rkv_profile *profile, bool per_kv_head) {
    return per_kv_head ? profile->model.n_kv_heads : profile->model.n_heads;
}

/* ---- writing ---- */

static void write_signals(rkv_json_out *out, const rkv_profile *profile) {
    rkv_json_begin(out, "signals", '{');
    for (size_t i = 0; i < profile->n_signals; i++) {
        const rkv_signal *signal = &profile->signals[i];
        rkv_json_begin(out, signal->name, '{');
        rkv_json_string(out, "unit", signal->unit);
        rkv_json_string(out, "summary", signal->summary);
        rkv_json_string(out, "origin", signal->origin);
        rkv_json_string(out, "per", per[signal->per_kv_head]);
        rkv_json_matrix(out, "values", signal->values, profile->model.n_layers,
                        columns_of(profile, signal->per_kv_head));
        rkv_json_end(out, '}');
    }
    rkv_json_end(out, '}');
}

static void write_calibration(rkv_json_out *out, const rkv_calibration *c) {
    rkv_json_begin(out, "calibration", '{');
    rkv_json_string(out, "budget", c->budget);
    rkv_json_string(out, "method", c->method);
    rkv_json_number(out, "ratio", c->ratio);
    rkv_json_string(out, "text", c->text);
    rkv_json_size(out, "n_windows", c->n_windows);
    rkv_json_number(out, "loss", c->loss);
    rkv_json_number(out, "uniform_loss", c->uniform_loss);
    rkv_json_size(out, "n_judged", c->n_judged);
    rkv_json_number(out, "difference", c->difference);
    rkv_json_number(out, "low", c->low);
    rkv_json_number(out, "high", c->high);
    rkv_json_size(out, "n_shuffles", c->n_shuffles);
    rkv_json_size(out, "n_beaten", c->n_beaten);
    rkv_json_end(out, '}');
}

rkv_status rkv_profile_to_json(const rkv_profile *profile, char **json) {
    *json = NULL;
    rkv_text text = {0};
    rkv_json_out out = {.text = &text};
    rkv_json_begin(&out, NULL, '{');
    rkv_json_head(&out, RKV_PROFILE_SCHEMA, RKV_PROFILE_VERSION);
    rkv_model_json_write(&out, &profile->model);
    write_signals(&out, profile);
    if (profile->calibration) write_calibration(&out, profile->calibration);
    rkv_json_end(&out, '}');
    return rkv_text_finish(&text, json);
}

rkv_status rkv_profile_save(const rkv_profile *profile, const char *path) {
    char *json;
    rkv_status status = rkv_profile_to_json(profile, &json);
    if (!status) status = rkv_write_file(path, json, strlen(json));
    free(json);
    return status;
}

/* ---- reading ---- */

static rkv_status read_per(const json_t *object, const char *where, bool *per_kv_head) {
    const char *word;
    rkv_status status = rkv_json_get_string(object, where, "per", &word);
    if (status) return status;
    *per_kv_head = strcmp(word, per[true]) == 0;
    if (*per_kv_head || strcmp(word, per[false]) == 0) return RKV_OK;
    char name[RKV_SIGNAL_LONGEST_NAME + 32];
    snprintf(name, sizeof name, "%s.per", where);
    return rkv_json_refuse(name, json_object_get(object, "per"), "head or kv_head");
}

/* What json.h reads is owned by signal, which is cleared by the caller. */
static rkv_status read_members(const json_t *object, const char *where, const rkv_profile *profile,
                               rkv_signal *signal) {
    rkv_status status = rkv_json_copy_string(object, where, "unit", "", &signal->unit);
    if (!status) status = rkv_json_copy_string(object, where, "summary", "", &signal->summary);
    if (!status) status = rkv_json_copy_string(object, where, "origin", "", &signal->origin);
    if (!status) status = read_per(object, where, &signal->per_kv_head);
    if (status) return status;
    return rkv_json_get_matrix(object, where, "values", profile->model.n_layers,
                               columns_of(profile, signal->per_kv_head), &signal->values);
}

static rkv_status read_signal(const json_t *signals, const char *name, rkv_profile *profile) {
    char where[RKV_SIGNAL_LONGEST_NAME + 16];
    const json_t *object;
    rkv_signal signal = {.name = (char *)name}; /* copied, not written into */
    snprintf(where, sizeof where, "signals.%s", name);
    rkv_status status = rkv_json_get_object(signals, "signals", name, &object);
    if (!status) status = read_members(object, where, profile, &signal);
    if (!status) status = rkv_profile_put(profile, &signal);
    free(signal.unit);
    free(signal.summary);
    free(signal.origin);
    free(signal.values);
    return status == RKV_USAGE ? RKV_DATA : status; /* a value that is none */
}

static rkv_status read_signals(const json_t *document, rkv_profile *profile) {
    const json_t *signals;
    const char *name;
    json_t *member;
    size_t number = 0;
    rkv_status status = rkv_json_get_object(document, "", "signals", &signals);
    if (status) return status;
    if (json_object_size(signals) > MOST_SIGNALS)
        return rkv_fail(RKV_DATA, "signals has %zu members, more than %d", json_object_size(signals),
                        MOST_SIGNALS);
    json_object_foreach((json_t *)signals, name, member) {
        number++;
        if (!rkv_signal_is_name(name)) /* and is not shown: it may be anything */
            return rkv_fail(RKV_DATA,
                            "signals: the name of member %zu is not 1 to %d letters, digits and '_'", number,
                            RKV_SIGNAL_LONGEST_NAME);
        status = read_signal(signals, name, profile);
        if (status) return status;
    }
    return RKV_OK;
}

static rkv_status read_count(const json_t *object, const char *name, size_t *count) {
    if (!rkv_json_has(object, name)) return RKV_OK;
    return rkv_json_get_size(object, "calibration", name, 0, RKV_MAX_TOKENS, count);
}

static rkv_status read_judgement(const json_t *object, rkv_calibration *c) {
    static const char where[] = "calibration";
    rkv_status status = read_count(object, "n_judged", &c->n_judged);
    if (!status) status = rkv_json_get_number(object, where, "difference", &c->difference);
    if (!status) status = rkv_json_get_number(object, where, "low", &c->low);
    if (!status) status = rkv_json_get_number(object, where, "high", &c->high);
    if (!status) status = read_count(object, "n_shuffles", &c->n_shuffles);
    return status ? status : read_count(object, "n_beaten", &c->n_beaten);
}

static rkv_status read_members_of_calibration(const json_t *object, rkv_calibration *c) {
    static const char where[] = "calibration";
    rkv_status status = rkv_json_copy_string(object, where, "budget", NULL, &c->budget);
    if (!status) status = rkv_json_copy_string(object, where, "method", "", &c->method);
    if (!status) status = rkv_json_copy_string(object, where, "text", "", &c->text);
    if (!status) status = rkv_json_get_number(object, where, "ratio", &c->ratio);
    if (!status) status = read_count(object, "n_windows", &c->n_windows);
    if (!status) status = rkv_json_get_number(object, where, "loss", &c->loss);
    if (!status) status = rkv_json_get_number(object, where, "uniform_loss", &c->uniform_loss);
    if (!status) status = read_judgement(object, c);
    if (!status && !isnan(c->ratio) && !(c->ratio > 0 && c->ratio <= 1))
        status = rkv_json_refuse("calibration.ratio", json_object_get(object, "ratio"),
                                 "a number above 0 and at most 1");
    return status;
}

static rkv_status read_calibration(const json_t *document, rkv_profile *profile) {
    const json_t *object;
    rkv_calibration c = {0};
    if (!rkv_json_has(document, "calibration")) return RKV_OK;
    rkv_status status = rkv_json_get_object(document, "", "calibration", &object);
    if (!status) status = read_members_of_calibration(object, &c);
    if (!status) status = rkv_profile_set_calibration(profile, &c);
    free(c.budget);
    free(c.method);
    free(c.text);
    return status;
}

static rkv_status read_document(const json_t *document, rkv_profile **out) {
    rkv_model_info model = {0};
    rkv_status status = rkv_json_check_schema(document, RKV_PROFILE_SCHEMA, RKV_PROFILE_VERSION);
    if (!status) status = rkv_model_json_read(document, &model);
    if (!status) status = rkv_profile_new(out, &model);
    if (!status) status = read_signals(document, *out);
    if (!status) status = read_calibration(document, *out);
    rkv_model_info_clear(&model);
    return status;
}

rkv_status rkv_profile_load(rkv_profile **out, const char *path) {
    json_t *document = NULL;
    *out = NULL;
    rkv_status status = rkv_json_read(&document, path);
    if (status) return status;
    status = read_document(document, out);
    json_decref(document);
    if (!status) return RKV_OK;
    rkv_profile_free(*out);
    *out = NULL;
    return rkv_fail_within(status, "%s", path);
}
