/* entries.c: one KV head's cache. */
#include "compressors/entries.h"

#include <string.h>

#include "backend/rows_list.h"
#include "core/memory.h"
#include "core/simd.h"
#include "model/host_copy.h"

/* ---- keys or values ---- */

static void store_clear(rkv_store *s, rkv_backend *backend) {
    rkv_rows_free(s->rows);
    if (s->there_basis != s->basis) backend->ops->release(backend, s->there_basis);
    free(s->basis);
    *s = (rkv_store){0};
}

static rkv_status set_basis(rkv_store *s, rkv_backend *backend, const float *basis, size_t head_dim) {
    size_t n = s->rank * head_dim;
    if (!basis) return RKV_OK;
    rkv_status status = rkv_alloc_raw(&s->basis, n, sizeof *s->basis);
    if (status) return status;
    memcpy(s->basis, basis, n * sizeof *basis);
    if (backend && !backend->host_memory) return rkv_device_copy_new(&s->there_basis, backend, basis, n);
    s->there_basis = s->basis;
    return RKV_OK;
}

static rkv_status rows_new(rkv_rows **out, rkv_backend *backend, const rkv_row_format *format, size_t width) {
    if (!backend) return rkv_rows_new(out, format, width);
    return backend->ops->rows_new(backend, format, width, out);
}

static rkv_status store_init(rkv_store *s, rkv_backend *backend, const rkv_row_format *format,
                             const float *basis, size_t rank, size_t head_dim) {
    s->rank = basis ? rank : head_dim;
    rkv_status status = rows_new(&s->rows, backend, format, s->rank);
    return status ? status : set_basis(s, backend, basis, head_dim);
}

static rkv_status store_copy(rkv_store *out, rkv_backend *backend, const rkv_store *s, size_t head_dim) {
    out->rank = s->rank;
    rkv_status status = rkv_rows_copy(&out->rows, s->rows);
    return status ? status : set_basis(out, backend, s->basis, head_dim);
}

/* Coordinates c [m, rank] of x [m, D] on the basis [rank, D]. A product is summed in 16 parts, so that it
 * vectorises. */
RKV_CLONES
static void project(const float *x, size_t m, const float *basis, size_t rank, size_t head_dim, float *c) {
    enum { PARTS = 16 };
    for (size_t i = 0; i < m; i++)
        for (size_t r = 0; r < rank; r++) {
            const float *row = x + i * head_dim, *axis = basis + r * head_dim;
            float part[PARTS] = {0}, sum = 0;
            size_t d = 0;
            for (; d + PARTS <= head_dim; d += PARTS)
                for (size_t k = 0; k < PARTS; k++)
                    part[k] += row[d + k] * axis[d + k];
            for (; d < head_dim; d++)
                sum += row[d] * axis[d];
            for (size_t k = 0; k < PARTS; k++)
                sum += part[k];
            c[i * rank + r] = sum;
        }
}

/* x [n, D] = c [n, rank] basis [rank, D]. */
RKV_CLONES
static void expand(const float *c, size_t n, const float *basis, size_t rank, size_t head_dim, float *x) {
    memset(x, 0, n * head_dim * sizeof *x);
    for (size_t i = 0; i < n; i++)
        for (size_t r = 0; r < rank; r++)
            for (size_t d = 0; d < head_dim; d++)
                x[i * head_dim + d] += c[i * rank + r] * basis[r * head_dim + d];
}

static rkv_status store_append(rkv_store *s, const float *x, size_t m, size_t head_dim) {
    if (!s->basis) return rkv_rows_append(s->rows, x, m, head_dim);
    float *coordinates = NULL;
    rkv_status status = rkv_alloc_raw(&coordinates, m * s->rank, sizeof *coordinates);
    if (!status) project(x, m, s->basis, s->rank, head_dim, coordinates);
    if (!status) status = rkv_rows_append(s->rows, coordinates, m, s->rank);
    free(coordinates);
    return status;
}

/* x in the rows' memory. */
static rkv_status store_append_there(rkv_store *s, rkv_backend *backend, const float *x, size_t m,
                                     size_t head_dim) {
    if (!s->basis) return rkv_rows_append_there(s->rows, x, m, head_dim);
    rkv_host_copy copy = {0};
    rkv_status status = backend ? rkv_host_copy_take(&copy, backend, &x, m * head_dim) : RKV_OK;
    if (!status) status = store_append(s, x, m, head_dim);
    rkv_host_copy_clear(&copy);
    return status;
}

