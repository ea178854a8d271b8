/* sample_charts.c: made-up results as charts. */
#include "support/sample_charts.h"

#include <math.h>
#include <stdlib.h>

#include "core/random.h"

static const char *const methods[] = {"window",
                                      "h2o",
                                      "tova",
                                      "snapkv",
                                      "pyramidkv",
                                      "ada-snapkv",
                                      "expected-attention",
                                      "knorm",
                                      "keydiff",
                                      "streaming-llm",
                                      "random",
                                      "lowrank+window",
                                      "lowrank+window+int8",
                                      "lagkv",
                                      "cur",
                                      "think",
                                      "quantized int8",
                                      "quantized int4",
                                      "merge:d2o",
                                      "merge:cam",
                                      "fastgen"};

static double noise(rkv_random *random) {
    return rkv_random_unit(random) + rkv_random_unit(random) + rkv_random_unit(random) - 1.5;
}

/* Adds a series of n points to a panel; the caller fills its points. */
static rkv_series *add_series(sample_chart *sample, size_t panel, const char *name, size_t n, rkv_mark mark) {
    rkv_panel *p = &sample->panel[panel];
    size_t s = p->n_series++;
    rkv_series *series = &sample->series[panel][s];
    *series = (rkv_series){.name = name, .x = sample->x[panel][s], .y = sample->y[panel][s], .n = n};
    series->mark = mark;
    p->series = sample->series[panel];
    return series;
}

static void set(sample_chart *sample, size_t panel, size_t i, double x, double y, double reach) {
    size_t s = sample->panel[panel].n_series - 1;
    sample->x[panel][s][i] = x;
    sample->y[panel][s][i] = y;
    if (!(reach > 0)) return;
    sample->low[panel][s][i] = y - reach;
    sample->high[panel][s][i] = y + reach;
    sample->series[panel][s].low = sample->low[panel][s];
    sample->series[panel][s].high = sample->high[panel][s];
}

static void loss_by_bytes(sample_chart *sample) {
    static const double full[] = {2.871}, ratios[] = {0.1, 0.25, 0.5, 0.75};
    static const char *const full_name[] = {"full cache"};
    rkv_random random = {7};
    sample->chart.title = "natural: loss against measured bytes of the cache";
    sample->chart.subtitle =
        "SmolLM2-135M-Instruct Q4_1 \u00B7 12 windows of 1024 + 128 tokens of three novels";
    sample->chart.note = "Mean over windows with its bootstrap 95 % interval. Bytes are all that the cache's "
                         "allocator held when the question came, not what the ratio promises.";
    sample->panel[0] = (rkv_panel){.x = {.title = "cache, MiB", .scale = RKV_AXIS_LOG2},
                                   .y = {.title = "loss, nats per token"},
                                   .rules = full,
                                   .rule_names = full_name,
                                   .n_rules = 1};
    for (size_t m = 0; m < 7; m++) {
        add_series(sample, 0, methods[m], 4, RKV_MARK_LINE);
        for (size_t r = 0; r < 4; r++) {
            double loss = 2.871 + (0.1 + 0.05 * (double)m) * pow(1 - ratios[r], 2.2) + 0.008 * noise(&random);
            set(sample, 0, r, 22.5 * ratios[r] * (1 + 0.02 * (double)m), loss, 0.03 + 0.02 * (1 - ratios[r]));
        }
    }
}

static void budgets(sample_chart *sample) {
    static const char *const policies[] = {"uniform", "pyramid", "erank: proportional", "erank: adaptive",
                                           "squeeze"};
    static char text[30][4];
    static const char *labels[30];
    for (size_t l = 0; l < 30; l++) {
        text[l][0] = (char)(l < 10 ? '0' + l : '0' + l / 10);
        text[l][1] = (char)(l < 10 ? 0 : '0' + l % 10);
        labels[l] = text[l];
    }
    rkv_random random = {9};
    sample->chart.title = "entries by layer, five policies that spend the same";
    sample->chart.subtitle = "SmolLM2-135M-Instruct Q4_1 \u00B7 128 entries per KV head on the mean";
    sample->panel[0] = (rkv_panel){.x = {.title = "layer", .labels = labels, .n_labels = 30},
                                   .y = {.title = "entries per KV head", .from_zero = true}};
    for (size_t p = 0; p < 5; p++) {
        add_series(sample, 0, policies[p], 30, RKV_MARK_LINE);
        for (size_t l = 0; l < 30; l++) {
            double share = p == 0   ? 1
                           : p == 1 ? 1.8 - 1.6 * (double)l / 29
                           : p == 4 ? (l % 7 < 3 ? 0.6 : 1.3)
                                    : 1 + 0.3 * noise(&random) * (double)p / 2;
            set(sample, 0, l, (double)l, round(128 * fmax(share, 0.1)), 0);
        }
    }
}

