/* compare.c: the budgets of every policy side by side. */
#include "cli/compare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/budget_chart.h"
#include "cli/json.h"
#include "cli/message.h"
#include "cli/policies.h"
#include "cli/terminal.h"

enum { LAYER_COLUMNS = 5, LEAST_COLUMNS = 6, GAP = 2 };

static size_t column_width(const rkv_budget *budget) {
    size_t name = strlen(budget->policy);
    return (name > LEAST_COLUMNS ? name : LEAST_COLUMNS) + GAP;
}

/* As many policies as fit the width, at least one; returns how many. */
static size_t print_block(rkv_budget *const *budgets, size_t n, size_t width) {
    size_t used = LAYER_COLUMNS, shown = 0;
    while (shown < n && (shown == 0 || used + column_width(budgets[shown]) <= width))
        used += column_width(budgets[shown++]);
    printf("%slayer", terminal_style(stdout, STYLE_BOLD));
    for (size_t i = 0; i < shown; i++)
        printf("%*s", (int)column_width(budgets[i]), budgets[i]->policy);
    printf("%s\n", terminal_style(stdout, STYLE_PLAIN));
    for (size_t l = 0; l < budgets[0]->model.n_layers; l++) {
        printf("%*zu", LAYER_COLUMNS, l);
        for (size_t i = 0; i < shown; i++)
            printf("%*zu", (int)column_width(budgets[i]), budgets[i]->layers[l]);
        putchar('\n');
    }
    printf("total");
    for (size_t i = 0; i < shown; i++)
        printf("%*zu", (int)column_width(budgets[i]), budgets[i]->total);
    putchar('\n');
    return shown;
}

static void print_blocks(rkv_budget *const *budgets, size_t n) {
    printf("%zu of %zu entries per KV head%s\n\n", budgets[0]->total,
           budgets[0]->model.n_layers * budgets[0]->n_tokens,
           budgets[0]->heads ? ", shown as the mean over the KV heads of a layer" : "");
    for (size_t at = 0; at < n;) {
        if (at > 0) putchar('\n');
        at += print_block(budgets + at, n - at, terminal_width(stdout));
    }
}

static rkv_status print_json(rkv_budget *const *budgets, size_t n) {
    rkv_status status = RKV_OK;
    char **documents = calloc(n, sizeof *documents);
    if (!documents) return complain(RKV_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < n && !status; i++)
        status = said(rkv_budget_to_json(budgets[i], &documents[i]));
    if (!status) {
        cli_json json = json_begin(stdout, "rankkv-budgets");
        json_open(&json, "budgets", '[');
        for (size_t i = 0; i < n; i++)
            json_raw(&json, NULL, documents[i]);
        json_close(&json, ']');
        json_end(&json);
    }
    for (size_t i = 0; i < n; i++)
        rkv_free(documents[i]);
    free(documents);
    return status;
}

rkv_status compare_policies(const rkv_analysis *analysis, const rkv_budget_options *options,
                            const char *chart, bool as_json) {
    size_t n = 0;
    rkv_budget **budgets = NULL;
    rkv_status status = policies_allocate(&budgets, &n, analysis, options);
    if (!status && chart) status = budget_chart_save((const rkv_budget *const *)budgets, n, chart);
    if (!status && as_json)
        status = print_json(budgets, n);
    else if (!status)
        print_blocks(budgets, n);
    policies_free(budgets, n);
    return status;
}
