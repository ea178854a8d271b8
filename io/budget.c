/* budget.c: how a budget is freed. */
#include <stdlib.h>

#include <rankkv/budget.h>

#include "io/model_info.h"

void rkv_budget_free(rkv_budget *budget) {
    if (!budget) return;
    rkv_model_info_clear(&budget->model);
    free(budget->policy);
    free(budget->signal);
    free(budget->options_json);
    free(budget->source);
    free(budget->layers);
    free(budget->heads);
    free(budget);
}
