/* entries.c: one KV head's cache. */
#include "compressors/entries.h"

#include <string.h>

#include "backend/rows_list.h"
#include "core/memory.h"

/* Heads whose keys and values are stored at once. */
#define HEADS_AT_ONCE ((size_t)RKV_STORES_AT_ONCE / 2)

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
    *e = (rkv_entries){.head_dim = head_dim, .group = group};
    rkv_status status =
        rkv_store_init(&e->keys, b, &format->keys, head_dim, format->key_basis, format->key_rank);
    if (!status)
        status =
            rkv_store_init(&e->values, b, &format->values, head_dim, format->value_basis, format->value_rank);
    if (!status) status = rkv_alloc_raw(&e->positions, 1, sizeof *e->positions);
    if (!status && keep_sums) status = rkv_alloc_raw(&e->sums, group, sizeof *e->sums);
    if (!status) e->capacity = 1;
    return status;
}

void rkv_entries_clear(rkv_entries *e) {
    rkv_store_clear(&e->keys);
    rkv_store_clear(&e->values);
    free(e->positions);
    free(e->sums);
    *e = (rkv_entries){0};
}

/* Keys and values of some heads. */
static rkv_status copy_some(rkv_entries *out, const rkv_entries *heads, size_t n_heads) {
    rkv_store *to[RKV_STORES_AT_ONCE];
    const rkv_store *from[RKV_STORES_AT_ONCE];
    for (size_t g = 0; g < n_heads; g++) {
        to[2 * g] = &out[g].keys, to[2 * g + 1] = &out[g].values;
        from[2 * g] = &heads[g].keys, from[2 * g + 1] = &heads[g].values;
    }
    return rkv_stores_copy(to, from, 2 * n_heads);
}

static rkv_status copy_rest(rkv_entries *out, const rkv_entries *e) {
    rkv_status status = rkv_alloc_raw(&out->positions, e->capacity, sizeof *e->positions);
    if (!status && e->sums) status = rkv_alloc_raw(&out->sums, e->group * e->capacity, sizeof *e->sums);
    if (status) return status;
    memcpy(out->positions, e->positions, e->n * sizeof *e->positions);
    if (e->sums) memcpy(out->sums, e->sums, e->group * e->n * sizeof *e->sums);
    out->n = e->n;
    out->capacity = e->capacity;
    return RKV_OK;
}

rkv_status rkv_entries_copy_all(rkv_entries *out, const rkv_entries *heads, size_t n_heads) {
    rkv_status status = RKV_OK;
    for (size_t g = 0; g < n_heads; g++)
        out[g] = (rkv_entries){.head_dim = heads[g].head_dim, .group = heads[g].group};
    for (size_t g = 0, some; !status && g < n_heads; g += some) {
        some = n_heads - g < HEADS_AT_ONCE ? n_heads - g : HEADS_AT_ONCE;
        status = copy_some(out + g, heads + g, some);
    }
    for (size_t g = 0; !status && g < n_heads; g++)
        status = copy_rest(&out[g], &heads[g]);
    return status;
}

/* After keys and values, for which there is room. */
static void add_rest(rkv_entries *e, const int32_t *positions, const float *sums, size_t m) {
    memcpy(e->positions + e->n, positions, m * sizeof *positions);
    if (e->sums) widen_sums(e, sums, m);
    e->n += m;
}

/* Keys and values of some heads, for whose rest there is room then. */
static rkv_status append_some_there(rkv_entries *heads, const rkv_new_entries *more, size_t n_heads) {
    rkv_store *stores[RKV_STORES_AT_ONCE];
    const float *x[RKV_STORES_AT_ONCE];
    size_t m[RKV_STORES_AT_ONCE];
    rkv_status status = RKV_OK;
    for (size_t g = 0; !status && g < n_heads; g++) {
        stores[2 * g] = &heads[g].keys, x[2 * g] = more[g].keys;
        stores[2 * g + 1] = &heads[g].values, x[2 * g + 1] = more[g].values;
        m[2 * g] = m[2 * g + 1] = more[g].n;
        status = make_room(&heads[g], more[g].n);
    }
    return status ? status : rkv_stores_append_there(stores, x, m, 2 * n_heads);
}

rkv_status rkv_entries_append_each_there(rkv_entries *heads, const rkv_new_entries *more, size_t n_heads) {
    rkv_status status = RKV_OK;
    for (size_t g = 0, some; !status && g < n_heads; g += some) {
        some = n_heads - g < HEADS_AT_ONCE ? n_heads - g : HEADS_AT_ONCE;
        status = append_some_there(heads + g, more + g, some);
    }
    for (size_t g = 0; !status && g < n_heads; g++)
        if (more[g].n) add_rest(&heads[g], more[g].positions, more[g].sums, more[g].n);
    return status;
}

