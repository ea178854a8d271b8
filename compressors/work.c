/* work.c: a layer's entries on their way through the stages of a pipeline. */
#include "compressors/work.h"

#include <stdlib.h>
#include <string.h>

#include "compressors/select.h"
#include "core/fail.h"
#include "core/memory.h"

/* Room of a head. Rows are taken out of one room into the other. */
enum { KEYS, VALUES, OTHER_KEYS, OTHER_VALUES, SUMS, POSITIONS, BUFFERS };

#define FEW_ENTRIES ((size_t)128)

/* ---- memory ---- */

rkv_status rkv_work_init(rkv_work *w, const rkv_layer_view *view, rkv_entries *stored) {
    *w = (rkv_work){.view = *view, .stored = stored, .form = RKV_ROWS_F32};
    rkv_status status = rkv_alloc(&w->heads, view->n_kv_heads, sizeof *w->heads);
    if (!status) status = rkv_alloc(&w->room, view->n_kv_heads, BUFFERS * sizeof *w->room);
    w->view.heads = w->heads;
    return status;
}

/* Keys and values are in the memory of the view's backend, the rest is in the host's. */
static bool are_rows(size_t which) {
    return which <= OTHER_VALUES;
}

static void give_back(const rkv_work *w, size_t which, rkv_work_buffer *buffer) {
    if (are_rows(which))
        w->view.backend->ops->release(w->view.backend, buffer->at);
    else
        free(buffer->at);
    *buffer = (rkv_work_buffer){0};
}

void rkv_work_clear(rkv_work *w) {
    for (size_t i = 0; w->room && i < w->view.n_kv_heads * BUFFERS; i++)
        give_back(w, i % BUFFERS, &w->room[i]);
    free(w->room);
    free(w->heads);
    *w = (rkv_work){0};
}

/* *out = room for n numbers of head g. What was there stays there, unless it is too small. */
static rkv_status reserve(const rkv_work *w, size_t g, size_t which, size_t n, void *out) {
    rkv_work_buffer *buffer = &w->room[g * BUFFERS + which];
    rkv_backend *b = w->view.backend;
    rkv_status status = RKV_OK;
    if (!buffer->at || n > buffer->n) {
        float *rows = NULL;
        give_back(w, which, buffer);
        status = are_rows(which) ? b->ops->alloc(b, &rows, n) : rkv_alloc_raw(&buffer->at, n, sizeof(float));
        if (are_rows(which)) buffer->at = rows;
        if (!status) buffer->n = n;
    }
    memcpy(out, &buffer->at, sizeof buffer->at);
    return status;
}

static size_t count(const rkv_work *w, size_t g) {
    return w->loose ? w->heads[g].n : w->stored[g].n;
}

/* ---- places for positions ---- */

/* Turns the keys of all heads by their places in the lists, as attention sees them; or back, as they are
 * stored. They are in memory of their own then. */
static rkv_status turn_by_places(rkv_work *w, bool back) {
    rkv_turned_rows *lists = NULL;
    size_t n_heads = w->view.n_kv_heads;
    if (!w->view.cache_positions) return RKV_OK;
    rkv_status status = rkv_alloc(&lists, n_heads, sizeof *lists);
    for (size_t g = 0; !status && g < n_heads; g++) {
        rkv_head_view *h = &w->heads[g];
        float *keys;
        status = reserve(w, g, KEYS, h->n * w->view.head_dim, &keys);
        lists[g] = (rkv_turned_rows){h->keys, keys, 1, h->n, NULL};
        h->keys = keys;
    }
    if (!status) status = rkv_rope_turn_rows(w->view.rope, w->view.backend, lists, n_heads, back);
    free(lists);
    return status;
}

/* Keys [n, D] that stood at the places `from` are turned to 0, 1, ... */
static rkv_status turn_to_places(const rkv_work *w, const uint32_t *from, float *keys, size_t n) {
    int32_t *by = NULL;
    if (!w->view.cache_positions) return RKV_OK;
    rkv_status status = rkv_alloc_raw(&by, n, sizeof *by);
    for (size_t i = 0; !status && i < n; i++)
        by[i] = (int32_t)i - (int32_t)from[i];
    const rkv_turned_rows list = {keys, keys, 1, n, by};
    if (!status) status = rkv_rope_turn_rows(w->view.rope, w->view.backend, &list, 1, false);
    free(by);
    return status;
}

