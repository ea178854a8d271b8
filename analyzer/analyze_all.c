/* analyze_all.c: several prompts: one on each device as long as there are as many, then one after the other.
 */
#include <stdio.h>

#include "analyzer/lanes.h"
#include "analyzer/needs.h"
#include "core/memory.h"
#include "model/model.h"

typedef struct work {
    rkv_model *model;
    const rkv_prompt *prompts; /* [n] */
    size_t n;
    const rkv_analyze_all_options *options;
    size_t n_lanes;
    rkv_lanes *lanes;
    rkv_lane_task *tasks; /* [n_beside] */
    size_t n_beside;      /* the first prompts are read beside one another */
    size_t begun, ended;  /* of them */
} work;

/* ---- how many at once ---- */

static const rkv_prompt *longest_of(const rkv_prompt *prompts, size_t n) {
    const rkv_prompt *longest = prompts;
    for (size_t i = 1; i < n; i++)
        if (prompts[i].n > longest->n) longest = &prompts[i];
    return longest;
}

/* What the first device lacks for a prompt it lacks whoever helps it: rkv_analyze tells. */
static rkv_status check_helpers(size_t *lanes, rkv_model *model, const rkv_prompt *longest, char *reason,
                                size_t size) {
    const rkv_backend *b = model->backend;
    rkv_status status = RKV_OK;
    *lanes = b->n_helpers;
    for (size_t i = 1; !status && *lanes > 1 && i < b->n_helpers; i++) {
        rkv_memory_needs needs;
        status = rkv_analyze_needs_on(&needs, model, i, longest);
        if (status || !rkv_memory_lacks(&needs)) continue;
        *lanes = 1;
        snprintf(
            reason, size,
            "prompts are read one after the other, their layers ranked on all devices: a whole prompt of "
            "%zu tokens needs %zu bytes of the memory of %s, where %zu are free",
            longest->n, needs.needed_bytes, needs.device, needs.free_bytes);
    }
    return status;
}

rkv_status rkv_analyze_lanes(size_t *lanes, rkv_model *model, const rkv_prompt *prompts, size_t n,
                             char *reason, size_t size) {
    *lanes = 1;
    if (size) *reason = '\0';
    rkv_status status = rkv_model_check_weights(model);
    if (status) return status;
    size_t devices = model->backend->n_helpers;
    if (devices < 2 || n < devices) return RKV_OK;
    const rkv_prompt *longest = longest_of(prompts, n - n % devices);
    /* What is wrong with a prompt is told at its turn. */
    if (rkv_model_check_prompt(model, longest->ids, longest->n)) return RKV_OK;
    return check_helpers(lanes, model, longest, reason, size);
}

/* ---- one after the other ---- */

static rkv_status begin(const work *w, size_t i) {
    return w->options->begin ? w->options->begin(w->options->user, i) : RKV_OK;
}

static rkv_status end(const work *w, size_t i, rkv_analysis *analysis) {
    return w->options->end(w->options->user, i, analysis);
}

static rkv_status do_one(const work *w, size_t i) {
    const rkv_prompt *p = &w->prompts[i];
    rkv_analysis *analysis = NULL;
    rkv_status status = begin(w, i);
    if (!status) status = rkv_analyze(&analysis, w->model, p->ids, p->n, &p->options);
    return status ? status : end(w, i, analysis);
}

/* ---- beside one another ---- */

/* Prompts from here on will not have a turn: one before them has failed. */
static size_t limit_of(const work *w) {
    for (size_t i = w->ended; i < w->begun; i++)
        if (w->tasks[i].done && w->tasks[i].failure.status) return i + 1;
    return w->n_beside;
}

/* A prompt ahead of its turn holds what its functions keep of it: as many are as there are lanes. */
static void begin_some(work *w) {
    while (w->begun < limit_of(w) && w->begun < w->ended + 2 * w->n_lanes && rkv_lanes_any_free(w->lanes)) {
        size_t i = w->begun++;
        rkv_lane_task *t = &w->tasks[i];
        t->prompt = &w->prompts[i];
        rkv_first_failure_note(&t->failure, begin(w, i));
        t->done = t->failure.status != RKV_OK;
        if (!t->done) rkv_lanes_begin(w->lanes, t);
    }
    for (size_t i = limit_of(w); i < w->begun; i++)
        if (!w->tasks[i].done) rkv_lanes_stop(w->lanes, &w->tasks[i]);
}

/* All devices are named, whichever read this prompt. */
static rkv_status end_next(work *w) {
    size_t i = w->ended++;
    rkv_lane_task *t = &w->tasks[i];
    rkv_status status = rkv_first_failure_raise(&t->failure);
    if (status) return status;
    rkv_analysis *analysis = t->analysis;
    t->analysis = NULL;
    snprintf(analysis->device, sizeof analysis->device, "%s", rkv_model_device(w->model));
    return end(w, i, analysis);
}

static rkv_status step(work *w) {
    rkv_lane_task *next = &w->tasks[w->ended];
    bool fails = next->done && rkv_first_failure_seen(&next->failure); /* then nothing ends it */
    bool model_wanted = next->done && !fails && w->options->end_uses_model;
    if (!model_wanted) begin_some(w);
    if (next->done && (!model_wanted || rkv_lanes_model_is_free(w->lanes))) return end_next(w);
    return rkv_lanes_serve(w->lanes, next);
}

static rkv_status do_beside(work *w) {
    rkv_status status = rkv_alloc(&w->tasks, w->n_beside, sizeof *w->tasks);
    if (!status) status = rkv_lanes_new(&w->lanes, w->model, w->n_lanes);
    while (!status && w->ended < w->n_beside)
        status = step(w);
    rkv_lanes_free(w->lanes);
    for (size_t i = w->ended; i < w->begun; i++)
        rkv_analysis_free(w->tasks[i].analysis);
    free(w->tasks);
    return status;
}

rkv_status rkv_analyze_all(rkv_model *model, const rkv_prompt *prompts, size_t n,
                           const rkv_analyze_all_options *options) {
    work w = {.model = model, .prompts = prompts, .n = n, .options = options};
    char reason[512];
    rkv_status status = rkv_analyze_lanes(&w.n_lanes, model, prompts, n, reason, sizeof reason);
    if (status) return status;
    w.n_beside = w.n_lanes > 1 ? n - n % w.n_lanes : 0;
    if (w.n_beside) status = do_beside(&w);
    for (size_t i = w.n_beside; !status && i < n; i++)
        status = do_one(&w, i);
    return status;
}
