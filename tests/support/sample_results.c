/* sample_results.c: results of an evaluation made up for tests. */
#include "support/sample_results.h"

#include <math.h>
#include <stdio.h>

#include "core/memory.h"
#include "core/random.h"
#include "io/model_info.h"

static const rkv_model_info model = {
    .name = "Sample \"135M\"",
    .architecture = "llama",
    .file_type = "Q4_1",
    .sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    .n_layers = 30,
    .n_heads = 9,
    .n_kv_heads = 3,
    .head_dim = 64,
    .n_vocab = 49152,
};

static const rkv_setting settings[SAMPLE_SETTINGS] = {
    {RKV_PROTOCOL_PREFILL, "full", NULL, 1, 0},
    {RKV_PROTOCOL_STREAMING, "full", NULL, 1, 0},
    {RKV_PROTOCOL_PREFILL, "snapkv", "uniform", 0.25, 0},
    {RKV_PROTOCOL_PREFILL, "snapkv", "power:signal=retr,by=head", 0.25, 0},
    {RKV_PROTOCOL_PREFILL, "snapkv", "proportional", 0.25, 0},
    {RKV_PROTOCOL_PREFILL, "snapkv", NULL, 0, 128},
    {RKV_PROTOCOL_PREFILL, "streaming-llm:n_sink=2,recent_size=64+int8", "uniform:min=4", 0.5, 0},
    {RKV_PROTOCOL_PREFILL, "streaming-llm:n_sink=2,recent_size=64+int8", "inverse", 0.5, 0},
    {RKV_PROTOCOL_STREAMING, "snapkv", "uniform", 0.25, 0},
    {RKV_PROTOCOL_STREAMING, "snapkv", "inverse", 0.25, 0},
};

static rkv_status fill_settings(rkv_results *r, size_t n) {
    rkv_status status = rkv_alloc(&r->settings, n, sizeof *r->settings);
    if (!status) r->n_settings = n;
    for (size_t i = 0; !status && i < n; i++) {
        char *method = NULL, *budget = NULL;
        r->settings[i] = settings[i];
        status = rkv_copy_string(&method, settings[i].method);
        if (!status) status = rkv_copy_string(&budget, settings[i].budget);
        r->settings[i].method = method;
        r->settings[i].budget = budget;
    }
    return status;
}

static rkv_status fill_windows(rkv_results *r, size_t n) {
    rkv_status status = rkv_alloc(&r->window_names, n, sizeof *r->window_names);
    if (!status) r->n_windows = n;
    for (size_t w = 0; !status && w < n; w++) {
        char name[64];
        snprintf(name, sizeof name, "emma, vol. \"1\" %zu", w + 1);
        status = rkv_copy_string(&r->window_names[w], name);
    }
    return status;
}

/* Losses that differ by window, and by setting less than that; the full cache is best. */
static rkv_cell make_cell(const rkv_results *r, size_t setting, size_t window, size_t question) {
    rkv_random random = {100 * window + question};
    double level = 3 + rkv_random_unit(&random);
    random.state += 7 * setting;
    bool full = setting<2, recall = question> 0;
    double ratio = r->settings[setting].ratio > 0 ? r->settings[setting].ratio : 0.125;
    size_t tokens = recall ? 5 : 64, bytes = (size_t)(ratio * 48 * 1048576);
    return (rkv_cell){
        .setting = setting,
        .window = window,
        .question = question,
        .task = recall ? RKV_TASK_RECALL : RKV_TASK_NATURAL,
        .query_aware = 2 * window >= r->n_windows,
        .depth = recall ? (double)question / 3 : NAN,
        .total = (size_t)(ratio * 92160),
        .entries = (size_t)(ratio * 92160) - window,
        .bytes = bytes + 4096,
        .kv_bytes = bytes,
        .n_scored = tokens,
        .n_right = full ? tokens : (size_t)(rkv_random_unit(&random) * ((double)tokens + 1)),
        .loss = level + (full ? 0 : 0.2 / ratio * (rkv_random_unit(&random) - 0.1 + 0.02 * (double)setting)),
        .kl = full ? 0 : 0.1 / ratio,
        .agreement = full ? 1 : 0.5 + ratio / 4,
        .compress_s = 0.25,
        .answer_s = 0.5,
    };
}

static rkv_status fill_cells(rkv_results *r) {
    enum { QUESTIONS = 3 };
    rkv_status status = rkv_alloc(&r->cells, r->n_settings * r->n_windows * QUESTIONS, sizeof *r->cells);
    for (size_t s = 0; !status && s < r->n_settings; s++)
        for (size_t w = 0; w < r->n_windows; w++)
            for (size_t q = 0; q < QUESTIONS; q++)
                r->cells[r->n_cells++] = make_cell(r, s, w, q);
    return status;
}

rkv_results *sample_results(size_t n_settings, size_t n_windows) {
    rkv_results *r = NULL;
    rkv_status status = rkv_alloc(&r, 1, sizeof *r);
    if (status) return NULL;
    r->seed = 7;
    status = rkv_model_info_copy(&r->model, &model);
    if (!status) status = rkv_copy_string(&r->device, "cuda \"Sample\" 80GB, tf32");
    if (!status) status = rkv_copy_string(&r->version, "0.1.0");
    if (!status) status = rkv_copy_string(&r->text, "emma.txt: 8 windows of 1024 + 64 tokens");
    if (!status) status = rkv_copy_string(&r->profile, "smollm2.profile.json");
    if (!status) status = fill_windows(r, n_windows);
    if (!status) status = fill_settings(r, n_settings);
    if (!status) status = fill_cells(r);
    if (!status && r->n_cells) status = rkv_copy_string(&r->cells[0].text, "once \"upon\"\na time\x80");
    if (!status) return r;
    rkv_results_free(r);
    return NULL;
}
