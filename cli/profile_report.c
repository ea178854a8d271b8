/* profile_report.c: a profile on paper: its signals, and the heads that they point at. */
#include "cli/profile_report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/bar.h"
#include "cli/message.h"
#include "cli/reading.h"
#include "cli/terminal.h"

rkv_status profile_deliver(const rkv_profile *profile, const char *path, bool as_json) {
    bool to_stdout = path && strcmp(path, "-") == 0;
    char *document = NULL;
    rkv_status status = RKV_OK;
    if (path && !to_stdout) status = said(rkv_profile_save(profile, path));
    if (status || !(as_json || to_stdout)) return status;
    status = said(rkv_profile_to_json(profile, &document));
    if (!status) fputs(document, stdout);
    rkv_free(document);
    return status;
}

/* ---- signals ---- */

static size_t count_values(const rkv_profile *profile, const rkv_signal *signal) {
    const rkv_model_info *model = &profile->model;
    return model->n_layers * (signal->per_kv_head ? model->n_kv_heads : model->n_heads);
}

static void list_signal(FILE *out, const rkv_profile *profile, const rkv_signal *signal, size_t width) {
    size_t n = count_values(profile, signal);
    static const rkv_aggregate shown[] = {RKV_AGGREGATE_MIN, RKV_AGGREGATE_MEDIAN, RKV_AGGREGATE_MAX};
    fprintf(out, "%-*s", (int)width, signal->name);
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
        fprintf(out, "  %8.4g", rkv_aggregate_values(shown[i], signal->values, n));
    fprintf(out, "  %s\n%*s  %s", signal->per_kv_head ? "KV head" : "head", (int)width, "",
            terminal_style(out, STYLE_DIM));
    write_printable(out, signal->summary, strlen(signal->summary)); /* from a file: it may hold anything */
    fputs(*signal->summary && *signal->origin ? "; " : "", out);
    write_printable(out, signal->origin, strlen(signal->origin));
    fprintf(out, "%s\n", terminal_style(out, STYLE_PLAIN));
}

void profile_list(FILE *out, const rkv_profile *profile) {
    size_t width = strlen("signal");
    for (size_t i = 0; i < profile->n_signals; i++)
        if (strlen(profile->signals[i].name) > width) width = strlen(profile->signals[i].name);
    fprintf(out, "%s%-*s  %8s  %8s  %8s  per%s\n", terminal_style(out, STYLE_BOLD), (int)width, "signal",
            "least", "median", "most", terminal_style(out, STYLE_PLAIN));
    for (size_t i = 0; i < profile->n_signals; i++)
        list_signal(out, profile, &profile->signals[i], width);
    const rkv_calibration *c = profile->calibration;
    if (!c) return;
    fputs("calibrated for ", out);
    write_printable(out, c->method, strlen(c->method));
    fprintf(out, " at %.10g: ", c->ratio);
    write_printable(out, c->budget, strlen(c->budget));
    fputc('\n', out);
}

/* ---- heads ---- */

/* The columns of the table of heads: signals of the probe, then metrics of an analysis. */
static const struct column {
    const char *title, *name;
    int digits;
} found[] = {{"retr", "retr", 3},
             {"spread", "retr_spread", 3},
             {"duplicate", "retr_duplicate", 3},
             {"induction", "retr_induction", 3}},
  on_prompt[] = {{"erank", "erank", 1}, {"sink_4", "sink_4", 3}, {"local_32", "local_32", 3}};
enum { N_FOUND = sizeof found / sizeof *found, N_ON_PROMPT = sizeof on_prompt / sizeof *on_prompt };

enum { RETR_BAR = 16, COLUMN = 9 };

static void write_value(FILE *out, const struct column *column, const double *values, size_t head) {
    if (values)
        fprintf(out, "  %*.*f", COLUMN, column->digits, values[head]);
    else
        fprintf(out, "  %*s", COLUMN, "-");
}

static void write_row(FILE *out, const rkv_profile *profile, const rkv_analysis *analysis, size_t head,
                      double most) {
    size_t H = profile->model.n_heads;
    fprintf(out, "%5zu  %4zu", head / H, head % H);
    for (size_t i = 0; i < N_FOUND; i++) {
        const rkv_signal *signal = rkv_profile_find(profile, found[i].name);
        write_value(out, &found[i], signal && !signal->per_kv_head ? signal->values : NULL, head);
    }
    for (size_t i = 0; analysis && i < N_ON_PROMPT; i++)
        write_value(out, &on_prompt[i], analysis->metric[rkv_metric_find(on_prompt[i].name)], head);
    if (!analysis) {
        fputs("  ", out);
        bar_write(out, most > 0 ? rkv_profile_find(profile, "retr")->values[head] / most : 0, RETR_BAR);
    }
    fputc('\n', out);
}

