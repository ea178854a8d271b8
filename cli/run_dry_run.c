/* run_dry_run.c: `rankkv run --dry-run`: the memory that the prompt and its cache would take. */
#include <string.h>

#include "cli/dry_run.h"
#include "cli/message.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/run.h"
#include "cli/summary.h"

/* ---- asking ---- */

static rkv_status ask(rkv_session_needs *out, const run_inputs *inputs, const run_options *options,
                      const char *method) {
    progress_bar bar;
    rkv_session_options how = run_session_options(inputs, options, method);
    how.progress = progress_begin(&bar, "memory", options->quiet || options->json);
    rkv_status status = rkv_session_foretell(out, inputs->model, &how, inputs->ids, inputs->n_tokens,
                                             options->generate.n_tokens);
    progress_erase();
    return run_said(status, options);
}

/* With --compare one run comes after the other: n of 1 or 2. */
static rkv_status ask_all(rkv_session_needs needs[2], size_t *n, const run_inputs *inputs,
                          const run_options *options) {
    run_options plain = run_options_of_full(options);
    *n = options->compare ? 2 : 1;
    rkv_status status = ask(&needs[0], inputs, options, inputs->method);
    return status || *n < 2 ? status : ask(&needs[1], inputs, &plain, "full");
}

static rkv_status judge(const rkv_session_needs *needs, size_t n, const run_inputs *inputs) {
    rkv_status status = RKV_OK;
    for (size_t i = 0; i < n && !status; i++)
        status = dry_run_judge(inputs->name, needs[i].needed_bytes, needs[i].free_bytes, needs[i].device);
    return status;
}

/* ---- telling ---- */

/* Heads that keep as many as they find may keep fewer, and the model may end the text earlier. */
static void tell_cache(const rkv_cache_stats *cache, const rkv_model_info *model) {
    char words[3][32];
    write_bytes(words[0], (double)cache->allocated_bytes);
    write_bytes(words[1], (double)cache->peak_bytes);
    write_bytes(words[2], (double)cache->full_bytes_16);
    printf(
        "  the cache, at most: %.1f entries per head of %zu tokens at the end, %s; %s at its largest; every "
        "token at 16 bits takes %s\n",
        (double)cache->n_entries / (double)(model->n_layers * model->n_kv_heads), cache->n_tokens, words[0],
        words[1], words[2]);
}

static void tell(const rkv_session_needs *n, const run_inputs *inputs, const run_options *options,
                 const char *label) {
    const rkv_model_info *model = rkv_model_get_info(inputs->model);
    printf("%s: %zu token%s and %zu new under %s need ", inputs->name, inputs->n_tokens,
           inputs->n_tokens == 1 ? "" : "s", options->generate.n_tokens, label);
    dry_run_tell_session(n, model);
    tell_cache(&n->cache, model);
}

static void tell_json(const rkv_session_needs *all, size_t n, const run_inputs *inputs,
                      const run_options *options) {
    cli_json json = json_begin(stdout, "rankkv-dry-run");
    json_text(&json, "device", rkv_model_device(inputs->model));
    json_open(&json, "runs", '[');
    for (size_t i = 0; i < n; i++) {
        json_open(&json, NULL, '{');
        json_text(&json, "name", inputs->name);
        json_text(&json, "method", i ? "full" : run_method_label(inputs, options));
        json_count(&json, "n_tokens", inputs->n_tokens);
        json_count(&json, "new_tokens", options->generate.n_tokens);
        dry_run_json_session(&json, &all[i], rkv_model_get_info(inputs->model));
        json_close(&json, '}');
    }
    json_close(&json, ']');
    json_end(&json);
}

rkv_status run_dry_run(const run_inputs *inputs, const run_options *options) {
    rkv_session_needs needs[2];
    size_t n;
    rkv_status status = ask_all(needs, &n, inputs, options);
    if (!status && options->json) tell_json(needs, n, inputs, options);
    for (size_t i = 0; !status && !options->json && i < n; i++)
        tell(&needs[i], inputs, options, i ? "full" : run_method_label(inputs, options));
    if (!status) status = output_flush();
    return status ? status : judge(needs, n, inputs);
}

/* The host's memory is not asked for before the work: what it lacks it may swap. */
rkv_status run_check_memory(const run_inputs *inputs, const run_options *options) {
    rkv_session_needs needs[2];
    size_t n;
    if (strcmp(rkv_model_device(inputs->model), "cpu") == 0) return RKV_OK;
    rkv_status status = ask_all(needs, &n, inputs, options);
    return status ? status : judge(needs, n, inputs);
}
