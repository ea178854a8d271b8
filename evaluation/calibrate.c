/* calibrate.c: budgets to choose among, and the choice. */
#include <math.h>
#include <string.h>

#include <rankkv/eval.h>

#include "core/fail.h"
#include "core/memory.h"
#include "core/text.h"
#include "io/number.h"

/* ---- candidates ---- */

typedef struct list {
    char **specs;
    size_t n, capacity;
} list;

static rkv_status add(list *l, rkv_text *text) {
    char *spec = NULL;
    rkv_status status = rkv_text_finish(text, &spec);
    if (!status) status = rkv_grow(&l->specs, &l->capacity, l->n + 1, sizeof *l->specs);
    if (status)
        free(spec);
    else
        l->specs[l->n++] = spec;
    return status;
}

static rkv_status add_power(list *l, const char *signal, double exponent, double floor, const char *by) {
    rkv_text text = {0};
    rkv_text_printf(&text, "power:signal=%s,exponent=", signal);
    rkv_text_add_number(&text, exponent);
    rkv_text_printf(&text, ",floor=");
    rkv_text_add_number(&text, floor);
    rkv_text_printf(&text, ",by=%s", by);
    return add(l, &text);
}

static rkv_status add_top(list *l, const char *signal, size_t k, const char *by) {
    rkv_text text = {0};
    rkv_text_printf(&text, "top-k:signal=%s,top_k=%zu,by=%s", signal, k, by);
    return add(l, &text);
}

/* n_units share the budget. What is kept whole may take nine tenths of it: the others need something. */
static rkv_status add_signal(list *l, const rkv_candidates *c, const char *signal, const char *by,
                             size_t n_units, double ratio) {
    rkv_status status = RKV_OK;
    for (size_t e = 0; !status && e < c->n_exponents; e++)
        for (size_t f = 0; !status && f < c->n_floors; f++)
            status = add_power(l, signal, c->exponents[e], c->floors[f], by);
    for (size_t s = 0; !status && s < c->n_shares; s++) {
        size_t k = (size_t)llround(c->shares[s] * (double)n_units);
        if (k > 0 && (double)k <= 0.9 * ratio * (double)n_units) status = add_top(l, signal, k, by);
    }
    return status;
}

rkv_status rkv_candidates_list(const rkv_candidates *c, const rkv_model_info *model, double ratio,
                               char ***specs, size_t *n) {
    list l = {0};
    rkv_text uniform = {0};
    size_t L = model->n_layers, G = model->n_kv_heads;
    rkv_text_printf(&uniform, "uniform");
    rkv_status status = add(&l, &uniform);
    for (size_t s = 0; !status && s < c->n_signals; s++) {
        if (c->by_layer) status = add_signal(&l, c, c->signals[s], "layer", L, ratio);
        if (!status && c->by_head) status = add_signal(&l, c, c->signals[s], "head", L * G, ratio);
    }
    for (size_t i = 0; status && i < l.n; i++)
        free(l.specs[i]);
    if (status) free(l.specs);
    *specs = status ? NULL : l.specs;
    *n = status ? 0 : l.n;
    return status;
}

rkv_status rkv_budget_spec_shuffle(const char *spec, uint64_t seed, char **shuffled) {
    rkv_text text = {0};
    size_t name = strcspn(spec, ":");
    rkv_text_printf(&text, "shuffled:policy=%.*s,", (int)name, spec);
    if (spec[name]) rkv_text_printf(&text, "%s,", spec + name + 1);
    rkv_text_printf(&text, "seed=%llu", (unsigned long long)seed);
    return rkv_text_finish(&text, shuffled);
}

/* ---- the choice ---- */

static const rkv_eval_row *find_row(const rkv_results *r, size_t setting, rkv_task task) {
    for (size_t i = 0; i < r->n_rows; i++)
        if (r->rows[i].setting == setting && r->rows[i].task == task) return &r->rows[i];
    return NULL;
}

double rkv_results_loss(const rkv_results *r, size_t setting) {
    double sum = 0;
    size_t n = 0;
    for (rkv_task task = 0; task < RKV_TASK_COUNT; task++) {
        if (!find_row(r, 0, task)) continue;
        const rkv_eval_row *row = find_row(r, setting, task);
        sum += row ? row->loss : NAN;
        n++;
    }
    return n ? sum / (double)n : NAN;
}

/* The full cache is no candidate. */
static bool is_candidate(const rkv_setting *setting) {
    return setting->budget != NULL;
}

rkv_status rkv_calibration_choose(const rkv_results *r, size_t *setting, double *loss, double *uniform_loss) {
    *loss = *uniform_loss = NAN;
    for (size_t s = 0; s < r->n_settings; s++) {
        if (!is_candidate(&r->settings[s])) continue;
        double own = rkv_results_loss(r, s);
        if (isnan(*loss) || own < *loss) {
            *loss = own;
            *setting = s;
        }
        if (strcmp(r->settings[s].budget, "uniform") == 0) *uniform_loss = own;
    }
    if (isnan(*uniform_loss) || isnan(*loss))
        return rkv_fail(RKV_DATA, "there is no loss of uniform budgets to choose by");
    return RKV_OK;
}

/* ---- two settings ---- */

/* Of one window: losses by task. */
typedef struct by_task {
    double sum[RKV_TASK_COUNT];
    size_t n[RKV_TASK_COUNT];
} by_task;

static double mean_of_tasks(const by_task *t) {
    double sum = 0;
    size_t n = 0;
    for (size_t task = 0; task < RKV_TASK_COUNT; task++)
        if (t->n[task]) {
            sum += t->sum[task] / (double)t->n[task];
            n++;
        }
    return n ? sum / (double)n : NAN;
}

/* means [n_windows], NaN where the setting has no cell. */
static rkv_status window_losses(const rkv_results *r, size_t setting, double *means) {
    by_task *windows = NULL;
    rkv_status status = rkv_alloc(&windows, r->n_windows, sizeof *windows);
    for (size_t i = 0; !status && i < r->n_cells; i++) {
        const rkv_cell *c = &r->cells[i];
        if (c->setting != setting) continue;
        windows[c->window].sum[c->task] += c->loss;
        windows[c->window].n[c->task]++;
    }
    for (size_t w = 0; !status && w < r->n_windows; w++)
        means[w] = mean_of_tasks(&windows[w]);
    free(windows);
    return status;
}

rkv_status rkv_results_compare(const rkv_results *r, size_t a, size_t b, rkv_paired *out) {
    double *of_a = NULL, *of_b = NULL;
    size_t n = 0;
    *out = (rkv_paired){.mean = NAN, .low = NAN, .high = NAN, .p = NAN};
    rkv_status status = rkv_alloc(&of_a, r->n_windows, sizeof *of_a);
    if (!status) status = rkv_alloc(&of_b, r->n_windows, sizeof *of_b);
    if (!status) status = window_losses(r, a, of_a);
    if (!status) status = window_losses(r, b, of_b);
    for (size_t w = 0; !status && w < r->n_windows; w++)
        if (!isnan(of_a[w]) && !isnan(of_b[w])) of_a[n++] = of_a[w] - of_b[w];
    if (!status && n > 0) status = rkv_paired_compare(of_a, n, r->seed, out);
    free(of_a);
    free(of_b);
    return status;
}