/* ---- one head's entries ---- */

/* Room for what is stored of head g: of keys and values, for those that are needed, which are read then. */
static rkv_status make_room(rkv_work *w, size_t g, unsigned needs, float **keys, float **values) {
    const rkv_entries *e = &w->stored[g];
    size_t cells = e->n * e->head_dim;
    rkv_status status = RKV_OK;
    *keys = *values = NULL;
    if (needs & RKV_NEEDS_KEYS) status = reserve(w, g, KEYS, cells, keys);
    if (!status && needs & RKV_NEEDS_VALUES) status = reserve(w, g, VALUES, cells, values);
    w->heads[g] = (rkv_head_view){
        .n = e->n, .keys = *keys, .values = *values, .positions = e->positions, .sums = e->sums};
    return status;
}

/* Decodes it. */
static rkv_status load(rkv_work *w, size_t g, unsigned needs) {
    float *keys, *values;
    rkv_status status = make_room(w, g, needs, &keys, &values);
    if (status) return status;
    return rkv_entries_read_there(&w->stored[g], keys, values);
}

/* The same of all heads at once. */
static rkv_status load_all(rkv_work *w, unsigned needs) {
    size_t n_heads = w->view.n_kv_heads;
    float **rows = NULL; /* [2, G]: keys, values */
    rkv_status status = rkv_alloc(&rows, 2 * n_heads, sizeof *rows);
    for (size_t g = 0; !status && g < n_heads; g++)
        status = make_room(w, g, needs, &rows[g], &rows[n_heads + g]);
    if (!status)
        status = rkv_entries_read_all_there(w->stored, n_heads, needs & RKV_NEEDS_KEYS ? rows : NULL,
                                            needs & RKV_NEEDS_VALUES ? rows + n_heads : NULL);
    free(rows);
    return status;
}

/* *rows [*, D] become the rows kept [n] of them, in a room that they are not in. */
static rkv_status gather_rows(rkv_work *w, size_t g, size_t room, size_t other, const uint32_t *kept,
                              size_t n, const float **rows) {
    rkv_backend *b = w->view.backend;
    size_t d = w->view.head_dim;
    float *to;
    if (*rows == w->room[g * BUFFERS + room].at) room = other;
    rkv_status status = reserve(w, g, room, n * d, &to);
    if (!status) status = b->ops->gather(b, *rows, d, kept, n, to);
    *rows = to;
    return status;
}

/* to [n] = the numbers `index`, ascending, of from, which may be `to` itself. */
static void gather_numbers(const float *from, const uint32_t *index, size_t n, float *to) {
    for (size_t i = 0; i < n; i++)
        to[i] = from[index[i]];
}

/* The loose entries kept [n] of head g, in memory of their own. */
static rkv_status gather_head(rkv_work *w, size_t g, const uint32_t *kept, size_t n) {
    rkv_head_view *h = &w->heads[g];
    size_t group = w->view.n_heads / w->view.n_kv_heads;
    float *sums = NULL;
    int32_t *positions;
    rkv_status status = reserve(w, g, POSITIONS, n, &positions);
    if (!status && h->sums) status = reserve(w, g, SUMS, group * n, &sums);
    if (!status) status = gather_rows(w, g, KEYS, OTHER_KEYS, kept, n, &h->keys);
    if (!status) status = gather_rows(w, g, VALUES, OTHER_VALUES, kept, n, &h->values);
    if (!status) status = turn_to_places(w, kept, (float *)h->keys, n);
    if (status) return status;
    for (size_t i = 0; i < n; i++)
        positions[i] = h->positions[kept[i]];
    for (size_t q = 0; sums && q < group; q++)
        gather_numbers(h->sums + q * h->n, kept, n, sums + q * n);
    *h = (rkv_head_view){.n = n, .keys = h->keys, .values = h->values, .positions = positions, .sums = sums};
    return RKV_OK;
}

