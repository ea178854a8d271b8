/* eval_columns.c: the columns of the table of an evaluation: what a row says in each. */
#include "cli/eval_columns.h"

#include <math.h>
#include <stdio.h>

#define MIB 1048576.0

static void show(char text[EVAL_CELL_SIZE], const char *format, double value) {
    if (isfinite(value))
        snprintf(text, EVAL_CELL_SIZE, format, value);
    else
        *text = '\0';
}

static void show_interval(char text[EVAL_CELL_SIZE], const char *format, double low, double high) {
    *text = '\0';
    if (isfinite(low) && isfinite(high)) snprintf(text, EVAL_CELL_SIZE, format, low, high);
}

/* Whether a question is answered or not says more where the answer is a few tokens that are right or wrong.
 */
static bool asks_for_answers(const rkv_eval_row *row) {
    return row->task == RKV_TASK_PASSKEY || row->task == RKV_TASK_RECALL;
}

static void kept(char text[EVAL_CELL_SIZE], const eval_entry *e) {
    show(text, "%.1f %%", 100 * e->row->entries / e->full_entries);
}

static void mebibytes(char text[EVAL_CELL_SIZE], const eval_entry *e) {
    show(text, "%.2f", e->row->bytes / MIB);
}

static void loss(char text[EVAL_CELL_SIZE], const eval_entry *e) {
    show(text, "%.3f", e->row->loss);
}

static void loss_interval(char text[EVAL_CELL_SIZE], const eval_entry *e) {
    show_interval(text, "[%.3f, %.3f]", e->row->loss_low, e->row->loss_high);
}

static void perplexity(char text[EVAL_CELL_SIZE], const eval_entry *e) {
    show(text, e->row->perplexity < 1000 ? "%.2f" : "%.3g", e->row->perplexity);
}

static void accuracy(char text[EVAL_CELL_SIZE], const eval_entry *e) {
    show(text, "%.1f %%", asks_for_answers(e->row) ? NAN : 100 * e->row->accuracy);
}

static void exact(char text[EVAL_CELL_SIZE], const eval_entry *e) {
    show(text, "%.0f %%", asks_for_answers(e->row) ? 100 * e->row->exact : NAN);
}

static void exact_interval(char text[EVAL_CELL_SIZE], const eval_entry *e) {
    double unknown = asks_for_answers(e->row) ? 0 : NAN;
    show_interval(text, "[%.0f, %.0f]", 100 * e->row->exact_low + unknown,
                  100 * e->row->exact_high + unknown);
}

static void divergence(char text[EVAL_CELL_SIZE], const eval_entry *e) {
    show(text, "%.4f", e->row->kl);
}

static void agreement(char text[EVAL_CELL_SIZE], const eval_entry *e) {
    show(text, "%.1f %%", 100 * e->row->agreement);
}

static void difference(char text[EVAL_CELL_SIZE], const eval_entry *e) {
    const rkv_paired *d = &e->row->against_uniform;
    int length = 0;
    *text = '\0';
    if (isfinite(d->mean)) length = snprintf(text, EVAL_CELL_SIZE, "%+.3f", d->mean);
    if (isfinite(d->low) && length < EVAL_CELL_SIZE)
        snprintf(text + length, (size_t)(EVAL_CELL_SIZE - length), " [%+.3f, %+.3f]", d->low, d->high);
}

static void wins(char text[EVAL_CELL_SIZE], const eval_entry *e) {
    const rkv_paired *d = &e->row->against_uniform;
    *text = '\0';
    if (isfinite(d->mean)) snprintf(text, EVAL_CELL_SIZE, "%zu/%zu", d->n_below, d->n_above);
}

static void chance(char text[EVAL_CELL_SIZE], const eval_entry *e) {
    double p = e->row->against_uniform.p;
    show(text, p < 0.001 ? "<.001" : "%.3f", p);
}

/* Budgets are the same sums of entries; where their bytes differ by so much, a verdict compares unequals. */
#define UNEQUAL_PERCENT 1

static void verdict(char text[EVAL_CELL_SIZE], const eval_entry *e) {
    double more = 100 * (e->row->bytes_of_uniform - 1);
    int length = snprintf(text, EVAL_CELL_SIZE, "%s", e->row->verdict);
    if (fabs(more) >= UNEQUAL_PERCENT && length < EVAL_CELL_SIZE)
        snprintf(text + length, (size_t)(EVAL_CELL_SIZE - length), "; %+.0f %% bytes", more);
}

const eval_column eval_columns[EVAL_COLUMNS] = {
    {"kept", "kept", "entries of the full cache that are left", 5, false, kept},
    {"MiB", "MiB", "measured size of the cache", 3, false, mebibytes},
    {"loss", "loss", "nats per token", 0, false, loss},
    {"95 %", "interval of loss", "bootstrap interval over windows", 11, true, loss_interval},
    {"ppl", "ppl", "perplexity", 10, false, perplexity},
    {"right", "right", "tokens that were the likeliest", 4, false, accuracy},
    {"exact", "exact", "questions answered without a wrong token", 1, false, exact},
    {"95 %", "interval of exact", "bootstrap interval over windows", 7, true, exact_interval},
    {"KL", "KL", "divergence from the full cache's predictions, nats", 6, false, divergence},
    {"agree", "agree", "tokens whose likeliest is the full cache's", 9, false, agreement},
    {"- uniform [95 %]", "- uniform", "loss less that of uniform budgets, all else equal, and its interval",
     1, true, difference},
    {"w/l", "w/l", "windows won and lost against uniform", 7, false, wins},
    {"p", "p", "of the sign test on these", 8, false, chance},
    {"verdict", "verdict", NULL, 2, true, verdict},
};
