/* verify.c: what a step did to a layer's cache: counted again, and told. */
#include <string.h>

#include "compressors/executor.h"
#include "core/fail.h"
#include "core/memory.h"

/* ---- what was there before ---- */

static rkv_status record_new(const rkv_session *s, rkv_layer_record *out) {
    *out = (rkv_layer_record){0};
    rkv_status status = rkv_alloc(&out->positions, s->shape.n_kv_heads, sizeof *out->positions);
    if (!status) status = rkv_alloc(&out->n, s->shape.n_kv_heads, sizeof *out->n);
    return status;
}

rkv_status rkv_layer_record_take(const rkv_session *s, size_t layer, rkv_layer_record *out) {
    rkv_status status = record_new(s, out);
    for (size_t g = 0; !status && g < s->shape.n_kv_heads; g++) {
        const rkv_entries *e = &s->layers[layer].heads[g];
        status = rkv_alloc_raw(&out->positions[g], e->n, sizeof *e->positions);
        if (!status) memcpy(out->positions[g], e->positions, e->n * sizeof *e->positions);
        out->n[g] = e->n;
    }
    return status;
}

rkv_status rkv_layer_record_prompt(const rkv_session *s, size_t n, rkv_layer_record *out) {
    rkv_status status = record_new(s, out);
    for (size_t g = 0; !status && g < s->shape.n_kv_heads; g++) {
        status = rkv_alloc_raw(&out->positions[g], n, sizeof **out->positions);
        for (size_t t = 0; !status && t < n; t++)
            out->positions[g][t] = (int32_t)t;
        out->n[g] = n;
    }
    return status;
}

void rkv_layer_record_clear(const rkv_session *s, rkv_layer_record *record) {
    for (size_t g = 0; record->positions && g < s->shape.n_kv_heads; g++)
        free(record->positions[g]);
    free(record->positions);
    free(record->n);
    *record = (rkv_layer_record){0};
}

/* ---- the recount ---- */

static rkv_status check_head(const rkv_session *s, size_t layer, size_t g, size_t before, size_t *evicted) {
    const rkv_entries *e = &s->layers[layer].heads[g];
    size_t rows = rkv_rows_count(e->keys.rows), n_values = rkv_rows_count(e->values.rows);
    if (rows != e->n || n_values != e->n)
        return rkv_fail(RKV_ERROR,
                        "verify: step %zu, layer %zu, KV head %zu: %zu keys and %zu values for %zu entries",
                        s->step, layer, g, rows, n_values, e->n);
    if (e->n + *evicted != before)
        return rkv_fail(RKV_ERROR,
                        "verify: step %zu, layer %zu, KV head %zu: %zu entries, of which %zu went, leave %zu",
                        s->step, layer, g, before, *evicted, e->n);
    for (size_t i = 0; i < e->n; i++)
        if (e->positions[i] < 0 || (size_t)e->positions[i] >= s->n_seen ||
            (i > 0 && e->positions[i] <= e->positions[i - 1]))
            return rkv_fail(RKV_ERROR, "verify: step %zu, layer %zu, KV head %zu: entry %zu has position %d",
                            s->step, layer, g, i, (int)e->positions[i]);
    return RKV_OK;
}

/* After a step that evicts, a head holds no more than it may. */
static rkv_status check_limits(const rkv_session *s, size_t layer) {
    size_t entries = 0, most = 0;
    bool shared = false;
    if (!rkv_session_evicts(s)) return RKV_OK;
    for (size_t g = 0; g < s->shape.n_kv_heads; g++) {
        size_t n = s->layers[layer].heads[g].n, limit = rkv_head_limit(s, layer, g, &shared);
        entries += n;
        most = limit > SIZE_MAX - most ? SIZE_MAX : most + limit;
        if (!shared && n > limit)
            return rkv_fail(RKV_ERROR,
                            "verify: step %zu, layer %zu, KV head %zu: %zu entries, its budget is %zu",
                            s->step, layer, g, n, limit);
    }
    if (entries > most)
        return rkv_fail(RKV_ERROR, "verify: step %zu, layer %zu: %zu entries, its heads' budgets are %zu",
                        s->step, layer, entries, most);
    return RKV_OK;
}

/* The positions of before [n] that are not among an head's entries any more. */
static size_t find_evicted(const int32_t *before, size_t n, const rkv_entries *e, int32_t *evicted) {
    size_t count = 0, at = 0;
    for (size_t i = 0; i < n; i++) {
        if (at < e->n && e->positions[at] == before[i])
            at++;
        else
            evicted[count++] = before[i];
    }
    return count;
}

static rkv_status report_head(const rkv_session *s, size_t layer, size_t g, const int32_t *before, size_t n) {
    const rkv_entries *e = &s->layers[layer].heads[g];
    int32_t *evicted = NULL;
    rkv_status status = rkv_alloc_raw(&evicted, n, sizeof *evicted);
    size_t count = status ? 0 : find_evicted(before, n, e, evicted);
    if (!status && s->options.verify) status = check_head(s, layer, g, n, &count);
    if (!status && s->options.on_event)
        status = s->options.on_event(s->options.user, &(rkv_cache_event){.step = s->step,
                                                                         .layer = layer,
                                                                         .head = g,
                                                                         .before = n,
                                                                         .after = e->n,
                                                                         .bytes = rkv_entries_bytes(e),
                                                                         .evicted = evicted});
    free(evicted);
    return status;
}

rkv_status rkv_layer_report(const rkv_session *s, size_t layer, const rkv_layer_record *record) {
    rkv_status status = RKV_OK;
    for (size_t g = 0; !status && g < s->shape.n_kv_heads; g++)
        status = report_head(s, layer, g, record->positions[g], record->n[g]);
    if (!status && s->options.verify) status = check_limits(s, layer);
    return status;
}

rkv_status rkv_session_verify_bytes(const rkv_session *s) {
    rkv_cache_stats stats;
    size_t bytes = 0;
    rkv_status status = rkv_session_get_stats(s, &stats);
    size_t states = stats.state_bytes;
    for (size_t l = 0; l < rkv_session_layers(s); l++) {
        bytes += rkv_layer_bytes(s, l);
        for (size_t g = 0; g < s->shape.n_kv_heads; g++)
            states -= rkv_entries_state_bytes(&s->layers[l].heads[g]);
    }
    if (!status && bytes + states != s->allocated_bytes)
        status =
            rkv_fail(RKV_ERROR, "verify: step %zu: the cache holds %zu bytes, the running count says %zu",
                     s->step, bytes + states, s->allocated_bytes);
    return status;
}
