/* calibrate_report.c: what a calibration chose, and how it did on other windows. */
#include <math.h>
#include <stdlib.h>

#include "cli/calibrate.h"
#include "cli/json.h"
#include "cli/terminal.h"

enum { SHOWN = 10 };

/* ---- candidates by loss ---- */

typedef struct ranked {
    const char *budget;
    double loss;
} ranked;

static int by_loss(const void *a, const void *b) {
    double x = ((const ranked *)a)->loss, y = ((const ranked *)b)->loss;
    return (x > y) - (x < y);
}

static void write_candidates(FILE *out, const rkv_results *r, double uniform) {
    size_t n = r->n_settings - 1;
    ranked *all = calloc(n, sizeof *all);
    if (!all) return;
    for (size_t i = 0; i < n; i++)
        all[i] = (ranked){r->settings[i + 1].budget, rkv_results_loss(r, i + 1)};
    qsort(all, n, sizeof *all, by_loss);
    fprintf(out, "%sbest of %zu budgets on the calibration windows%s\n\n", terminal_style(out, STYLE_BOLD), n,
            terminal_style(out, STYLE_PLAIN));
    fprintf(out, "   loss   to uniform  budget\n");
    for (size_t i = 0; i < n && i < SHOWN; i++)
        fprintf(out, "%7.4f  %+10.4f  %s\n", all[i].loss, all[i].loss - uniform, all[i].budget);
    free(all);
}

/* ---- the judgement ---- */

static void write_comparison(FILE *out, const char *with, const rkv_paired *d) {
    fprintf(out, "to %-8s %+.4f nats", with, d->mean);
    if (isfinite(d->low)) fprintf(out, " [%+.4f, %+.4f]", d->low, d->high); /* one window has none */
    fprintf(out, ", lower on %zu of %zu window%s, p %.3f: %s\n", d->n_below, d->n, d->n == 1 ? "" : "s", d->p,
            rkv_paired_verdict(d));
}

void calibrate_report_write(FILE *out, const calibrate_outcome *o, const calibrate_options *options) {
    write_candidates(out, o->candidates, o->uniform_loss);
    fprintf(out, "\n%s%s%s for %s at %g, judged on %zu other window%s\n\n", terminal_style(out, STYLE_BOLD),
            o->budget, terminal_style(out, STYLE_PLAIN), options->method, options->ratio,
            o->against_uniform.n, o->against_uniform.n == 1 ? "" : "s");
    write_comparison(out, "uniform", &o->against_uniform);
    if (o->ada != SIZE_MAX) write_comparison(out, "AdaKV", &o->against_ada);
    if (o->n_shuffles) fprintf(out, "lower than %zu of %zu shuffles of itself\n", o->n_beaten, o->n_shuffles);
}

/* ---- JSON ---- */

static void write_paired(cli_json *json, const char *key, const rkv_paired *d) {
    json_open(json, key, '{');
    json_count(json, "n", d->n);
    json_count(json, "n_below", d->n_below);
    json_count(json, "n_above", d->n_above);
    json_number(json, "mean", d->mean);
    json_number(json, "low", d->low);
    json_number(json, "high", d->high);
    json_number(json, "p", d->p);
    json_close(json, '}');
}

void calibrate_json_write(FILE *out, const calibrate_outcome *o, const calibrate_options *options) {
    const rkv_results *r = o->candidates;
    cli_json json = json_begin(out, "rankkv-calibration");
    json_text(&json, "method", options->method);
    json_number(&json, "ratio", options->ratio);
    json_text(&json, "budget", o->budget);
    json_number(&json, "loss", o->loss);
    json_number(&json, "uniform_loss", o->uniform_loss);
    json_count(&json, "n_windows", o->n_windows);
    json_open(&json, "candidates", '[');
    for (size_t s = 1; s < r->n_settings; s++) {
        json_open(&json, NULL, '{');
        json_text(&json, "budget", r->settings[s].budget);
        json_number(&json, "loss", rkv_results_loss(r, s));
        json_close(&json, '}');
    }
    json_close(&json, ']');
    write_paired(&json, "against_uniform", &o->against_uniform);
    if (o->ada != SIZE_MAX) write_paired(&json, "against_ada", &o->against_ada);
    json_count(&json, "n_shuffles", o->n_shuffles);
    json_count(&json, "n_beaten", o->n_beaten);
    json_end(&json);
}
