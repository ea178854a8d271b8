/* run_report.c: a generation in figures: the summary, the heads, the layers. */
#include <string.h>

#include "cli/run.h"
#include "cli/summary.h"
#include "cli/terminal.h"

enum { LABEL_COLUMNS = 8, MB = 1000000 };

/* ---- heads ---- */

void run_report_heads(FILE *out, const rkv_session *session, const rkv_model_info *model) {
    rkv_cache_stats stats;
    rkv_head_cache head;
    if (rkv_session_get_stats(session, &stats)) return;
    for (size_t l = 0; l < model->n_layers; l++)
        for (size_t g = 0; g < model->n_kv_heads; g++)
            if (rkv_session_get_head(session, l, g, &head) == RKV_OK && *head.note)
                fprintf(out, "layer %zu head %zu [%s] %zu -> %zu\n", l, g, head.note, stats.n_tokens, head.n);
}

/* ---- summary ---- */

static void write_label(FILE *out, const char *label) {
    fprintf(out, "%s%-*s%s ", terminal_style(out, STYLE_BOLD), LABEL_COLUMNS, label,
            terminal_style(out, STYLE_PLAIN));
}

static void write_method(FILE *out, const char *label) {
    write_label(out, "method");
    write_printable(out, label, strlen(label)); /* it may come from a file */
    fputc('\n', out);
}

static void write_times(FILE *out, const run_result *result, const run_inputs *inputs) {
    write_label(out, "prompt");
    fprintf(out, "%zu token%s, read in %.2f s; first token after %.2f s\n", inputs->n_tokens,
            inputs->n_tokens == 1 ? "" : "s", result->stats.prefill_s, result->first_s);
    write_label(out, "text");
    fprintf(out, "%zu new token%s", result->n, result->n == 1 ? "" : "s");
    if (result->n > 1 && result->decode_s > 0)
        fprintf(out, ", %.1f per second", (double)(result->n - 1) / result->decode_s);
    fprintf(out, "%s\n", result->stopped ? ", stopped" : result->ended ? ", ended by the model" : "");
}

/* Smallest and largest value of one field over all heads. */
typedef struct span {
    size_t least, most;
} span;

static span span_of(const run_head *heads, size_t n, size_t offset) {
    span s = {SIZE_MAX, 0};
    for (size_t i = 0; i < n; i++) {
        size_t value;
        memcpy(&value, (const char *)&heads[i] + offset, sizeof value);
        if (value < s.least) s.least = value;
        if (value > s.most) s.most = value;
    }
    return s;
}

static void write_entries(FILE *out, const run_result *result, const rkv_model_info *model) {
    size_t n = model->n_layers * model->n_kv_heads;
    span held = span_of(result->heads, n, offsetof(run_head, n));
    span budget = span_of(result->heads, n, offsetof(run_head, budget));
    write_label(out, "entries");
    fprintf(out, "%.1f per head", (double)result->stats.n_entries / (double)n);
    if (held.least != held.most) fprintf(out, " (%zu to %zu)", held.least, held.most);
    fprintf(out, " of %zu tokens", result->stats.n_tokens);
    if (budget.most == SIZE_MAX) /* no limit */
        fputc('\n', out);
    else if (budget.least == budget.most)
        fprintf(out, "; budget %zu\n", budget.least);
    else
        fprintf(out, "; budget %zu to %zu\n", budget.least, budget.most);
}

static void write_part(FILE *out, const char *before, size_t bytes, const char *what) {
    char text[32];
    write_bytes(text, (double)bytes);
    fprintf(out, "%s%s %s", before, text, what);
}

/* What is allocated, and for what: what is neither keys and values nor state is positions. */
static void write_memory(FILE *out, const rkv_cache_stats *stats) {
    write_label(out, "memory");
    write_part(out, "", stats->allocated_bytes, "allocated");
    write_part(out, ": ", stats->kv_bytes, "keys and values");
    write_part(out, ", ", stats->allocated_bytes - stats->kv_bytes - stats->state_bytes, "positions");
    if (stats->state_bytes) write_part(out, ", ", stats->state_bytes, "to score with");
    write_part(out, "; ", stats->peak_bytes, "at most\n");
}

/* Every token in an ordinary cache of 16 bits and in one of float32, and how many times what is allocated
 * that is. */
static void write_ordinary(FILE *out, const rkv_cache_stats *stats) {
    double ours = (double)stats->allocated_bytes, ratio = ours > 0 ? (double)stats->full_bytes_16 / ours : 0;
    fprintf(out, "%*s", LABEL_COLUMNS + 1, "");
    write_part(out, "every token takes ", stats->full_bytes_16, "at 16 bits");
    fprintf(out, ", %.2f times that", ratio);
    write_part(out, "; ", 2 * stats->full_bytes_16, "in float32");
    fprintf(out, ", %.2f times\n", 2 * ratio);
}

void run_report_summary(FILE *out, const run_result *result, const run_inputs *inputs, const char *label) {
    write_method(out, label);
    write_times(out, result, inputs);
    write_entries(out, result, rkv_model_get_info(inputs->model));
    write_memory(out, &result->stats);
    write_ordinary(out, &result->stats);
}

/* ---- layers ---- */

/* One row: entries per head, every token in float32, what is held, and ratios to that and to 16 bits. */
static void write_layer(FILE *out, double entries, double raw, double compressed) {
    double ratio = compressed > 0 ? raw / compressed : 0;
    fprintf(out, "  %8.1f  %8.3f  %13.3f  %6.2f  %10.2f\n", entries, raw / MB, compressed / MB, ratio,
            ratio / 2);
}

void run_report_layers(FILE *out, const run_result *result, const rkv_model_info *model) {
    size_t L = model->n_layers, G = model->n_kv_heads;
    double raw = 2 * (double)result->stats.full_bytes_16 / (double)L, all = 0;
    fprintf(out, "%slayer   entries    raw MB  compressed MB   ratio  to 16 bits%s\n",
            terminal_style(out, STYLE_BOLD), terminal_style(out, STYLE_PLAIN));
    for (size_t l = 0; l < L; l++) {
        size_t entries = 0, bytes = 0;
        for (size_t g = 0; g < G; g++) {
            entries += result->heads[l * G + g].n;
            bytes += result->heads[l * G + g].bytes;
        }
        all += (double)bytes;
        fprintf(out, "%5zu", l);
        write_layer(out, (double)entries / (double)G, raw, (double)bytes);
    }
    fputs(" mean", out);
    write_layer(out, (double)result->stats.n_entries / (double)(L * G), raw, all / (double)L);
}