static void retrieval(sample_chart *sample) {
    static const char *const titles[] = {"passkey \u00B7 10 % kept", "passkey \u00B7 25 % kept",
                                         "passkey \u00B7 10 %, question seen",
                                         "passkey \u00B7 25 %, question seen"};
    rkv_random random = {11};
    static const char *const depths[] = {"10 %", "30 %", "50 %", "70 %", "90 %"};
    sample->chart.title = "retrieval by depth";
    sample->chart.subtitle =
        "SmolLM2-135M-Instruct Q4_1 \u00B7 a number hidden in 1024 tokens of prose, 10 windows per depth";
    sample->chart.same_y = true;
    sample->chart.note = "Share of questions answered without a wrong token; whiskers are 95 % intervals.";
    for (size_t p = 0; p < 4; p++) {
        sample->panel[p] =
            (rkv_panel){.title = titles[p],
                        .x = {.title = "depth of the answer in the context", .labels = depths, .n_labels = 5},
                        .y = {.title = "answered", .from_zero = true}};
        for (size_t m = 0; m < 6; m++) {
            add_series(sample, p, methods[m], 5, RKV_MARK_LINE);
            for (size_t i = 0; i < 5; i++) {
                double right =
                    (p > 1 ? 0.6 : 0.25) + 0.05 * (double)m + 0.1 * (double)(p % 2) + 0.1 * noise(&random);
                set(sample, p, i, (double)i, fmin(fmax(right, 0.12), 0.88), 0.12);
            }
        }
    }
    sample->chart.n_columns = 2;
}

static void times(sample_chart *sample) {
    static const char *const titles[] = {"time to the first token", "time per token after it"};
    rkv_random random = {13};
    sample->chart.title = "what compressing costs and saves: 21 methods at a quarter of 4096 tokens";
    sample->chart.subtitle = "SmolLM2-135M-Instruct Q4_1 \u00B7 2 threads \u00B7 median of 9 runs";
    sample->chart.note = "Whiskers: the fastest and the slowest run.";
    sample->chart.n_columns = 1;
    static const double full[] = {2100, 31};
    static const char *const full_name[] = {"full cache"};
    for (size_t p = 0; p < 2; p++) {
        sample->panel[p] = (rkv_panel){.title = titles[p],
                                       .x = {.labels = methods, .n_labels = 21},
                                       .y = {.title = p == 0 ? "TTFT, ms" : "TPOT, ms"},
                                       .rules = &full[p],
                                       .rule_names = full_name,
                                       .n_rules = 1};
        add_series(sample, p, NULL, 21, RKV_MARK_BAR);
        for (size_t m = 0; m < 21; m++) {
            double value = full[p] * (p == 0 ? 1.02 + 0.3 * rkv_random_unit(&random)
                                             : 0.6 + 0.3 * rkv_random_unit(&random));
            set(sample, p, m, (double)m, value, 0.05 * value);
        }
    }
}

static void lengths(sample_chart *sample) {
    static const double most[] = {64};
    static const char *const most_name[] = {"budget"};
    sample->chart.title = "entries held while 100 tokens are decoded";
    sample->panel[0] = (rkv_panel){.x = {.title = "step"},
                                   .y = {.title = "entries per KV head", .from_zero = true},
                                   .rules = most,
                                   .rule_names = most_name,
                                   .n_rules = 1};
    static const size_t every[] = {1, 8, 32};
    static const char *const names[] = {"window: every token", "h2o: every 8", "snapkv: every 32"};
    for (size_t m = 0; m < 3; m++) {
        add_series(sample, 0, names[m], 100, RKV_MARK_STEP);
        for (size_t i = 0; i < 100; i++)
            set(sample, 0, i, (double)i, i < 64 ? (double)i + 1 : 64 + (double)((i - 64) % every[m]), 0);
    }
}

