/* analyze_dry_run.c: `rankkv analyze --dry-run`: the memory that each prompt would take of the device. */
#include <stdlib.h>

#include "cli/analyze.h"
#include "cli/dry_run.h"
#include "cli/message.h"
#include "cli/output.h"

/* What a source takes of each device; n_devices 0: a trace, or the device does not foretell. */
typedef struct foretold {
    rkv_memory_needs *devices; /* [n_devices] */
    size_t n_devices;
} foretold;

/* ---- asking ---- */

static rkv_status ask(foretold *out, rkv_model *model, const rkv_prompt *prompt, bool alone) {
    rkv_status status = rkv_analyze_device_needs(&out->devices, &out->n_devices, model, prompt, alone);
    return status == RKV_UNAVAILABLE ? RKV_OK : said(status);
}

/* n prompts: as many as can be are read by one device each, the others by all. */
static rkv_status ask_prompts(foretold *out, const cli_sources *sources, size_t first, size_t n,
                              const analyze_options *options) {
    rkv_analyze_options how = {
        .solver = options->solver, .aggregate = options->aggregate, .on_layer = watcher_of(options)};
    rkv_prompt *prompts = calloc(n, sizeof *prompts);
    char reason[512];
    size_t lanes;
    if (!prompts) return complain(RKV_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < n; i++)
        prompts[i] = (rkv_prompt){sources->at[first + i].ids, sources->at[first + i].n_tokens, how};
    rkv_status status = said(rkv_analyze_lanes(&lanes, sources->model, prompts, n, reason, sizeof reason));
    if (!status && *reason) note("%s", reason);
    for (size_t i = 0; i < n && !status; i++)
        status = ask(&out[first + i], sources->model, &prompts[i], lanes > 1 && i < n - n % lanes);
    free(prompts);
    return status;
}

static rkv_status ask_all(foretold *out, const cli_sources *sources, const analyze_options *options) {
    rkv_status status = RKV_OK;
    for (size_t i = 0, n; i < sources->n && !status; i += n) {
        n = sources_together(sources, i);
        if (!sources->at[i].trace) status = ask_prompts(out, sources, i, n, options);
    }
    return status;
}

/* ---- telling ---- */

static void tell(const cli_source *source, const foretold *f) {
    printf("%s: %zu tokens", source->name, source->n_tokens);
    if (!f->n_devices) puts("; memory is foretold for a model on a GPU alone");
    for (size_t i = 0; i < f->n_devices; i++) {
        fputs(i == 0 ? " need " : "  and ", stdout);
        dry_run_tell_analysis(&f->devices[i]);
    }
}

/* The first device's needs are the prompt's own; where there are several, a list has them all. */
static void tell_json(const cli_sources *sources, const char *device, const foretold *all) {
    cli_json json = json_begin(stdout, "rankkv-dry-run");
    json_text(&json, "device", device);
    json_open(&json, "prompts", '[');
    for (size_t i = 0; i < sources->n; i++) {
        json_open(&json, NULL, '{');
        json_text(&json, "name", sources->at[i].name);
        json_count(&json, "n_tokens", sources->at[i].n_tokens);
        if (all[i].n_devices) dry_run_json_analysis(&json, all[i].devices);
        if (all[i].n_devices > 1) json_open(&json, "devices", '[');
        for (size_t d = 0; d < all[i].n_devices && all[i].n_devices > 1; d++) {
            json_open(&json, NULL, '{');
            json_text(&json, "device", all[i].devices[d].device);
            dry_run_json_analysis(&json, &all[i].devices[d]);
            json_close(&json, '}');
        }
        if (all[i].n_devices > 1) json_close(&json, ']');
        json_close(&json, '}');
    }
    json_close(&json, ']');
    json_end(&json);
}

/* The first prompt that does not fit. */
static rkv_status judge(const cli_sources *sources, const foretold *all) {
    rkv_status status = RKV_OK;
    for (size_t i = 0; i < sources->n; i++)
        for (size_t d = 0; !status && d < all[i].n_devices; d++) {
            const rkv_memory_needs *n = &all[i].devices[d];
            status = dry_run_judge(sources->at[i].name, n->needed_bytes, n->free_bytes, n->device);
        }
    return status;
}

rkv_status analyze_dry_run(const cli_sources *sources, const analyze_options *options) {
    const char *device = sources->model ? rkv_model_device(sources->model) : options->device;
    foretold *all = calloc(sources->n + 1, sizeof *all);
    rkv_status status = all ? ask_all(all, sources, options) : complain(RKV_NO_MEMORY, "out of memory");
    if (!status && options->json) tell_json(sources, device, all);
    for (size_t i = 0; i < sources->n && !status && !options->json; i++)
        tell(&sources->at[i], &all[i]);
    if (!status) status = output_flush();
    if (!status) status = judge(sources, all);
    for (size_t i = 0; all && i < sources->n; i++)
        rkv_free(all[i].devices);
    free(all);
    return status;
}
