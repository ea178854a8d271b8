/* cut.c: windows cut from a text, and the question that asks for a passage once more. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include <rankkv/eval.h>

#include "core/fail.h"
#include "core/memory.h"
#include "core/random.h"
#include "io/windows.h"

/* A text being cut. */
typedef struct source {
    const char *name;
    const int32_t *ids; /* [n] */
    size_t n;
    const rkv_cut *cut;
    size_t length; /* tokens of the text in one window */
} source;

/* a * b + c, or SIZE_MAX when it is larger: for messages about sizes that nothing has. */
static size_t multiply_add(size_t a, size_t b, size_t c) {
    size_t product;
    if (!rkv_multiply(a, b, &product) || product > SIZE_MAX - c) return SIZE_MAX;
    return product + c;
}

static rkv_status check_cut(const rkv_cut *cut) {
    if (cut->context < 2 || cut->continuation < 2)
        return rkv_fail(RKV_USAGE, "windows of %zu + %zu tokens: context and continuation take at least 2",
                        cut->context, cut->continuation);
    if (cut->context > INT32_MAX || cut->continuation > INT32_MAX)
        return rkv_fail(RKV_USAGE, "windows of %zu + %zu tokens: at most %d each", cut->context,
                        cut->continuation, INT32_MAX);
    if (cut->n_prefix >= cut->context)
        return rkv_fail(RKV_USAGE, "a prefix of %zu tokens leaves nothing of a context of %zu", cut->n_prefix,
                        cut->context);
    if (cut->random && cut->stride)
        return rkv_fail(RKV_USAGE, "windows are drawn at random or lie %zu tokens apart, not both",
                        cut->stride);
    if (!cut->count && !cut->stride)
        return rkv_fail(RKV_USAGE, "as many windows as fit: needs a stride, which is 0");
    return RKV_OK;
}

/* How many windows the text has room for. Without a stride they may not overlap: windows are what statistics
 * take to be independent. */
static size_t room(const source *s) {
    size_t left = s->n > s->cut->offset ? s->n - s->cut->offset : 0;
    if (left < s->length) return 0;
    return s->cut->stride ? (left - s->length) / s->cut->stride + 1 : left / s->length;
}

static rkv_status count_windows(const source *s, size_t *count) {
    const rkv_cut *cut = s->cut;
    size_t fit = room(s), wanted = cut->count ? cut->count : 1;
    *count = cut->count ? cut->count : fit;
    if (wanted <= fit) return RKV_OK;
    size_t apart = cut->stride ? cut->stride : s->length;
    size_t needed = multiply_add(wanted - 1, apart, s->length);
    return rkv_fail(RKV_USAGE, "%s has %zu tokens; %zu window%s of %zu + %zu need %zu", s->name, s->n, wanted,
                    wanted == 1 ? "" : "s", cut->context, cut->continuation,
                    multiply_add(1, needed, cut->offset));
}

/* ---- where windows start ---- */

static int ascending(const void *a, const void *b) {
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

/* Draws what is left out before each window, in all at most what the windows leave. */
static void draw_starts(const source *s, size_t count, size_t *starts) {
    rkv_random random = {s->cut->seed};
    size_t spare = s->n - s->cut->offset - count * s->length;
    for (size_t i = 0; i < count; i++)
        starts[i] = rkv_random_below(&random, spare + 1);
    qsort(starts, count, sizeof *starts, ascending);
    for (size_t i = 0; i < count; i++)
        starts[i] += s->cut->offset + i * s->length;
}

/* The first window at the beginning, the last one at the end of the text. */
static void spread_starts(const source *s, size_t count, size_t *starts) {
    size_t way = s->n - s->cut->offset - s->length, gaps = count > 1 ? count - 1 : 1;
    for (size_t i = 0; i < count; i++)
        starts[i] = s->cut->offset + i * (way / gaps) + i * (way % gaps) / gaps;
}

static void step_starts(const source *s, size_t count, size_t *starts) {
    for (size_t i = 0; i < count; i++)
        starts[i] = s->cut->offset + i * s->cut->stride;
}

static void place(const source *s, size_t count, size_t *starts) {
    if (s->cut->random)
        draw_starts(s, count, starts);
    else if (s->cut->stride)
        step_starts(s, count, starts);
    else
        spread_starts(s, count, starts);
}

/* ---- windows ---- */

static rkv_status fill_window(rkv_window *window, const source *s, size_t start, size_t number) {
    const rkv_cut *cut = s->cut;
    size_t n_text = cut->context - cut->n_prefix;
    rkv_status status = rkv_window_make_name(&window->name, s->name, number);
    if (!status) status = rkv_alloc(&window->context, cut->context, sizeof *window->context);
    if (status) return status;
    window->n_context = cut->context;
    if (cut->n_prefix) memcpy(window->context, cut->prefix, cut->n_prefix * sizeof *cut->prefix);
    memcpy(window->context + cut->n_prefix, s->ids + start, n_text * sizeof *s->ids);
    return rkv_window_add_question(window, RKV_TASK_NATURAL, s->ids + start + n_text, cut->continuation, 1,
                                   NAN);
}

static rkv_status add_window(rkv_windows *windows, const source *s, size_t start, size_t number) {
    rkv_window window = {0};
    rkv_status status = fill_window(&window, s, start, number);
    if (!status) status = rkv_windows_push(windows, &window);
    rkv_window_clear(&window);
    return status;
}

rkv_status rkv_windows_cut(rkv_windows *windows, const char *name, const int32_t *ids, size_t n,
                           const rkv_cut *cut) {
    size_t count, *starts = NULL, before = windows->n;
    rkv_status status = check_cut(cut);
    if (status) return status;
    const source s = {name, ids, n, cut, cut->context - cut->n_prefix + cut->continuation};
    status = count_windows(&s, &count);
    if (!status) status = rkv_alloc(&starts, count, sizeof *starts);
    if (status) return status;
    place(&s, count, starts);
    size_t number = rkv_windows_next_number(windows, name);
    for (size_t i = 0; !status && i < count; i++)
        status = add_window(windows, &s, starts[i], number + i);
    if (status) rkv_windows_drop(windows, before);
    free(starts);
    return status;
}

/* ---- a passage once more ---- */

static rkv_status check_passage(const rkv_windows *windows, size_t first, size_t start, size_t n_tokens) {
    if (n_tokens < 2) return rkv_fail(RKV_USAGE, "a copy of %zu tokens: at least 2 are needed", n_tokens);
    if (first > windows->n)
        return rkv_fail(RKV_USAGE, "a copy in windows from %zu on, of %zu", first, windows->n);
    for (size_t i = first; i < windows->n; i++) {
        const rkv_window *w = &windows->items[i];
        if (w->n_context < n_tokens || w->n_context - n_tokens < start)
            return rkv_fail(RKV_USAGE,
                            "%s: a copy of %zu tokens from token %zu on needs a longer context than its %zu",
                            w->name, n_tokens, start, w->n_context);
    }
    return RKV_OK;
}

rkv_status rkv_windows_add_copy(rkv_windows *windows, size_t first, size_t start, size_t n_tokens) {
    size_t i = first;
    rkv_status status = check_passage(windows, first, start, n_tokens);
    for (; !status && i < windows->n; i++) {
        rkv_window *w = &windows->items[i];
        status = rkv_window_add_question(w, RKV_TASK_COPY, w->context + start, n_tokens, 1, NAN);
        if (status) break;
    }
    if (status)
        while (i > first)
            rkv_window_drop_question(&windows->items[--i]);
    return status;
}