static void differences(sample_chart *sample) {
    static const char *const labels[] = {"window \u00B7 25 %", "window \u00B7 50 %", "snapkv \u00B7 25 %",
                                         "snapkv \u00B7 50 %"};
    static const char *const policies[] = {"erank: proportional", "pyramid", "erank: adaptive"};
    rkv_random random = {17};
    sample->chart.title = "budgets that follow the rank, against uniform budgets of the same size";
    sample->chart.subtitle = "SmolLM2-135M-Instruct Q4_1 \u00B7 natural text \u00B7 12 windows, paired";
    sample->chart.note =
        "Below 0 is better than uniform. Grey: 20 shuffles of the same budgets over the layers, "
        "which differ from them by chance alone.";
    sample->panel[0] = (rkv_panel){.x = {.labels = labels, .n_labels = 4},
                                   .y = {.title = "loss less that of uniform, nats"}};
    for (size_t c = 0; c < 20; c++) {
        add_series(sample, 0, "20 shuffles", 4, RKV_MARK_POINT)->muted = true;
        for (size_t i = 0; i < 4; i++)
            set(sample, 0, i, (double)i, 0.03 + 0.03 * noise(&random), 0);
    }
    for (size_t p = 0; p < 3; p++) {
        add_series(sample, 0, policies[p], 4, RKV_MARK_POINT);
        for (size_t i = 0; i < 4; i++)
            set(sample, 0, i, (double)i, -0.02 + 0.02 * (double)p + 0.02 * noise(&random), 0.015);
    }
}

/* Several bars at each category. */
static void grouped_bars(sample_chart *sample) {
    static const char *const labels[] = {"natural", "copy", "passkey", "recall"};
    rkv_random random = {19};
    sample->chart.title = "next-token accuracy by task";
    sample->panel[0] = (rkv_panel){.x = {.labels = labels, .n_labels = 4}, .y = {.title = "accuracy"}};
    for (size_t m = 0; m < 14; m++) {
        add_series(sample, 0, methods[m], 4, RKV_MARK_BAR);
        for (size_t i = 0; i < 4; i++)
            set(sample, 0, i, (double)i, 0.3 + 0.6 * rkv_random_unit(&random), 0.03);
    }
}

/* Many points: bands, and signs on some of the points; a logarithmic y. */
static void bands(sample_chart *sample) {
    rkv_random random = {23};
    sample->chart.title = "KL divergence from the full cache over 100 tokens";
    sample->panel[0] = (rkv_panel){.x = {.title = "token after the context"},
                                   .y = {.title = "KL, nats", .scale = RKV_AXIS_LOG10}};
    for (size_t m = 0; m < 4; m++) {
        add_series(sample, 0, methods[m], 100, RKV_MARK_LINE);
        for (size_t i = 0; i < 100; i++) {
            double kl = 0.004 * pow(3, (double)m) * exp(0.012 * (double)i + 0.2 * noise(&random));
            set(sample, 0, i, (double)i, kl, 0.4 * kl);
        }
    }
}

const sample_kind sample_kinds[] = {
    {"loss-by-bytes", loss_by_bytes, 7, 7},
    {"budgets", budgets, 5, 5},
    {"retrieval", retrieval, 24, 6},
    {"times", times, 2, 0},
    {"lengths", lengths, 3, 3},
    {"differences", differences, 23, 4},
    {"grouped-bars", grouped_bars, 14, 14},
    {"bands", bands, 4, 4},
};
const size_t n_sample_kinds = sizeof sample_kinds / sizeof *sample_kinds;

sample_chart *sample_chart_new(const sample_kind *kind) {
    sample_chart *sample = calloc(1, sizeof *sample);
    if (!sample) abort();
    kind->fill(sample);
    sample->chart.panels = sample->panel;
    if (sample->chart.n_panels == 0)
        while (sample->chart.n_panels < SAMPLE_PANELS && sample->panel[sample->chart.n_panels].series)
            sample->chart.n_panels++;
    return sample;
}
