/* eval_dry_run.c: `rankkv eval --dry-run`: the memory that an evaluation would take, with all the caches that
 * it holds at once. */
#include <stdio.h>

#include "cli/dry_run.h"
#include "cli/eval.h"
#include "cli/message.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/summary.h"

rkv_status eval_foretell(eval_foretold *f, const eval_options *options) {
    progress_bar bar;
    const eval_inputs *in = f->inputs;
    rkv_eval_options how = eval_how(in, options);
    how.progress = progress_begin(&bar, "memory", options->quiet || options->json);
    rkv_status status =
        said(rkv_eval_foretell(&f->needs, in->model, &in->windows, in->settings, in->n_settings, &how));
    progress_erase();
    return status;
}

/* ---- telling ---- */

static void tell_caches(const eval_foretold *f) {
    const rkv_eval_needs *n = &f->needs;
    const rkv_setting *s = &f->inputs->settings[n->largest];
    char limit[32], largest[32], free_host[32];
    write_bytes(limit, (double)n->limit_bytes);
    write_bytes(largest, (double)n->memory.cache.peak_bytes);
    write_bytes(free_host, (double)n->host_free_bytes);
    if (n->memory.host_bytes && n->host_free_bytes) printf("  the host has %s free\n", free_host);
    printf("  %zu cache%s held at once, within %s (--memory); the largest, %s, under %s", n->n_sessions,
           n->n_sessions == 1 ? " is" : "s are", limit, largest, s->method);
    if (s->budget) printf(" and %s", s->budget);
    if (s->entries)
        printf(", %zu entries per head\n", s->entries);
    else
        printf(" at ratio %g\n", s->ratio);
}

void eval_foretold_tell(const eval_foretold *f) {
    const eval_inputs *in = f->inputs;
    printf("%s: %zu window%s under %zu setting%s, %zu cell%s, need ", f->name, in->windows.n,
           in->windows.n == 1 ? "" : "s", in->n_settings, in->n_settings == 1 ? "" : "s", f->needs.n_cells,
           f->needs.n_cells == 1 ? "" : "s");
    dry_run_tell_session(&f->needs.memory, rkv_model_get_info(in->model));
    tell_caches(f);
}

static void write_setting(cli_json *json, const rkv_setting *s) {
    json_open(json, "largest", '{');
    json_text(json, "protocol", rkv_protocol_name(s->protocol));
    json_text(json, "method", s->method);
    json_text(json, "budget", s->budget);
    if (s->entries)
        json_count(json, "entries", s->entries);
    else
        json_number(json, "ratio", s->ratio);
    json_close(json, '}');
}

void eval_foretold_json(cli_json *json, const eval_foretold *f) {
    const rkv_eval_needs *n = &f->needs;
    json_open(json, NULL, '{');
    json_text(json, "name", f->name);
    json_count(json, "windows", f->inputs->windows.n);
    json_count(json, "settings", f->inputs->n_settings);
    json_count(json, "cells", n->n_cells);
    json_count(json, "caches_at_once", n->n_sessions);
    json_count(json, "caches_limit_bytes", n->limit_bytes);
    dry_run_json_session(json, &n->memory, rkv_model_get_info(f->inputs->model));
    if (n->host_free_bytes) json_count(json, "host_free_bytes", n->host_free_bytes);
    write_setting(json, &f->inputs->settings[n->largest]);
    json_close(json, '}');
}

rkv_status eval_foretold_judge(const eval_foretold *f) {
    const rkv_session_needs *n = &f->needs.memory;
    rkv_status status = dry_run_judge(f->name, n->needed_bytes, n->free_bytes, n->device);
    if (status || !n->host_bytes) return status;
    return dry_run_judge(f->name, n->host_bytes, f->needs.host_free_bytes, "the host");
}

rkv_status eval_dry_run(const eval_inputs *inputs, const eval_options *options) {
    eval_foretold f = {.name = "evaluation", .inputs = inputs};
    rkv_status status = eval_foretell(&f, options);
    if (status) return status;
    if (options->json) {
        cli_json json = json_begin(stdout, "rankkv-dry-run");
        json_text(&json, "device", rkv_model_device(inputs->model));
        json_open(&json, "evaluations", '[');
        eval_foretold_json(&json, &f);
        json_close(&json, ']');
        json_end(&json);
    } else {
        eval_foretold_tell(&f);
    }
    status = output_flush();
    return status ? status : eval_foretold_judge(&f);
}