static rkv_status store_read(const rkv_store *s, size_t n, size_t head_dim, float *x) {
    if (!s->basis) return rkv_rows_read(s->rows, 0, n, x);
    float *coordinates = NULL;
    rkv_status status = rkv_alloc_raw(&coordinates, n * s->rank, sizeof *coordinates);
    if (status) return status;
    status = rkv_rows_read(s->rows, 0, n, coordinates);
    if (!status) expand(coordinates, n, s->basis, s->rank, head_dim, x);
    free(coordinates);
    return status;
}

static size_t store_bytes(const rkv_store *s, size_t head_dim) {
    size_t bases = !s->basis ? 0 : s->there_basis == s->basis ? 1 : 2;
    return (s->rows ? rkv_rows_allocated_bytes(s->rows) : 0) + bases * s->rank * head_dim * sizeof *s->basis;
}

/* ---- positions and sums ---- */

/* Moves positions and sums into room for `capacity` entries, at least n. sums lie [group, n] before and
 * after. */
static rkv_status resize(rkv_entries *e, size_t capacity) {
    int32_t *positions = NULL;
    float *sums = NULL;
    rkv_status status = rkv_alloc_raw(&positions, capacity, sizeof *positions);
    if (!status && e->sums) status = rkv_alloc_raw(&sums, e->group * capacity, sizeof *sums);
    if (status) {
        free(positions);
        return status;
    }
    memcpy(positions, e->positions, e->n * sizeof *positions);
    if (sums) memcpy(sums, e->sums, e->group * e->n * sizeof *sums);
    free(e->positions);
    free(e->sums);
    e->positions = positions;
    e->sums = sums;
    e->capacity = capacity;
    return RKV_OK;
}

/* Room beyond the entries that are there, as rows.h has it. */
static size_t slack(size_t n) {
    return n / 8 > RKV_ROWS_SLACK ? n / 8 : RKV_ROWS_SLACK;
}

static rkv_status make_room(rkv_entries *e, size_t m) {
    if (e->n + m <= e->capacity) return RKV_OK;
    size_t wanted = e->n == 0 ? m : e->n + slack(e->n);
    return resize(e, wanted > e->n + m ? wanted : e->n + m);
}

/* sums from [group, n] to [group, n + m], the last heads first so that nothing is overwritten. */
static void widen_sums(rkv_entries *e, const float *sums, size_t m) {
    size_t n = e->n;
    for (size_t h = e->group; h-- > 0;) {
        memmove(e->sums + h * (n + m), e->sums + h * n, n * sizeof *sums);
        if (sums)
            memcpy(e->sums + h * (n + m) + n, sums + h * m, m * sizeof *sums);
        else
            memset(e->sums + h * (n + m) + n, 0, m * sizeof *sums);
    }
}

/* ---- entries ---- */

rkv_status rkv_entries_init(rkv_entries *e, const rkv_entries_format *format, size_t head_dim, size_t group,
                            bool keep_sums) {
    rkv_backend *b = format->backend;
    *e = (rkv_entries){.backend = b, .head_dim = head_dim, .group = group};
    rkv_status status = store_init(&e->keys, b, &format->keys, format->key_basis, format->key_rank, head_dim);
    if (!status)
        status =
            store_init(&e->values, b, &format->values, format->value_basis, format->value_rank, head_dim);
    if (!status) status = rkv_alloc_raw(&e->positions, 1, sizeof *e->positions);
    if (!status && keep_sums) status = rkv_alloc_raw(&e->sums, group, sizeof *e->sums);
    if (!status) e->capacity = 1;
    return status;
}

void rkv_entries_clear(rkv_entries *e) {
    store_clear(&e->keys, e->backend);
    store_clear(&e->values, e->backend);
    free(e->positions);
    free(e->sums);
    *e = (rkv_entries){0};
}

rkv_status rkv_entries_copy(rkv_entries *out, const rkv_entries *e) {
    *out = (rkv_entries){.backend = e->backend, .head_dim = e->head_dim, .group = e->group};
    rkv_status status = store_copy(&out->keys, e->backend, &e->keys, e->head_dim);
    if (!status) status = store_copy(&out->values, e->backend, &e->values, e->head_dim);
    if (!status) status = rkv_alloc_raw(&out->positions, e->capacity, sizeof *e->positions);
    if (!status && e->sums) status = rkv_alloc_raw(&out->sums, e->group * e->capacity, sizeof *e->sums);
    if (status) return status;
    memcpy(out->positions, e->positions, e->n * sizeof *e->positions);
    if (e->sums) memcpy(out->sums, e->sums, e->group * e->n * sizeof *e->sums);
    out->n = e->n;
    out->capacity = e->capacity;
    return RKV_OK;
}

/* After keys and values, for which there is room. */
static void add_rest(rkv_entries *e, const int32_t *positions, const float *sums, size_t m) {
    memcpy(e->positions + e->n, positions, m * sizeof *positions);
    if (e->sums) widen_sums(e, sums, m);
    e->n += m;
}

