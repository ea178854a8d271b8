/* write_samples.c: write_samples DIR: one analysis.json, budget.json or profile.json of every kind, and
 * windows, for check_schema.py. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <rankkv/budget.h>
#include <rankkv/eval.h>

#include "support/sample_analysis.h"
#include "support/sample_profile.h"

static void need(rkv_status status) {
    if (!status) return;
    fprintf(stderr, "write_samples: %s\n", rkv_message());
    exit(rkv_status_exit_code(status));
}

static void write_budget(const char *folder, const rkv_analysis *a, const char *policy,
                         rkv_granularity granularity) {
    char path[1024];
    rkv_budget_options options = rkv_budget_options_default();
    rkv_budget *budget;
    options.policy = policy;
    options.granularity = granularity;
    options.top_k = 1;
    options.seed = granularity == RKV_BY_HEAD ? UINT64_MAX : 7;
    need(rkv_budget_allocate(&budget, a, &options));
    snprintf(path, sizeof path, "%s/budget-%s-%d.json", folder, policy, (int)granularity);
    need(rkv_budget_save(budget, path));
    snprintf(path, sizeof path, "%s/analysis-%s-%d.json", folder, policy, (int)granularity);
    need(rkv_analysis_save(a, budget, path));
    rkv_budget_free(budget);
}

/* Everything that may be unknown, unknown. */
static void write_least(const char *folder, rkv_analysis *a) {
    char path[1024];
    for (size_t t = 0; t < a->n_tokens; t++)
        free(a->token_text[t]);
    free(a->token_text);
    free(a->token_ids);
    a->token_text = NULL;
    a->token_ids = NULL;
    a->perplexity = NAN;
    a->model.sha256[0] = '\0';
    for (size_t m = 1; m < RKV_METRIC_COUNT; m++) {
        free(a->metric[m]);
        a->metric[m] = NULL;
    }
    snprintf(path, sizeof path, "%s/analysis-least.json", folder);
    need(rkv_analysis_save(a, NULL, path));
}

static void write_windows(const char *folder) {
    char path[1024];
    int32_t ids[300];
    rkv_windows windows = {0};
    for (size_t i = 0; i < 300; i++)
        ids[i] = (int32_t)i;
    const rkv_cut cut = {.context = 20, .continuation = 10, .count = 3};
    need(rkv_windows_cut(&windows, "text", ids, 300, &cut));
    need(rkv_windows_add_copy(&windows, 0, 5, 10));
    windows.items[0].questions[1].depth = 0.3;
    windows.items[1].query_aware = true;
    snprintf(path, sizeof path, "%s/windows-1.json", folder);
    need(rkv_windows_save(&windows, path));
    rkv_windows_clear(&windows);
}

static void write_profiles(const char *folder, const rkv_analysis *a) {
    char path[1024];
    rkv_profile *profile = sample_profile(&a->model, 1);
    if (!profile) exit(1);
    snprintf(path, sizeof path, "%s/profile-whole.json", folder);
    need(rkv_profile_save(profile, path));
    rkv_profile_free(profile);
    need(rkv_profile_new(&profile, &a->model));
    snprintf(path, sizeof path, "%s/profile-least.json", folder);
    need(rkv_profile_save(profile, path));
    rkv_profile_free(profile);
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    rkv_analysis *a = sample_analysis(4, 6, 2, 20, 1);
    if (!a) return 1;
    for (size_t i = 0; rkv_policy_at(i); i++) {
        if (!rkv_policy_at(i)->weigh) continue; /* calibrated needs a profile */
        write_budget(argv[1], a, rkv_policy_at(i)->name, RKV_BY_LAYER);
        write_budget(argv[1], a, rkv_policy_at(i)->name, RKV_BY_HEAD);
    }
    write_profiles(argv[1], a);
    write_least(argv[1], a);
    write_windows(argv[1]);
    rkv_analysis_free(a);
    return 0;
}
