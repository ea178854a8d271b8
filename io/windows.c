/* windows.c: the list of windows as plain data: how it grows and how it is freed. */
#include "io/windows.h"

#include <string.h>

#include "core/memory.h"
#include "core/text.h"

void rkv_window_drop_question(rkv_window *window) {
    free(window->questions[--window->n_questions].ids);
}

void rkv_window_clear(rkv_window *window) {
    while (window->n_questions)
        rkv_window_drop_question(window);
    free(window->questions);
    free(window->context);
    free(window->name);
    *window = (rkv_window){0};
}

void rkv_windows_drop(rkv_windows *windows, size_t n) {
    while (windows->n > n)
        rkv_window_clear(&windows->items[--windows->n]);
}

void rkv_windows_clear(rkv_windows *windows) {
    rkv_windows_drop(windows, 0);
    free(windows->items);
    *windows = (rkv_windows){0};
}

rkv_status rkv_windows_push(rkv_windows *windows, rkv_window *window) {
    rkv_status status = rkv_grow(&windows->items, &windows->capacity, windows->n + 1, sizeof *windows->items);
    if (status) return status;
    windows->items[windows->n++] = *window;
    *window = (rkv_window){0};
    return RKV_OK;
}

/* The room for questions is the least power of two that holds them, so that it needs no member of its own. */
static rkv_status make_room(rkv_window *window) {
    size_t n = window->n_questions;
    if (n & (n - 1)) return RKV_OK;
    return rkv_resize(&window->questions, n, n ? 2 * n : 1, sizeof *window->questions);
}

rkv_status rkv_window_add_question(rkv_window *window, rkv_task task, const int32_t *ids, size_t n,
                                   size_t first_scored, double depth) {
    rkv_question question = {.task = task, .n = n, .first_scored = first_scored, .depth = depth};
    rkv_status status = make_room(window);
    if (!status) status = rkv_alloc(&question.ids, n, sizeof *question.ids);
    if (status) return status;
    memcpy(question.ids, ids, n * sizeof *ids);
    window->questions[window->n_questions++] = question;
    return RKV_OK;
}

/* ---- names ---- */

/* The number of a window named "STEM NUMBER", written as we write it; 0 for other names. */
static size_t number_of(const char *name, const char *stem, size_t stem_length) {
    if (strncmp(name, stem, stem_length) != 0 || name[stem_length] != ' ') return 0;
    const char *digits = name + stem_length + 1;
    size_t n = strspn(digits, "0123456789");
    if (n == 0 || n > 18 || digits[n] || *digits == '0') return 0; /* 18 digits fit a size_t */
    return (size_t)strtoull(digits, NULL, 10);
}

size_t rkv_windows_next_number(const rkv_windows *windows, const char *stem) {
    size_t last = 0, length = strlen(stem);
    for (size_t i = 0; i < windows->n; i++) {
        size_t number = number_of(windows->items[i].name, stem, length);
        if (number > last) last = number;
    }
    return last + 1;
}

rkv_status rkv_window_make_name(char **out, const char *stem, size_t number) {
    rkv_text text = {0};
    rkv_text_printf(&text, "%s %zu", stem, number);
    return rkv_text_finish(&text, out);
}
