/* haystack.c: windows of filler text with answers hidden in it: passkeys, and keys with their values. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include <rankkv/eval.h>

#include "core/fail.h"
#include "core/memory.h"
#include "core/text.h"
#include "evaluation/filler.h"
#include "evaluation/needle.h"
#include "io/windows.h"

static const double passkey_depths[] = {0.1, 0.3, 0.5, 0.7, 0.9};

#define DEFAULT_PAIRS 8

/* What is being built, for all windows of a call. */
typedef struct builder {
    rkv_windows *windows;
    const rkv_model *model;
    const rkv_haystack *hay;
    rkv_filler filler;
    rkv_random random;
    int32_t *begin; /* [n_begin] what the model wants before any text */
    size_t n_begin;
    char *stem;    /* of the windows' names */
    size_t number; /* of the next one */
} builder;

/* What is hidden in one text: needles by depth. */
typedef struct hidden_needles {
    rkv_needle *needles; /* [n] */
    double *depths;      /* [n], ascending */
    size_t n;
    size_t end; /* of the stretch of filler */
} hidden_needles;

/* ---- what is asked for ---- */

static rkv_status check_depths(const rkv_haystack *hay) {
    if (hay->task == RKV_TASK_RECALL && hay->n_depths)
        return rkv_fail(RKV_USAGE, "recall spreads its keys evenly: it takes no depths, not %zu",
                        hay->n_depths);
    if (hay->n_depths && !hay->depths)
        return rkv_fail(RKV_USAGE, "%zu depths, but none is given", hay->n_depths);
    for (size_t i = 0; i < hay->n_depths; i++)
        if (!(hay->depths[i] >= 0 && hay->depths[i] <= 1))
            return rkv_fail(RKV_USAGE, "depth %g is not from 0 to 1", hay->depths[i]);
    return RKV_OK;
}

static rkv_status check_haystack(const rkv_haystack *hay) {
    if (hay->task != RKV_TASK_PASSKEY && hay->task != RKV_TASK_RECALL)
        return rkv_fail(RKV_USAGE, "only passkey and recall hide answers in text, not task %d",
                        (int)hay->task);
    if (!hay->count) return rkv_fail(RKV_USAGE, "0 windows of %s", rkv_task_name(hay->task));
    if (hay->context > INT32_MAX)
        return rkv_fail(RKV_USAGE, "a context of %zu tokens: at most %d", hay->context, INT32_MAX);
    if (hay->task == RKV_TASK_PASSKEY && hay->n_pairs > 1)
        return rkv_fail(RKV_USAGE, "passkey has 1 key in each window, not %zu", hay->n_pairs);
    if (hay->n_pairs > rkv_needle_limit(hay->task))
        return rkv_fail(RKV_USAGE, "%zu keys in each window: at most %zu", hay->n_pairs,
                        rkv_needle_limit(hay->task));
    return check_depths(hay);
}

/* ---- one window ---- */

/* Tokens of filler in a context that ends with n_asked tokens of a question. */
static rkv_status count_filler(const builder *b, const hidden_needles *hidden, size_t n_asked, size_t *n) {
    size_t taken = b->n_begin + n_asked;
    for (size_t i = 0; i < hidden->n; i++)
        taken += hidden->needles[i].n_sentence;
    if (taken >= b->hay->context)
        return rkv_fail(RKV_USAGE, "a context of %zu tokens: the sentences of %s take %zu", b->hay->context,
                        rkv_task_name(b->hay->task), taken);
    *n = b->hay->context - taken;
    return RKV_OK;
}

/* Appends ids [n] at *to. */
static void append(int32_t **to, const int32_t *ids, size_t n) {
    memcpy(*to, ids, n * sizeof *ids);
    *to += n;
}

/* Writes the context: filler that ends at hidden->end, each sentence where one of the filler's ends. */
static void write_context(const builder *b, const hidden_needles *hidden, size_t n_filler, int32_t *to) {
    const int32_t *ids = b->filler.ids;
    size_t from = hidden->end - n_filler, at = from;
    append(&to, b->begin, b->n_begin);
    for (size_t i = 0; i < hidden->n; i++) {
        size_t wanted = from + (size_t)round(hidden->depths[i] * (double)n_filler);
        size_t place = rkv_filler_nearest_end(&b->filler, from, hidden->end, wanted);
        append(&to, ids + at, place - at);
        append(&to, hidden->needles[i].sentence, hidden->needles[i].n_sentence);
        at = place;
    }
    append(&to, ids + at, hidden->end - at);
}

/* Adds the question of needle i; with query_aware its first tokens stand at the end of the context already.
 */
static rkv_status add_question(const builder *b, const hidden_needles *hidden, size_t i, rkv_window *window) {
    const rkv_needle *needle = &hidden->needles[i];
    size_t skipped = b->hay->query_aware ? needle->n_asked : 0;
    return rkv_window_add_question(window, b->hay->task, needle->question + skipped,
                                   needle->n_question - skipped, needle->first_scored - skipped,
                                   hidden->depths[i]);
}

