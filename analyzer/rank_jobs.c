/* rank_jobs.c: the ranks of layers on a device's helpers. */
#include "analyzer/rank_jobs.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/fail.h"
#include "core/memory.h"

/* One helper's layer. */
typedef struct job {
    rkv_analysis *analysis;
    rkv_backend *helper;
    float *attention, *keys, *values; /* the layer's arrays on the helper */
    double *sigma;                    /* [H,T] */
    rkv_layer layer;
    bool runs; /* in its thread */
    pthread_t thread;
    rkv_first_failure failure;
} job;

struct rkv_rank_jobs {
    rkv_backend *backend;
    size_t n;
    job job[]; /* [n] */
};

/* ---- room ---- */

static rkv_status job_open(job *j, rkv_analysis *analysis, rkv_backend *helper, const rkv_layer *shape) {
    size_t n = shape->n_tokens, kv = shape->n_kv_heads * n * shape->head_dim;
    *j = (job){.analysis = analysis, .helper = helper};
    rkv_status status = helper->ops->alloc(helper, &j->attention, shape->n_heads * n * n);
    if (!status) status = helper->ops->alloc(helper, &j->keys, kv);
    if (!status) status = helper->ops->alloc(helper, &j->values, kv);
    return status ? status : rkv_alloc_raw(&j->sigma, shape->n_heads * n, sizeof *j->sigma);
}

rkv_status rkv_rank_jobs_new(rkv_rank_jobs **out, rkv_analysis *analysis, rkv_backend *backend,
                             const rkv_layer *shape) {
    rkv_rank_jobs *jobs = NULL;
    *out = NULL;
    rkv_status status = rkv_alloc(&jobs, 1, sizeof *jobs + backend->n_helpers * sizeof *jobs->job);
    if (status) return status;
    jobs->backend = backend;
    while (!status && jobs->n < backend->n_helpers) {
        size_t i = jobs->n++;
        status = job_open(&jobs->job[i], analysis, backend->helpers[i], shape);
    }
    if (!status)
        *out = jobs;
    else
        rkv_rank_jobs_free(jobs);
    return status;
}

static void job_join(job *j) {
    if (j->runs) pthread_join(j->thread, NULL);
    j->runs = false;
}

void rkv_rank_jobs_free(rkv_rank_jobs *jobs) {
    for (size_t i = 0; jobs && i < jobs->n; i++) {
        job *j = &jobs->job[i];
        job_join(j);
        j->helper->ops->release(j->helper, j->attention);
        j->helper->ops->release(j->helper, j->keys);
        j->helper->ops->release(j->helper, j->values);
        free(j->sigma);
    }
    free(jobs);
}

/* ---- work ---- */

static void *run(void *user) {
    job *j = user;
    rkv_first_failure_note(&j->failure,
                           rkv_analysis_rank_layers(j->analysis, j->helper, &j->layer, 1, j->sigma));
    return NULL;
}

static rkv_status receive(const rkv_rank_jobs *jobs, job *j, const rkv_layer *layer) {
    const rkv_backend_ops *ops = j->helper->ops;
    size_t n = layer->n_tokens, kv = layer->n_kv_heads * n * layer->head_dim;
    rkv_status status =
        ops->receive(j->helper, j->attention, jobs->backend, layer->attention, layer->n_heads * n * n);
    if (!status) status = ops->receive(j->helper, j->keys, jobs->backend, layer->keys, kv);
    return status ? status : ops->receive(j->helper, j->values, jobs->backend, layer->values, kv);
}

/* Without a thread where none is to be had, and in a rehearsal, which is one thread's. */
rkv_status rkv_rank_jobs_begin(rkv_rank_jobs *jobs, const rkv_layer *layer) {
    job *j = &jobs->job[layer->index % jobs->n];
    rkv_status status = receive(jobs, j, layer);
    if (status) return status;
    j->layer = *layer;
    j->layer.attention = j->attention, j->layer.keys = j->keys, j->layer.values = j->values;
    j->runs = !j->helper->rehearses && pthread_create(&j->thread, NULL, run, j) == 0;
    if (!j->runs) run(j);
    return RKV_OK;
}

rkv_status rkv_rank_jobs_end(rkv_rank_jobs *jobs, size_t layer, const double **sigma) {
    job *j = &jobs->job[layer % jobs->n];
    job_join(j);
    *sigma = j->sigma;
    return rkv_first_failure_raise(&j->failure);
}