rkv_status rkv_entries_append_all_there(rkv_entries *heads, size_t n_heads, const float *keys,
                                        const float *values, const int32_t *positions, size_t m) {
    rkv_new_entries *more = NULL;
    rkv_status status = rkv_alloc(&more, n_heads, sizeof *more);
    for (size_t g = 0; !status && g < n_heads; g++) {
        size_t first = g * m * heads->head_dim;
        more[g] = (rkv_new_entries){m, keys + first, values + first, positions, NULL};
    }
    if (!status) status = rkv_entries_append_each_there(heads, more, n_heads);
    free(more);
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

/* After keys and values. */
static void keep_rest(rkv_entries *e, const uint32_t *index, size_t n) {
    keep_cells(e->positions, e->positions, index, n);
    for (size_t h = 0; e->sums && h < e->group; h++)
        keep_cells(e->sums + h * n, e->sums + h * e->n, index, n);
    e->n = n;
    /* Memory that cannot be made smaller stays. */
    if (e->capacity > n + slack(n)) (void)resize(e, n > 0 ? n : 1);
}

/* Keys and values of some heads. */
static rkv_status keep_some(rkv_entries *heads, size_t n_heads, const uint32_t *const *index,
                            const size_t *n) {
    rkv_rows *rows[RKV_STORES_AT_ONCE];
    const uint32_t *index_of[RKV_STORES_AT_ONCE];
    size_t n_of[RKV_STORES_AT_ONCE];
    for (size_t g = 0; g < n_heads; g++) {
        rows[2 * g] = heads[g].keys.rows, rows[2 * g + 1] = heads[g].values.rows;
        index_of[2 * g] = index_of[2 * g + 1] = index[g];
        n_of[2 * g] = n_of[2 * g + 1] = n[g];
    }
    return rkv_rows_keep_all(rows, index_of, n_of, 2 * n_heads);
}

rkv_status rkv_entries_keep_all(rkv_entries *heads, size_t n_heads, const uint32_t *const *index,
                                const size_t *n) {
    rkv_status status = RKV_OK;
    for (size_t g = 0, some; !status && g < n_heads; g += some) {
        some = n_heads - g < HEADS_AT_ONCE ? n_heads - g : HEADS_AT_ONCE;
        status = keep_some(heads + g, some, index + g, n + g);
    }
    for (size_t g = 0; !status && g < n_heads; g++)
        keep_rest(&heads[g], index[g], n[g]);
    return status;
}

rkv_status rkv_entries_keep(rkv_entries *e, const uint32_t *index, size_t n) {
    return rkv_entries_keep_all(e, 1, &index, &n);
}

void rkv_entries_drop_sums(rkv_entries *e) {
    free(e->sums);
    e->sums = NULL;
}

rkv_status rkv_entries_read(const rkv_entries *e, float *keys, float *values) {
    if (e->n == 0) return RKV_OK; /* before the prompt there are not even lists */
    rkv_status status = keys ? rkv_store_read(&e->keys, e->n, keys) : RKV_OK;
    return status || !values ? status : rkv_store_read(&e->values, e->n, values);
}

/* Of some heads, before the prompt without lists, what is wanted. */
static rkv_status read_some_there(const rkv_entries *heads, size_t n_heads, float *const *keys,
                                  float *const *values) {
    const rkv_store *stores[RKV_STORES_AT_ONCE];
    float *x[RKV_STORES_AT_ONCE];
    size_t n = 0;
    for (size_t g = 0; g < n_heads; g++) {
        if (!heads[g].n) continue;
        if (keys) stores[n] = &heads[g].keys, x[n++] = keys[g];
        if (values) stores[n] = &heads[g].values, x[n++] = values[g];
    }
    return n ? rkv_stores_read_there(stores, x, n) : RKV_OK;
}

rkv_status rkv_entries_read_all_there(const rkv_entries *heads, size_t n_heads, float *const *keys,
                                      float *const *values) {
    rkv_status status = RKV_OK;
    for (size_t g = 0, some; !status && g < n_heads; g += some) {
        some = n_heads - g < HEADS_AT_ONCE ? n_heads - g : HEADS_AT_ONCE;
        status = read_some_there(heads + g, some, keys ? keys + g : NULL, values ? values + g : NULL);
    }
    return status;
}

rkv_status rkv_entries_read_there(const rkv_entries *e, float *keys, float *values) {
    return rkv_entries_read_all_there(e, 1, keys ? &keys : NULL, values ? &values : NULL);
}

size_t rkv_entries_kv_bytes(const rkv_entries *e) {
    return rkv_store_bytes(&e->keys) + rkv_store_bytes(&e->values);
}

size_t rkv_entries_state_bytes(const rkv_entries *e) {
    return e->sums ? e->group * e->capacity * sizeof *e->sums : 0;
}

size_t rkv_entries_bytes(const rkv_entries *e) {
    return rkv_entries_kv_bytes(e) + rkv_entries_state_bytes(e) + e->capacity * sizeof *e->positions;
}
