/* work.h: a layer's entries on their way through the stages of a pipeline: selections thin them out,
 * representations store them. A layer of the prompt goes that way, a layer of the cache at every later step,
 * and a head of bare tensors.
 *
 *     rkv_work w;
 *     rkv_work_init(&w, &view, stored);
 *     w.heads[g] = ...; w.loose = true;      entries that nothing stores yet; or stored[g] holds them already
 *     rkv_work_run(&w, pipeline, tasks, reforms);
 *     rkv_work_clear(&w);
 *
 * Loose entries are float32, borrowed at first; a selection that thins them out gives the rest memory of its
 * own, so that only what stays is ever stored. Of stored entries a selection sees what they decode to.
 *
 * All keys and values, those that are stored and those that are looked at, lie in the memory of the view's
 * backend, whose operations score them and take them out: nothing crosses but what methods ask of it. */
#ifndef RKV_COMPRESSORS_WORK_H
#define RKV_COMPRESSORS_WORK_H

#include "compressors/entries.h"
#include "compressors/pipeline.h"

/* ---- how entries are stored ---- */

/* How the representations of a pipeline up to the next selection after stage `first` store the entries of
 * KV head g: those before `first` are still in force; plain: the form where none says. *end is that
 * selection. Bases are allocated: rkv_entries_format_clear. */
rkv_status rkv_pipeline_format(const rkv_pipeline *pipeline, size_t first, rkv_row_form plain,
                               const rkv_layer_view *view, size_t g, rkv_entries_format *out, size_t *end);
void rkv_entries_format_clear(rkv_entries_format *format);

/* ---- through the stages ---- */

/* Memory that is kept to be used again. */
typedef struct rkv_work_buffer {
    void *at;
    size_t n; /* numbers of 4 bytes */
} rkv_work_buffer;

typedef struct rkv_work {
    rkv_layer_view view;   /* its heads are those below; budgets and state are each stage's */
    rkv_entries *stored;   /* [G] borrowed */
    rkv_row_form form;     /* of what no representation says more of; float32 at first */
    bool loose;            /* entries are in heads, not in stored */
    rkv_head_view *heads;  /* [G] */
    rkv_work_buffer *room; /* [G, 6] keys, values, sums and positions of heads that are not borrowed */
} rkv_work;

/* view's heads, budgets and state are not read; its backend outlives the work. rkv_work_clear frees, also
 * after a failure. */
rkv_status rkv_work_init(rkv_work *w, const rkv_layer_view *view, rkv_entries *stored);
void rkv_work_clear(rkv_work *w);

/* What a stage is told beside its options. */
typedef struct rkv_stage_task {
    bool idle;             /* a selection that has nothing to do here */
    const size_t *budgets; /* [G] of a selection; SIZE_MAX: any number */
    float *state;
} rkv_stage_task;

/* Whether a budget leaves a head of n entries as it is. Nothing is evicted while every head is within its
 * own, so that a budget which is large enough changes nothing; any number (SIZE_MAX) is for the method to
 * say. */
bool rkv_budget_holds(size_t budget, size_t n);

/* All stages, with tasks [n_stages]. Loose entries are stored; stored ones are stored anew when `reforms`,
 * and else are in the pipeline's form already. */
rkv_status rkv_work_run(rkv_work *w, const rkv_pipeline *pipeline, const rkv_stage_task *tasks, bool reforms);

#endif