/* Leaves the entries kept[g] [n[g]] of every head. */
static rkv_status thin(rkv_work *w, const uint32_t *const *kept, const size_t *n) {
    rkv_status status = RKV_OK;
    if (!w->loose) return rkv_entries_keep_all(w->stored, w->view.n_kv_heads, kept, n);
    for (size_t g = 0; !status && g < w->view.n_kv_heads; g++)
        if (n[g] != count(w, g)) status = gather_head(w, g, kept[g], n[g]);
    return status;
}

/* ---- stages ---- */

bool rkv_budget_holds(size_t budget, size_t n) {
    return n <= budget && budget != SIZE_MAX;
}

static bool all_within(const rkv_work *w, const size_t *budgets) {
    for (size_t g = 0; g < w->view.n_kv_heads; g++)
        if (!rkv_budget_holds(budgets[g], count(w, g))) return false;
    return true;
}

/* The scores of all heads, and how many entries of each stay: budgets [G]. */
static rkv_status score_heads(rkv_work *w, const rkv_stage *stage, const rkv_stage_task *task, float **score,
                              size_t *budgets) {
    const struct rkv_method_ops *ops = stage->method->ops;
    w->view.budgets = task->budgets;
    w->view.state = task->state;
    memcpy(budgets, task->budgets, w->view.n_kv_heads * sizeof *budgets);
    rkv_status status = ops->score(&stage->values, &w->view, score);
    if (!status && ops->share) status = ops->share(&stage->values, &w->view, score, budgets);
    return status;
}

/* Methods may look at all of the prompt; afterwards only at what they say that they need. What is stored they
 * see as attention does: with places for positions, keys turned by theirs. */
static rkv_status show_heads(rkv_work *w, const rkv_stage *stage) {
    unsigned needs = stage->method->needs | (w->view.prompt ? RKV_NEEDS_KEYS | RKV_NEEDS_VALUES : 0);
    if (w->loose) return RKV_OK;
    rkv_status status = load_all(w, needs);
    return status || !(needs & RKV_NEEDS_KEYS) ? status : turn_by_places(w, false);
}

/* Leaves those entries of every head with the best scores, of which budgets [G] becomes the number. */
static rkv_status keep_best(rkv_work *w, float *const *score, size_t *budgets) {
    size_t n_heads = w->view.n_kv_heads, longest = 0;
    const uint32_t **kept = NULL;
    uint32_t *room = NULL;
    for (size_t g = 0; g < n_heads; g++)
        if (count(w, g) > longest) longest = count(w, g);
    rkv_status status = rkv_alloc(&kept, n_heads, sizeof *kept);
    if (!status) status = rkv_alloc_raw(&room, n_heads, longest * sizeof *room);
    for (size_t g = 0; !status && g < n_heads; g++) {
        kept[g] = room + g * longest;
        budgets[g] = rkv_select_best(score[g], w->heads[g].n, budgets[g], room + g * longest);
    }
    if (!status) status = thin(w, kept, budgets);
    free(room);
    free(kept);
    return status;
}

static rkv_status select_entries(rkv_work *w, const rkv_stage *stage, const rkv_stage_task *task) {
    float **score = NULL;
    size_t *budgets = NULL;
    if (task->idle || all_within(w, task->budgets)) return RKV_OK;
    rkv_status status = show_heads(w, stage);
    if (!status) status = rkv_view_rows_new(&w->view, 1, &score);
    if (!status) status = rkv_alloc(&budgets, w->view.n_kv_heads, sizeof *budgets);
    if (!status) status = score_heads(w, stage, task, score, budgets);
    if (!status) status = keep_best(w, score, budgets);
    free(budgets);
    rkv_view_rows_free(score);
    return status;
}

/* ---- storing ---- */

/* *out = an empty list for head g, in the form that the stages from `first` on, up to the next selection at
 * *end, give it. */
static rkv_status open_head(const rkv_work *w, const rkv_pipeline *pipeline, size_t g, size_t first,
                            size_t *end, rkv_entries *out) {
    rkv_entries_format format = {0};
    rkv_status status = rkv_pipeline_format(pipeline, first, w->form, &w->view, g, &format, end);
    format.backend = w->view.backend;
    if (!status)
        status = rkv_entries_init(out, &format, w->view.head_dim, w->view.n_heads / w->view.n_kv_heads,
                                  w->heads[g].sums != NULL);
    rkv_entries_format_clear(&format);
    return status;
}

