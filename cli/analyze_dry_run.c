/* analyze_dry_run.c: `rankkv analyze --dry-run`: the memory that each prompt would take of the device. */
#include <stdlib.h>

#include "cli/analyze.h"
#include "cli/json.h"
#include "cli/message.h"
#include "cli/output.h"
#include "cli/summary.h"

/* What a prompt takes; known: false for a trace, and where the device does not foretell. */
typedef struct foretold {
    bool known;
    rkv_memory_needs needs;
} foretold;

static rkv_status ask(foretold *out, const cli_source *source, rkv_model *model,
                      const analyze_options *options) {
    rkv_analyze_options how = {.solver = options->solver, .aggregate = options->aggregate};
    if (source->trace) return RKV_OK;
    rkv_status status = rkv_analyze_needs(&out->needs, model, source->ids, source->n_tokens, &how);
    if (status == RKV_UNAVAILABLE) return RKV_OK;
    out->known = status == RKV_OK;
    return said(status);
}

static void tell_part(const char *label, size_t bytes) {
    char words[32];
    write_bytes(words, (double)bytes);
    printf("  %-26s %10s\n", label, words);
}

/* ", which has 130 GB free"; nothing where that is unknown. */
static void tell_free(size_t bytes) {
    char words[32];
    if (!bytes) return;
    write_bytes(words, (double)bytes);
    printf(", which has %s free", words);
}

static void tell(const cli_source *source, const char *device, const foretold *f) {
    char needed[32];
    const rkv_memory_needs *n = &f->needs;
    if (!f->known) {
        printf("%s: %zu tokens; memory is foretold for a model on a GPU alone\n", source->name,
               source->n_tokens);
        return;
    }
    write_bytes(needed, (double)n->needed_bytes);
    printf("%s: %zu tokens need %s (%zu bytes) of %s", source->name, source->n_tokens, needed,
           n->needed_bytes, device);
    tell_free(n->free_bytes);
    putchar('\n');
    tell_part(n->resident ? "weights, resident" : "weights, layer by layer", n->weights_bytes);
    tell_part("attention", n->attention_bytes);
    tell_part("activations", n->activations_bytes);
    tell_part("ranks and metrics", n->workspace_bytes);
}

static void tell_json(const cli_sources *sources, const char *device, const foretold *all) {
    cli_json json = json_begin(stdout, "rankkv-dry-run");
    json_text(&json, "device", device);
    json_open(&json, "prompts", '[');
    for (size_t i = 0; i < sources->n; i++) {
        const rkv_memory_needs *n = &all[i].needs;
        json_open(&json, NULL, '{');
        json_text(&json, "name", sources->at[i].name);
        json_count(&json, "n_tokens", sources->at[i].n_tokens);
        if (all[i].known) {
            json_count(&json, "needed_bytes", n->needed_bytes);
            if (n->free_bytes) json_count(&json, "free_bytes", n->free_bytes);
            json_bool(&json, "weights_resident", n->resident);
            json_count(&json, "weights_bytes", n->weights_bytes);
            json_count(&json, "attention_bytes", n->attention_bytes);
            json_count(&json, "activations_bytes", n->activations_bytes);
            json_count(&json, "workspace_bytes", n->workspace_bytes);
        }
        json_close(&json, '}');
    }
    json_close(&json, ']');
    json_end(&json);
}

/* The first prompt that does not fit. */
static rkv_status judge(const cli_sources *sources, const char *device, const foretold *all) {
    for (size_t i = 0; i < sources->n; i++) {
        const rkv_memory_needs *n = &all[i].needs;
        if (all[i].known && n->free_bytes && n->needed_bytes > n->free_bytes)
            return complain(RKV_NO_MEMORY, "%s: needs %zu bytes of the memory of %s, where %zu are free",
                            sources->at[i].name, n->needed_bytes, device, n->free_bytes);
    }
    return RKV_OK;
}

rkv_status analyze_dry_run(const cli_sources *sources, const analyze_options *options) {
    const char *device = sources->model ? rkv_model_device(sources->model) : options->device;
    foretold *all = calloc(sources->n + 1, sizeof *all);
    rkv_status status = all ? RKV_OK : complain(RKV_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < sources->n && !status; i++)
        status = ask(&all[i], &sources->at[i], sources->model, options);
    if (!status && options->json) tell_json(sources, device, all);
    for (size_t i = 0; i < sources->n && !status && !options->json; i++)
        tell(&sources->at[i], device, &all[i]);
    if (!status) status = output_flush();
    if (!status) status = judge(sources, device, all);
    free(all);
    return status;
}
