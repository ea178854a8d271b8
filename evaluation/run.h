/* run.h: a run of a grid, as work or as its rehearsal, which counts the memory that it takes. */
#ifndef RKV_EVALUATION_RUN_H
#define RKV_EVALUATION_RUN_H

#include <rankkv/eval.h>

/* What a rehearsal finds beside what its device counts. Start from {0}. */
typedef struct rkv_eval_count {
    size_t n_cells;
    size_t limit_bytes;      /* of caches that are open at once */
    size_t n_sessions;       /* open at once, at most */
    size_t host_bytes;       /* the most that caches held of the host's memory, beside keys and values */
    size_t prediction_bytes; /* the most that logits and probabilities took of it */
    rkv_cache_stats cache;   /* of the session whose cache was largest */
    size_t largest;          /* its setting */
} rkv_eval_count;

/* rkv_eval_run without asking for memory first. count, unless NULL: the model is a rehearsal's, of windows
 * that are alike one stands for all, every cell is to be measured, and nobody is told. */
rkv_status rkv_eval_work(rkv_model *model, const rkv_windows *windows, const rkv_setting *settings,
                         size_t n_settings, const rkv_eval_options *options, rkv_eval_count *count);

/* ---- foretell.c ---- */

/* RKV_NO_MEMORY, with the bytes needed and free, where the memory of the model's device does not hold what
 * the run takes. On the CPU RKV_OK. */
rkv_status rkv_eval_check_memory(rkv_model *model, const rkv_windows *windows, const rkv_setting *settings,
                                 size_t n_settings, const rkv_eval_options *options);

/* ---- count.c ---- */

/* Whether an earlier window takes as much: its context and its questions are as long. */
bool rkv_window_is_repeated(const rkv_windows *windows, size_t window);

/* Sessions [n] that are open now, NULL those that are not, while a window's questions are answered. */
void rkv_eval_count_open(rkv_eval_count *count, const rkv_model *model, const rkv_window *window,
                         rkv_session *const *sessions, size_t n);
/* One of them, when it has answered. */
void rkv_eval_count_session(rkv_eval_count *count, const rkv_session *session, size_t setting);
/* The analysis of a window's context, for what it takes: on the CPU without what ranks are computed in. */
rkv_status rkv_eval_count_analysis(rkv_model *model, const rkv_window *window, rkv_progress progress);

#endif
