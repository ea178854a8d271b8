/* rehearse.c: the device before the work: memory is counted by the same calls that take it, nothing runs.
 *
 * Operations queue nothing while cuda->rehearsed is set (RKV_CUDA_QUEUE, and where cuBLAS and cuSOLVER are
 * called); here is the counting, and what they hand to the host where zeros would be no result. */
#include <stdlib.h>
#include <string.h>

#include "backend/noise.h"
#include "core/memory.h"
#include "cuda/device.h"

typedef enum kind { WEIGHTS, TENSORS, ROWS, WORKSPACES, KINDS } kind;

/* What stands for an allocation: nobody looks at device memory in a rehearsal. */
typedef struct taken {
    size_t bytes;
    kind kind;
} taken;

typedef struct rehearsal {
    rkv_cuda cuda; /* cuda.rehearsed is set */
    rkv_backend_ops ops;
    size_t limit; /* bytes that were free before */
    size_t held;  /* and that were ours; counted once, where there is a helper */
    size_t live[KINDS];
    kind kind; /* of what is taken now */
    rkv_memory_use most;
    struct rehearsal *beside; /* whose helper this one is: both take of the same memory, at the same time */
    rkv_backend *helper;
} rehearsal;

static size_t live(const rehearsal *r) {
    return r->live[WEIGHTS] + r->live[TENSORS] + r->live[ROWS] + r->live[WORKSPACES];
}

static size_t live_beside(const rehearsal *r) {
    return live(r) + (r->beside ? live(r->beside) : 0);
}

rkv_status rkv_cuda_count_taken(rkv_cuda *cuda, void **out, size_t bytes) {
    rehearsal *r = (rehearsal *)cuda;
    taken *t = NULL;
    rkv_status status = rkv_alloc(&t, 1, sizeof *t);
    *out = t;
    if (status) return status;
    *t = (taken){bytes, r->kind};
    r->live[t->kind] += bytes;
    if (r->held + live(r) > r->most.peak)
        r->most = (rkv_memory_use){.peak = r->held + live(r),
                                   .held = r->held,
                                   .weights = r->live[WEIGHTS],
                                   .tensors = r->live[TENSORS],
                                   .rows = r->live[ROWS],
                                   .workspaces = r->live[WORKSPACES]};
    return RKV_OK;
}

void rkv_cuda_count_rows(rkv_cuda *cuda, bool are_rows) {
    if (cuda->rehearsed) ((rehearsal *)cuda)->kind = are_rows ? ROWS : WORKSPACES;
}

void rkv_cuda_count_given(rkv_cuda *cuda, void *memory) {
    taken *t = memory;
    ((rehearsal *)cuda)->live[t->kind] -= t->bytes;
    free(t);
}

size_t rkv_cuda_rehearsed_free(const rkv_cuda *cuda) {
    const rehearsal *r = (const rehearsal *)cuda;
    return r->limit > live_beside(r) ? r->limit - live_beside(r) : 0;
}

bool rkv_cuda_is_overdrawn(const rkv_cuda *cuda) {
    const rehearsal *r = (const rehearsal *)cuda;
    return cuda->rehearsed && live_beside(r) > r->limit;
}

/* ---- operations ---- */

static void close_rehearsal(rkv_backend *backend) {
    free(((rehearsal *)backend)->helper);
    free(backend);
}

static void memory_use(rkv_backend *backend, rkv_memory_use *out) {
    const rehearsal *r = (rehearsal *)backend, *h = (rehearsal *)r->helper;
    *out = r->most;
    if (!h) return;
    out->peak += h->most.peak;
    out->weights += h->most.weights;
    out->tensors += h->most.tensors;
    out->rows += h->most.rows;
    out->workspaces += h->most.workspaces;
}

static rkv_status alloc(rkv_backend *backend, float **out, size_t n) {
    rehearsal *r = (rehearsal *)backend;
    r->kind = TENSORS;
    rkv_status status = rkv_cuda_alloc(backend, out, n);
    r->kind = WORKSPACES;
    return status;
}