static rkv_new_entries entries_of(const rkv_head_view *h) {
    return (rkv_new_entries){h->n, h->keys, h->values, h->positions, h->sums};
}

/* What head g was stored in makes room for what it is stored in now, unless that failed. */
static void replace(const rkv_work *w, size_t g, rkv_entries *fresh, rkv_status status) {
    rkv_entries_clear(status ? fresh : &w->stored[g]);
    if (!status) w->stored[g] = *fresh;
}

static rkv_status store_head(rkv_work *w, const rkv_pipeline *pipeline, size_t g, size_t first, size_t *end) {
    rkv_entries fresh = {0};
    rkv_status status = w->loose ? RKV_OK : load(w, g, RKV_NEEDS_KEYS | RKV_NEEDS_VALUES);
    if (!status) status = open_head(w, pipeline, g, first, end, &fresh);
    rkv_new_entries more = entries_of(&w->heads[g]);
    if (!status && more.n) status = rkv_entries_append_each_there(&fresh, &more, 1);
    replace(w, g, &fresh, status);
    return status;
}

/* Whether starting threads costs less than storing the heads: a few entries are soon encoded. */
static bool pays_in_parallel(const rkv_work *w) {
    return w->view.backend->host_memory && count(w, 0) > FEW_ENTRIES;
}

static rkv_status store_each(rkv_work *w, const rkv_pipeline *pipeline, size_t first, size_t *end) {
    rkv_first_failure failure = {0};
#pragma omp parallel for schedule(dynamic) if (pays_in_parallel(w))
    for (size_t g = 0; g < w->view.n_kv_heads; g++) {
        size_t own = first;
        if (!rkv_first_failure_seen(&failure))
            rkv_first_failure_note(&failure, store_head(w, pipeline, g, first, &own));
        if (g == 0) *end = own; /* of all heads alike */
    }
    return rkv_first_failure_raise(&failure);
}

/* On a device all heads are stored in the same launches. */
static rkv_status store_together(rkv_work *w, const rkv_pipeline *pipeline, size_t first, size_t *end) {
    size_t n_heads = w->view.n_kv_heads, opened = 0;
    rkv_entries *fresh = NULL;
    rkv_new_entries *more = NULL;
    rkv_status status = rkv_alloc(&fresh, n_heads, sizeof *fresh);
    if (!status) status = rkv_alloc(&more, n_heads, sizeof *more);
    if (!status && !w->loose) status = load_all(w, RKV_NEEDS_KEYS | RKV_NEEDS_VALUES);
    for (; !status && opened < n_heads; opened++) {
        status = open_head(w, pipeline, opened, first, end, &fresh[opened]);
        more[opened] = entries_of(&w->heads[opened]);
    }
    if (!status) status = rkv_entries_append_each_there(fresh, more, n_heads);
    for (size_t g = 0; g < opened; g++)
        replace(w, g, &fresh[g], status);
    free(more);
    free(fresh);
    return status;
}

/* Stores all heads as the stages from *i on say, up to the next selection, which *i then is. With places for
 * positions, keys are stored as they are before their rotation. */
static rkv_status store(rkv_work *w, const rkv_pipeline *pipeline, size_t *i) {
    rkv_status status = w->loose ? turn_by_places(w, true) : RKV_OK;
    if (!status) status = (w->view.backend->host_memory ? store_each : store_together)(w, pipeline, *i, i);
    w->loose = false;
    return status;
}

/* ---- all stages ---- */

rkv_status rkv_work_run(rkv_work *w, const rkv_pipeline *pipeline, const rkv_stage_task *tasks,
                        bool reforms) {
    bool formed = !w->loose && !reforms;
    rkv_status status = RKV_OK;
    for (size_t i = 0; !status && i < pipeline->n_stages;) {
        if (pipeline->stages[i].method->kind == RKV_SELECTION) {
            status = select_entries(w, &pipeline->stages[i], &tasks[i]);
            i++;
        } else if (w->loose || reforms) {
            status = store(w, pipeline, &i);
            formed = true;
        } else {
            i++;
        }
    }
    size_t end = pipeline->n_stages;
    return status || formed ? status : store(w, pipeline, &end);
}