/* What the table shows, in words, from all heads of the model. */
static void say_relation(FILE *out, const double *retr, const rkv_analysis *analysis) {
    size_t n = analysis->model.n_layers * analysis->model.n_heads, width = terminal_width(out);
    double rho = analysis->metric[RKV_ERANK] ? reading_spearman(retr, analysis->metric[RKV_ERANK], n) : NAN;
    char words[512];
    if (isnan(rho)) return;
    snprintf(
        words, sizeof words,
        rho < 0
            ? "Heads that find earlier text again rest on the first tokens while there is nothing to find, "
              "so their effective rank on ordinary text is low: over the %zu heads retr goes against "
              "rank (Spearman %+.2f). Budgets that grow with rank take from them."
            : "Over the %zu heads retr does not go against rank on this prompt (Spearman %+.2f).",
        n, rho);
    fputc('\n', out);
    write_wrapped(out, words, width < 100 ? width : 100, 0);
}

/* The heads of the highest values, the highest first; ties: the first head first. */
static rkv_status rank_heads(const double *values, size_t n, size_t n_shown, size_t **heads) {
    bool *taken = calloc(n + 1, sizeof *taken);
    *heads = calloc(n_shown + 1, sizeof **heads);
    bool ok = taken && *heads;
    for (size_t i = 0; ok && i < n_shown; i++) {
        size_t best = 0;
        for (size_t h = 0; h < n; h++)
            if (!taken[h] && (taken[best] || values[h] > values[best])) best = h;
        taken[best] = true;
        (*heads)[i] = best;
    }
    free(taken);
    return ok ? RKV_OK : complain(RKV_NO_MEMORY, "out of memory");
}

rkv_status profile_heads(FILE *out, const rkv_profile *profile, const rkv_analysis *analysis, size_t n) {
    const rkv_signal *retr = rkv_profile_find(profile, "retr");
    size_t *heads = NULL, n_heads = count_values(profile, retr);
    rkv_status status = analysis ? said(rkv_profile_check_model(profile, &analysis->model)) : RKV_OK;
    n = n < n_heads ? n : n_heads;
    if (!status) status = rank_heads(retr->values, n_heads, n, &heads);
    if (status) return status;
    fprintf(out, "%slayer  head", terminal_style(out, STYLE_BOLD));
    for (size_t i = 0; i < N_FOUND; i++)
        fprintf(out, "  %*s", COLUMN, found[i].title);
    for (size_t i = 0; analysis && i < N_ON_PROMPT; i++)
        fprintf(out, "  %*s", COLUMN, on_prompt[i].title);
    fprintf(out, "%s\n", terminal_style(out, STYLE_PLAIN));
    for (size_t i = 0; i < n; i++)
        write_row(out, profile, analysis, heads[i], retr->values[heads[0]]);
    if (analysis) say_relation(out, retr->values, analysis);
    free(heads);
    return RKV_OK;
}

/* ---- layers ---- */

void profile_layers(FILE *out, const rkv_profile *profile, const char *name, const char *of_layer) {
    const rkv_signal *heads = rkv_profile_find(profile, name), *layers = rkv_profile_find(profile, of_layer);
    size_t L = profile->model.n_layers, G = profile->model.n_kv_heads;
    int width = (int)strlen(of_layer);
    double most = rkv_aggregate_values(RKV_AGGREGATE_MAX, layers->values, L * G);
    fputs(terminal_style(out, STYLE_BOLD), out);
    write_printable(out, layers->origin, strlen(layers->origin));
    fprintf(out, "%s\n\n%slayer  %s  %*s  %s, each KV head alone%s\n", terminal_style(out, STYLE_PLAIN),
            terminal_style(out, STYLE_BOLD), of_layer, RETR_BAR, "", name, terminal_style(out, STYLE_PLAIN));
    for (size_t l = 0; l < L; l++) {
        fprintf(out, "%5zu  %*.4f  ", l, width, layers->values[l * G]);
        int left = bar_write(out, most > 0 ? layers->values[l * G] / most : 0, RETR_BAR);
        fprintf(out, "%*s", left, "");
        for (size_t g = 0; g < G; g++)
            fprintf(out, "  %.4f", heads->values[l * G + g]);
        fputc('\n', out);
    }
}
