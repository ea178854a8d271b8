/* lanes.h: prompts analysed beside one another, one on each of a model's devices, each in a thread of its
 * own.
 *
 * Who asked for them is in one thread all the same: what a prompt's functions are to see is handed over to
 * rkv_lanes_serve, and the prompt goes on when they have seen it.
 *
 *     lane 0   | layer 0 | layer 1 . . . . .| layer 2 ...
 *     lane 1   | layer 0 . .| layer 1 | layer 2 ...
 *     serve            [ 0:0 ][ 1:0 ]  [ 0:1 ]
 */
#ifndef RKV_ANALYZER_LANES_H
#define RKV_ANALYZER_LANES_H

#include <rankkv/analysis.h>

#include "core/fail.h"

typedef struct rkv_lanes rkv_lanes;

/* One prompt's analysis. Start from its prompt; who has begun it owns the analysis. */
typedef struct rkv_lane_task {
    const rkv_prompt *prompt;
    rkv_analysis *analysis; /* once done; NULL when it failed */
    rkv_first_failure failure;
    bool done;

    /* What lanes.c knows of it; under its lock while it runs. */
    rkv_lanes *lanes;
    struct rkv_model *model;
    bool ended;             /* the thread has nothing more to say */
    bool stopped;           /* it is to end soon */
    const rkv_layer *layer; /* waits to be shown; NULL: none does */
    rkv_status shown;       /* what came of the last one */
    const char *stage;      /* where it is; NULL: as was told */
    size_t at, total;
} rkv_lane_task;

/* n lanes, on the first n of the model's helpers' devices; the model itself computes on the first. */
rkv_status rkv_lanes_new(rkv_lanes **out, rkv_model *model, size_t n);
/* Stops what runs, and waits for it. */
void rkv_lanes_free(rkv_lanes *lanes);

bool rkv_lanes_any_free(const rkv_lanes *lanes);
/* The first is free, and with it the model. */
bool rkv_lanes_model_is_free(const rkv_lanes *lanes);

/* Begins a task on a free lane; there is one. What fails shows in the task. */
void rkv_lanes_begin(rkv_lanes *lanes, rkv_lane_task *task);

/* Waits until something happens, and does what is asked: shows a layer, tells how far `front` is, or marks
 * tasks as done. RKV_CANCELLED: front's progress wants no more. */
rkv_status rkv_lanes_serve(rkv_lanes *lanes, rkv_lane_task *front);

/* Asks a task that was begun to end soon. */
void rkv_lanes_stop(rkv_lanes *lanes, rkv_lane_task *task);

#endif