/* Layers and new queries: of numbers that methods would look at, noise stands for the worst. */
static rkv_status download(rkv_backend *backend, float *host, const float *device, size_t n) {
    (void)backend, (void)device;
    rkv_noise_fill(host, 1, n, n);
    return RKV_OK;
}

static rkv_status matrix_new(rkv_backend *backend, rkv_weight_form form, size_t n, size_t k,
                             rkv_matrix **out) {
    rehearsal *r = (rehearsal *)backend;
    r->kind = WEIGHTS;
    rkv_status status = rkv_cuda_matrix_new(backend, form, n, k, out);
    r->kind = WORKSPACES;
    return status;
}

static rkv_status singular_values(rkv_backend *backend, const rkv_singular_task *task) {
    size_t order = task->rows < task->cols ? task->rows : task->cols;
    rkv_status status = rkv_cuda_singular_values(backend, task);
    for (size_t i = 0; !status && order && i < task->n; i++) {
        task->sigma[i * order] = 1;
        if (task->erank) task->erank[i] = 1;
    }
    return status;
}

static rkv_status row_metrics(rkv_backend *backend, const float *attention, size_t n_heads, size_t n_tokens,
                              const int32_t *ids, rkv_row_metrics *metrics) {
    rkv_status status = rkv_cuda_row_metrics(backend, attention, n_heads, n_tokens, ids, metrics);
    for (size_t h = 0; !status && h < n_heads; h++)
        metrics[h] = (rkv_row_metrics){.squared_norm = 1, .finite = true};
    return status;
}

/* Rows in all directions alike, of which a basis takes as much as of any. */
static rkv_status gram(rkv_backend *backend, const rkv_head_rows *lists, size_t n_lists, size_t width,
                       double *const *out) {
    rkv_status status = rkv_cuda_gram(backend, lists, n_lists, width, out);
    for (size_t i = 0; !status && i < n_lists; i++)
        for (size_t j = 0; j < width; j++)
            out[i][j * width + j] = 1;
    return status;
}

static rkv_status rehearsal_new(rkv_cuda *cuda, rehearsal *beside, rehearsal **out) {
    rkv_status status = rkv_alloc(out, 1, sizeof **out);
    rehearsal *r = *out;
    if (status) return status;
    r->cuda = *cuda;
    r->cuda.rehearsed = cuda;
    r->limit = rkv_cuda_memory_available(&cuda->base);
    r->held = beside ? 0 : rkv_cuda_memory_held(cuda);
    r->most = (rkv_memory_use){.peak = r->held, .held = r->held};
    r->kind = WORKSPACES;
    r->beside = beside;
    r->ops = *cuda->base.ops;
    r->ops.close = close_rehearsal;
    r->ops.memory_use = memory_use;
    r->ops.rehearse = NULL;
    r->ops.alloc = alloc;
    r->ops.download = download;
    r->ops.matrix_new = matrix_new;
    r->ops.gram = gram;
    r->ops.singular_values = singular_values;
    r->ops.row_metrics = row_metrics;
    r->ops.download_new = NULL; /* there is nothing to look at */
    r->cuda.base.ops = &r->ops;
    r->cuda.base.rehearses = true;
    r->cuda.base.helpers = NULL;
    r->cuda.base.n_helpers = 0;
    return RKV_OK;
}

/* Its own device has the most to do: a helper's work beside the forward pass. cuSOLVER is started first: what
 * that takes is no longer free, for the work as for its rehearsal. */
rkv_status rkv_cuda_rehearse(rkv_backend *backend, rkv_backend **out) {
    rkv_cuda *cuda = rkv_cuda_enter(backend);
    rehearsal *r = NULL, *helper = NULL;
    cusolverDnHandle_t solver;
    *out = NULL;
    rkv_status status = rkv_cuda_solver(cuda, &solver);
    if (!status) status = rehearsal_new(cuda, NULL, &r);
    if (!status && backend->n_helpers) status = rehearsal_new(cuda, r, &helper);
    if (status) {
        free(r);
        return status;
    }
    if (helper) {
        r->helper = &helper->cuda.base;
        r->cuda.base.helpers = &r->helper;
        r->cuda.base.n_helpers = 1;
    }
    *out = &r->cuda.base;
    return RKV_OK;
}