/* A window that asks for needles [first, last); when query_aware, they are one. */
static rkv_status fill_window(builder *b, const hidden_needles *hidden, size_t first, size_t last,
                              rkv_window *window) {
    const rkv_needle *asked = &hidden->needles[first];
    size_t n_filler = 0, n_asked = b->hay->query_aware ? asked->n_asked : 0;
    rkv_status status = count_filler(b, hidden, n_asked, &n_filler);
    if (!status) status = rkv_window_make_name(&window->name, b->stem, b->number);
    if (!status) status = rkv_alloc(&window->context, b->hay->context, sizeof *window->context);
    if (status) return status;
    window->n_context = b->hay->context;
    window->query_aware = b->hay->query_aware;
    write_context(b, hidden, n_filler, window->context);
    memcpy(window->context + window->n_context - n_asked, asked->question, n_asked * sizeof *asked->question);
    for (size_t i = first; !status && i < last; i++)
        status = add_question(b, hidden, i, window);
    return status;
}

static rkv_status add_window(builder *b, const hidden_needles *hidden, size_t first, size_t last) {
    rkv_window window = {0};
    rkv_status status = fill_window(b, hidden, first, last, &window);
    if (!status) status = rkv_windows_push(b->windows, &window);
    if (!status) b->number++;
    rkv_window_clear(&window);
    return status;
}

/* ---- one text, and the window that is made of it ---- */

static void clear_hidden(hidden_needles *hidden) {
    for (size_t i = 0; hidden->needles && i < hidden->n; i++)
        rkv_needle_clear(&hidden->needles[i]);
    free(hidden->needles);
    free(hidden->depths);
}

/* Draws needles for depths [n] and the stretch of filler that they go into. */
static rkv_status hide(builder *b, const double *depths, size_t n, hidden_needles *hidden) {
    size_t n_filler = 0;
    hidden->n = n;
    rkv_status status = rkv_alloc(&hidden->needles, n, sizeof *hidden->needles);
    if (!status) status = rkv_alloc(&hidden->depths, n, sizeof *hidden->depths);
    if (!status) status = rkv_needles_draw(hidden->needles, n, b->hay->task, b->model, &b->random);
    if (!status) status = count_filler(b, hidden, 0, &n_filler);
    if (status) return status;
    memcpy(hidden->depths, depths, n * sizeof *depths);
    if (n_filler > b->filler.n)
        return rkv_fail(RKV_USAGE, "the filler has %zu tokens; a context of %zu needs %zu", b->filler.n,
                        b->hay->context, n_filler);
    hidden->end = rkv_filler_draw_end(&b->filler, n_filler, &b->random);
    return RKV_OK;
}

/* A text of its own for needles at depths [n]; [first, last) of them are asked for. */
static rkv_status add_text(builder *b, const double *depths, size_t n, size_t first, size_t last) {
    hidden_needles hidden = {0};
    rkv_status status = hide(b, depths, n, &hidden);
    if (!status) status = add_window(b, &hidden, first, last);
    clear_hidden(&hidden);
    return status;
}

static rkv_status add_passkeys(builder *b) {
    const double *depths = b->hay->n_depths ? b->hay->depths : passkey_depths;
    size_t n = b->hay->n_depths ? b->hay->n_depths : sizeof passkey_depths / sizeof *passkey_depths;
    rkv_status status = RKV_OK;
    for (size_t i = 0; i < b->hay->count; i++)
        for (size_t d = 0; !status && d < n; d++)
            status = add_text(b, &depths[d], 1, 0, 1);
    return status;
}

static rkv_status add_recalls(builder *b) {
    size_t n = b->hay->n_pairs ? b->hay->n_pairs : DEFAULT_PAIRS, step = b->hay->query_aware ? 1 : n;
    double *depths = NULL;
    rkv_status status = rkv_alloc(&depths, n, sizeof *depths);
    if (status) return status;
    for (size_t i = 0; i < n; i++)
        depths[i] = ((double)i + 0.5) / (double)n;
    for (size_t i = 0; i < b->hay->count; i++)
        for (size_t first = 0; !status && first < n; first += step)
            status = add_text(b, depths, n, first, first + step);
    free(depths);
    return status;
}

/* ---- the call ---- */

static rkv_status open_builder(builder *b, const char *name, const int32_t *filler, size_t n) {
    const rkv_tokenize_options begin = {.add_bos = true};
    rkv_text stem = {0};
    rkv_status status = rkv_filler_open(&b->filler, b->model, filler, n);
    if (!status) status = rkv_tokenize(b->model, "", 0, &begin, &b->begin, &b->n_begin);
    if (status) return status;
    rkv_text_printf(&stem, "%s %s", name, rkv_task_name(b->hay->task));
    status = rkv_text_finish(&stem, &b->stem);
    if (!status) b->number = rkv_windows_next_number(b->windows, b->stem);
    return status;
}

rkv_status rkv_windows_add_haystack(rkv_windows *windows, const rkv_model *model, const char *name,
                                    const int32_t *filler, size_t n, const rkv_haystack *haystack) {
    builder b = {.windows = windows, .model = model, .hay = haystack, .random = {haystack->seed}};
    size_t before = windows->n;
    rkv_status status = check_haystack(haystack);
    if (!status) status = open_builder(&b, name, filler, n);
    if (!status) status = haystack->task == RKV_TASK_PASSKEY ? add_passkeys(&b) : add_recalls(&b);
    if (status) rkv_windows_drop(windows, before);
    free(b.stem);
    free(b.begin);
    rkv_filler_clear(&b.filler);
    return status;
}
