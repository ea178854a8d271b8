/* profile_average.c: what the heads of a model did on several prompts, as signals that need none. */
#include <math.h>
#include <stdio.h>

#include <rankkv/profile.h>

#include "core/fail.h"
#include "core/memory.h"

/* mean [n] of a metric over the analyses; false when one of them does not know all of it. */
static bool average(const rkv_analysis *const *analyses, size_t n_analyses, rkv_metric metric, size_t n,
                    double *mean) {
    for (size_t i = 0; i < n; i++)
        mean[i] = 0;
    for (size_t a = 0; a < n_analyses; a++) {
        const double *values = analyses[a]->metric[metric];
        if (!values) return false;
        for (size_t i = 0; i < n; i++) {
            if (isnan(values[i])) return false;
            mean[i] += values[i] / (double)n_analyses;
        }
    }
    return true;
}

static rkv_status put_average(rkv_profile *profile, const rkv_analysis *const *analyses, size_t n_analyses,
                              rkv_metric metric, double *mean) {
    const rkv_metric_info *info = rkv_metric_get_info(metric);
    const rkv_model_info *model = &profile->model;
    size_t n = model->n_layers * (info->per_kv_head ? model->n_kv_heads : model->n_heads);
    char origin[64];
    snprintf(origin, sizeof origin, n_analyses == 1 ? "1 prompt" : "mean over %zu prompts", n_analyses);
    if (!average(analyses, n_analyses, metric, n, mean)) return RKV_OK;
    /* rkv_profile_put copies: it does not write into these */
    return rkv_profile_put(profile, &(rkv_signal){.name = (char *)info->name,
                                                  .unit = (char *)info->unit,
                                                  .summary = (char *)info->summary,
                                                  .origin = origin,
                                                  .per_kv_head = info->per_kv_head,
                                                  .values = mean});
}

rkv_status rkv_profile_average(rkv_profile **out, const rkv_analysis *const *analyses, size_t n) {
    rkv_profile *profile = NULL;
    double *mean = NULL;
    *out = NULL;
    if (n == 0) return rkv_fail(RKV_USAGE, "there is no analysis to average");
    const rkv_model_info *model = &analyses[0]->model;
    rkv_status status = rkv_profile_new(&profile, model);
    for (size_t a = 1; a < n && !status; a++) {
        status = rkv_profile_check_model(profile, &analyses[a]->model);
        if (status)
            rkv_fail_within(status, "analyses of %s and %s", analyses[0]->prompt_name,
                            analyses[a]->prompt_name);
    }
    if (!status) status = rkv_alloc(&mean, model->n_layers * model->n_heads, sizeof *mean); /* [L,G] too */
    for (size_t m = 0; m < RKV_METRIC_COUNT && !status; m++)
        status = put_average(profile, analyses, n, (rkv_metric)m, mean);
    free(mean);
    if (status)
        rkv_profile_free(profile);
    else
        *out = profile;
    return status;
}
