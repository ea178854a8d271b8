/* results.c: what must hold in the results of an evaluation, and how they are freed. */
#include "io/results.h"

#include "core/fail.h"
#include "core/memory.h"
#include "io/model_info.h"

void rkv_results_free(rkv_results *results) {
    if (!results) return;
    rkv_model_info_clear(&results->model);
    free(results->device);
    free(results->version);
    free(results->text);
    free(results->profile);
    for (size_t i = 0; i < results->n_windows; i++)
        free(results->window_names[i]);
    free(results->window_names);
    for (size_t i = 0; i < results->n_settings; i++) {
        free((char *)results->settings[i].method); /* const in the structure, which others borrow from */
        free((char *)results->settings[i].budget);
    }
    free(results->settings);
    for (size_t i = 0; i < results->n_cells; i++)
        free(results->cells[i].text);
    free(results->cells);
    free(results->rows);
    free(results);
}

int rkv_cell_compare(const rkv_cell *a, const rkv_cell *b) {
    const size_t left[] = {a->setting, a->window, a->question};
    const size_t right[] = {b->setting, b->window, b->question};
    for (size_t i = 0; i < 3; i++)
        if (left[i] != right[i]) return left[i] < right[i] ? -1 : 1;
    return 0;
}

static rkv_status check_cell(const rkv_results *r, size_t i) {
    const rkv_cell *c = &r->cells[i];
    if (c->setting >= r->n_settings)
        return rkv_fail(RKV_DATA, "cells[%zu] is of setting %zu: there are %zu", i, c->setting,
                        r->n_settings);
    if (c->window >= r->n_windows)
        return rkv_fail(RKV_DATA, "cells[%zu] is of window %zu: there are %zu", i, c->window, r->n_windows);
    if (c->task >= RKV_TASK_COUNT)
        return rkv_fail(RKV_DATA, "cells[%zu] is of task %u: there are %u", i, (unsigned)c->task,
                        (unsigned)RKV_TASK_COUNT);
    int order = i ? rkv_cell_compare(&r->cells[i - 1], c) : -1;
    if (order < 0) return RKV_OK;
    return rkv_fail(RKV_DATA, "cells[%zu], of setting %zu, window %zu, question %zu, %s", i, c->setting,
                    c->window, c->question, order ? "is out of order" : "is there twice");
}

static rkv_status check_setting(const rkv_results *r, size_t i) {
    const rkv_setting *s = &r->settings[i];
    if (!s->method || !*s->method) return rkv_fail(RKV_DATA, "settings[%zu] has no method", i);
    if (s->protocol < RKV_PROTOCOL_COUNT) return RKV_OK;
    return rkv_fail(RKV_DATA, "settings[%zu] is of protocol %u: there are %u", i, (unsigned)s->protocol,
                    (unsigned)RKV_PROTOCOL_COUNT);
}

rkv_status rkv_results_check(const rkv_results *results) {
    rkv_status status = RKV_OK;
    for (size_t i = 0; i < results->n_settings && !status; i++)
        status = check_setting(results, i);
    for (size_t i = 0; i < results->n_cells && !status; i++)
        status = check_cell(results, i);
    return status;
}
