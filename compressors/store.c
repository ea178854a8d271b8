/* store.c: keys or values of one head. */
#include "compressors/store.h"

#include <assert.h>
#include <string.h>

#include "backend/basis.h"
#include "core/memory.h"
#include "model/host_copy.h"

/* ---- making and freeing ---- */

static rkv_status set_basis(rkv_store *s, const float *basis) {
    size_t n = s->rank * s->width;
    if (!basis) return RKV_OK;
    rkv_status status = rkv_alloc_raw(&s->basis, n, sizeof *s->basis);
    if (status) return status;
    memcpy(s->basis, basis, n * sizeof *basis);
    if (s->backend && !s->backend->host_memory)
        return rkv_device_copy_new(&s->there_basis, s->backend, basis, n);
    s->there_basis = s->basis;
    return RKV_OK;
}

rkv_status rkv_store_init(rkv_store *s, rkv_backend *backend, const rkv_row_format *format, size_t width,
                          const float *basis, size_t rank) {
    *s = (rkv_store){.backend = backend, .rank = basis ? rank : width, .width = width};
    rkv_status status = backend ? backend->ops->rows_new(backend, format, s->rank, &s->rows)
                                : rkv_rows_new(&s->rows, format, s->rank);
    return status ? status : set_basis(s, basis);
}

void rkv_store_clear(rkv_store *s) {
    rkv_rows_free(s->rows);
    if (!s->shares_basis) {
        if (s->there_basis != s->basis) s->backend->ops->release(s->backend, s->there_basis);
        free(s->basis);
    }
    *s = (rkv_store){0};
}

rkv_status rkv_stores_copy(rkv_store *const *out, const rkv_store *const *stores, size_t n_stores) {
    const rkv_rows *rows[RKV_STORES_AT_ONCE] = {NULL};
    rkv_rows *copies[RKV_STORES_AT_ONCE] = {NULL};
    assert(n_stores <= RKV_STORES_AT_ONCE);
    for (size_t i = 0; i < n_stores; i++)
        rows[i] = stores[i]->rows;
    rkv_status status = rkv_rows_copy_all(copies, rows, n_stores);
    for (size_t i = 0; !status && i < n_stores; i++) {
        *out[i] = *stores[i];
        out[i]->rows = copies[i];
        out[i]->shares_basis = true;
    }
    return status;
}

/* ---- to the host ---- */

rkv_status rkv_store_read(const rkv_store *s, size_t n, float *x) {
    if (!s->basis) return rkv_rows_read(s->rows, 0, n, x);
    float *coordinates = NULL;
    rkv_status status = rkv_alloc_raw(&coordinates, n * s->rank, sizeof *coordinates);
    if (!status) status = rkv_rows_read(s->rows, 0, n, coordinates);
    if (!status) rkv_basis_expand(s->basis, s->rank, s->width, coordinates, s->rank, n, x);
    free(coordinates);
    return status;
}

/* ---- in the rows' memory ---- */

static rkv_status take(rkv_backend *backend, float **out, size_t n) {
    return backend ? backend->ops->alloc(backend, out, n) : rkv_alloc_raw(out, n, sizeof **out);
}

static void give(rkv_backend *backend, float *memory) {
    if (backend)
        backend->ops->release(backend, memory);
    else
        free(memory);
}

static rkv_status project(rkv_backend *backend, const rkv_basis_rows *lists, size_t n_lists, size_t width) {
    if (backend) return backend->ops->project(backend, lists, n_lists, width);
    for (const rkv_basis_rows *l = lists; l < lists + n_lists; l++)
        rkv_basis_project(l->basis, l->rank, width, l->from, l->n, l->to, l->stride);
    return RKV_OK;
}

static rkv_status expand(rkv_backend *backend, const rkv_basis_rows *lists, size_t n_lists, size_t width) {
    if (backend) return backend->ops->expand(backend, lists, n_lists, width);
    for (const rkv_basis_rows *l = lists; l < lists + n_lists; l++)
        rkv_basis_expand(l->basis, l->rank, width, l->from, l->stride, l->n, l->to);
    return RKV_OK;
}

/* Coordinates lie as far apart as rows, so that stores with a basis and without go together. */
rkv_status rkv_stores_append_there(rkv_store *const *stores, const float *const *x, const size_t *m,
                                   size_t n_stores) {
    rkv_rows *rows[RKV_STORES_AT_ONCE];
    const float *stored[RKV_STORES_AT_ONCE];
    rkv_basis_rows based[RKV_STORES_AT_ONCE];
    size_t n_based = 0, width = stores[0]->width, n = 0;
    float *room = NULL;
    assert(n_stores <= RKV_STORES_AT_ONCE);
    for (size_t i = 0; i < n_stores; i++)
        if (stores[i]->basis) n += m[i] * width;
    rkv_status status = n ? take(stores[0]->backend, &room, n) : RKV_OK;
    if (status) return status;
    float *next = room;
    for (size_t i = 0; i < n_stores; i++) {
        const rkv_store *s = stores[i];
        rows[i] = s->rows;
        stored[i] = s->basis ? next : x[i];
        if (!s->basis || !m[i]) continue;
        based[n_based++] = (rkv_basis_rows){s->there_basis, s->rank, width, x[i], next, m[i]};
        next += m[i] * width;
    }
    if (n_based) status = project(stores[0]->backend, based, n_based, width);
    if (!status) status = rkv_rows_append_all_there(rows, stored, m, n_stores, width);
    give(stores[0]->backend, room);
    return status;
}

/* Numbers of the coordinates that the stores hold. */
static size_t coordinates_of(const rkv_store *const *stores, size_t n_stores) {
    size_t n = 0;
    for (size_t i = 0; i < n_stores; i++)
        if (stores[i]->basis) n += rkv_rows_count(stores[i]->rows) * stores[i]->rank;
    return n;
}

rkv_status rkv_stores_read_there(const rkv_store *const *stores, float *const *x, size_t n_stores) {
    const rkv_rows *rows[RKV_STORES_AT_ONCE] = {NULL};
    float *read[RKV_STORES_AT_ONCE] = {NULL}, *room = NULL;
    rkv_basis_rows based[RKV_STORES_AT_ONCE];
    size_t n_based = 0, n = coordinates_of(stores, n_stores);
    rkv_backend *backend = stores[0]->backend;
    assert(n_stores <= RKV_STORES_AT_ONCE);
    rkv_status status = n ? take(backend, &room, n) : RKV_OK;
    if (status) return status;
    float *next = room;
    for (size_t i = 0; i < n_stores; i++) {
        const rkv_store *s = stores[i];
        size_t count = rkv_rows_count(s->rows);
        rows[i] = s->rows;
        read[i] = s->basis ? next : x[i];
        if (!s->basis) continue;
        based[n_based++] = (rkv_basis_rows){s->there_basis, s->rank, s->rank, next, x[i], count};
        next += count * s->rank;
    }
    status = rkv_rows_read_all_there(rows, read, n_stores);
    if (!status && n) status = expand(backend, based, n_based, stores[0]->width);
    give(backend, room);
    return status;
}

/* ---- memory ---- */

size_t rkv_store_bytes(const rkv_store *s) {
    size_t bases = !s->basis || s->shares_basis ? 0 : s->there_basis == s->basis ? 1 : 2;
    return (s->rows ? rkv_rows_allocated_bytes(s->rows) : 0) + bases * s->rank * s->width * sizeof *s->basis;
}
