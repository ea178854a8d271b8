/* lanes.c: prompts analysed beside one another. */
#include "analyzer/lanes.h"

#include <pthread.h>
#include <stdlib.h>

#include "analyzer/analyze.h"
#include "core/memory.h"
#include "core/progress.h"
#include "model/twin.h"

typedef struct lane {
    rkv_model *model;    /* the first lane's is the caller's, others are twins of it */
    rkv_lane_task *task; /* NULL: it is free */
    bool runs;           /* in its thread */
    pthread_t thread;
} lane;

struct rkv_lanes {
    pthread_mutex_t lock;
    pthread_cond_t changed; /* a task says something, or is answered */
    size_t n;
    lane lane[]; /* [n] */
};

/* ---- opening and closing ---- */

rkv_status rkv_lanes_new(rkv_lanes **out, rkv_model *model, size_t n) {
    rkv_lanes *l = NULL;
    *out = NULL;
    rkv_status status = rkv_alloc(&l, 1, sizeof *l + n * sizeof *l->lane);
    if (status) return status;
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->changed, NULL);
    l->lane[l->n++].model = model;
    while (!status && l->n < n) {
        size_t i = l->n++;
        status = rkv_model_twin_new(model, model->backend->helpers[i], &l->lane[i].model);
    }
    if (!status)
        *out = l;
    else
        rkv_lanes_free(l);
    return status;
}

static void join(lane *at) {
    if (at->runs) pthread_join(at->thread, NULL);
    at->runs = false;
    at->task = NULL;
}

void rkv_lanes_free(rkv_lanes *l) {
    if (!l) return;
    for (size_t i = 0; i < l->n; i++)
        if (l->lane[i].task) rkv_lanes_stop(l, l->lane[i].task);
    for (size_t i = 0; i < l->n; i++) {
        join(&l->lane[i]);
        if (i > 0) rkv_model_twin_free(l->lane[i].model);
    }
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

/* ---- in a lane's thread ---- */

/* An rkv_layer_fn: waits until the layer was shown. */
static rkv_status hand_over(void *user, const rkv_layer *layer) {
    rkv_lane_task *t = user;
    rkv_lanes *l = t->lanes;
    pthread_mutex_lock(&l->lock);
    t->shown = RKV_CANCELLED;
    t->layer = layer;
    pthread_cond_broadcast(&l->changed);
    while (t->layer && !t->stopped)
        pthread_cond_wait(&l->changed, &l->lock);
    t->layer = NULL;
    rkv_status status = t->shown;
    pthread_mutex_unlock(&l->lock);
    return status;
}

/* An rkv_progress_fn: does not wait. */
static int tell(void *user, const char *stage, size_t done, size_t total) {
    rkv_lane_task *t = user;
    rkv_lanes *l = t->lanes;
    pthread_mutex_lock(&l->lock);
    t->stage = stage, t->at = done, t->total = total;
    pthread_cond_broadcast(&l->changed);
    int stopped = t->stopped;
    pthread_mutex_unlock(&l->lock);
    return stopped;
}

static rkv_status analyse(rkv_lane_task *t, const rkv_analyze_options *options) {
    const rkv_prompt *p = t->prompt;
    rkv_status status = rkv_analyze_with(&t->analysis, t->model, p->ids, p->n, options, false);
    rkv_first_failure_note(&t->failure, status);
    return status;
}

static void *run(void *user) {
    rkv_lane_task *t = user;
    rkv_lanes *l = t->lanes;
    rkv_analyze_options options = t->prompt->options;
    options.progress = (rkv_progress){tell, t};
    if (options.on_layer) options.on_layer = hand_over;
    options.user = t;
    analyse(t, &options);
    pthread_mutex_lock(&l->lock);
    t->ended = true;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

/* ---- in the caller's ---- */

bool rkv_lanes_any_free(const rkv_lanes *l) {
    for (size_t i = 0; i < l->n; i++)
        if (!l->lane[i].task) return true;
    return false;
}

bool rkv_lanes_model_is_free(const rkv_lanes *l) {
    return !l->lane[0].task;
}

/* Where no thread is to be had, the caller's does it now. */
void rkv_lanes_begin(rkv_lanes *l, rkv_lane_task *t) {
    lane *at = l->lane;
    while (at->task)
        at++;
    at->task = t;
    t->lanes = l;
    t->model = at->model;
    at->runs = pthread_create(&at->thread, NULL, run, t) == 0;
    if (at->runs) return;
    analyse(t, &t->prompt->options);
    t->done = true;
    join(at);
}

/* The layer of a task; the lock is given up meanwhile. */
static void show(rkv_lanes *l, rkv_lane_task *t) {
    const rkv_analyze_options *o = &t->prompt->options;
    const rkv_layer *layer = t->layer;
    pthread_mutex_unlock(&l->lock);
    rkv_status status = o->on_layer(o->user, layer);
    rkv_first_failure_note(&t->failure, status); /* in the words of this thread */
    pthread_mutex_lock(&l->lock);
    t->shown = status;
    t->layer = NULL;
    pthread_cond_broadcast(&l->changed);
}

static rkv_status pass_on(rkv_lanes *l, rkv_lane_task *t) {
    const char *stage = t->stage;
    size_t at = t->at, total = t->total;
    t->stage = NULL;
    pthread_mutex_unlock(&l->lock);
    rkv_status status = rkv_progress_report(&t->prompt->options.progress, stage, at, total);
    pthread_mutex_lock(&l->lock);
    return status;
}

/* False: nobody asks for anything. */
static bool serve_one(rkv_lanes *l, rkv_lane_task *front, rkv_status *status) {
    bool found = front->stage != NULL;
    if (found) *status = pass_on(l, front);
    for (size_t i = 0; !found && i < l->n; i++) {
        rkv_lane_task *t = l->lane[i].task;
        if (!t) continue;
        found = t->ended || t->layer;
        if (t->layer) show(l, t);
        if (!t->ended) continue;
        t->done = true;
        join(&l->lane[i]); /* it only has to give the lock back */
    }
    return found;
}

rkv_status rkv_lanes_serve(rkv_lanes *l, rkv_lane_task *front) {
    rkv_status status = RKV_OK;
    pthread_mutex_lock(&l->lock);
    while (!serve_one(l, front, &status))
        pthread_cond_wait(&l->changed, &l->lock);
    pthread_mutex_unlock(&l->lock);
    return status;
}

void rkv_lanes_stop(rkv_lanes *l, rkv_lane_task *t) {
    pthread_mutex_lock(&l->lock);
    t->stopped = true;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
}