rkv_status rkv_entries_append(rkv_entries *e, const float *keys, const float *values,
                              const int32_t *positions, const float *sums, size_t m) {
    rkv_status status = make_room(e, m);
    if (!status) status = store_append(&e->keys, keys, m, e->head_dim);
    if (!status) status = store_append(&e->values, values, m, e->head_dim);
    if (!status) add_rest(e, positions, sums, m);
    return status;
}

rkv_status rkv_entries_append_there(rkv_entries *e, const float *keys, const float *values,
                                    const int32_t *positions, const float *sums, size_t m) {
    rkv_status status = make_room(e, m);
    if (!status) status = store_append_there(&e->keys, e->backend, keys, m, e->head_dim);
    if (!status) status = store_append_there(&e->values, e->backend, values, m, e->head_dim);
    if (!status) add_rest(e, positions, sums, m);
    return status;
}

/* Rows for some lists, that their device may store at once. */
typedef struct batch {
    rkv_rows *rows[32];
    const float *x[32];
    size_t n;
} batch;

static rkv_status batch_flush(batch *b, size_t m, size_t head_dim) {
    size_t n = b->n;
    b->n = 0;
    return rkv_rows_append_all_there(b->rows, b->x, n, m, head_dim);
}

static rkv_status batch_add(batch *b, rkv_store *s, rkv_backend *backend, const float *x, size_t m,
                            size_t head_dim) {
    if (s->basis) return store_append_there(s, backend, x, m, head_dim);
    b->rows[b->n] = s->rows;
    b->x[b->n++] = x;
    return b->n == sizeof b->rows / sizeof *b->rows ? batch_flush(b, m, head_dim) : RKV_OK;
}

rkv_status rkv_entries_append_all_there(rkv_entries *heads, size_t n_heads, const float *keys,
                                        const float *values, const int32_t *positions, size_t m) {
    batch b = {.n = 0};
    size_t d = n_heads ? heads->head_dim : 0, each = m * d;
    rkv_status status = RKV_OK;
    for (size_t g = 0; !status && g < n_heads; g++) {
        rkv_entries *e = &heads[g];
        status = make_room(e, m);
        if (!status) status = batch_add(&b, &e->keys, e->backend, keys + g * each, m, d);
        if (!status) status = batch_add(&b, &e->values, e->backend, values + g * each, m, d);
    }
    if (!status) status = batch_flush(&b, m, d);
    for (size_t g = 0; !status && g < n_heads; g++)
        add_rest(&heads[g], positions, NULL, m);
    return status;
}

/* to [n] = from[index[n]], ascending, from at or behind to: neighbours move together. */
static void keep_cells(void *to, const void *from, const uint32_t *index, size_t n) {
    for (size_t i = 0, run; i < n; i += run) {
        uint32_t *there = (uint32_t *)to + i;
        const uint32_t *here = (const uint32_t *)from + index[i];
        run = rkv_index_run(index + i, n - i);
        if (there != here) memmove(there, here, run * sizeof *here);
    }
}

rkv_status rkv_entries_keep(rkv_entries *e, const uint32_t *index, size_t n) {
    rkv_status status = rkv_rows_keep(e->keys.rows, index, n);
    if (!status) status = rkv_rows_keep(e->values.rows, index, n);
    if (status) return status;
    keep_cells(e->positions, e->positions, index, n);
    for (size_t h = 0; e->sums && h < e->group; h++)
        keep_cells(e->sums + h * n, e->sums + h * e->n, index, n);
    e->n = n;
    /* Memory that cannot be made smaller stays. */
    if (e->capacity > n + slack(n)) (void)resize(e, n > 0 ? n : 1);
    return RKV_OK;
}

void rkv_entries_drop_sums(rkv_entries *e) {
    free(e->sums);
    e->sums = NULL;
}

rkv_status rkv_entries_read(const rkv_entries *e, float *keys, float *values) {
    if (e->n == 0) return RKV_OK; /* before the prompt there are not even lists */
    rkv_status status = keys ? store_read(&e->keys, e->n, e->head_dim, keys) : RKV_OK;
    if (!status && values) status = store_read(&e->values, e->n, e->head_dim, values);
    return status;
}

size_t rkv_entries_kv_bytes(const rkv_entries *e) {
    return store_bytes(&e->keys, e->head_dim) + store_bytes(&e->values, e->head_dim);
}

size_t rkv_entries_state_bytes(const rkv_entries *e) {
    return e->sums ? e->group * e->capacity * sizeof *e->sums : 0;
}

size_t rkv_entries_bytes(const rkv_entries *e) {
    return rkv_entries_kv_bytes(e) + rkv_entries_state_bytes(e) + e->capacity * sizeof *e->positions;
}
