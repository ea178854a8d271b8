/* eval_windows.c: the windows that `rankkv eval` asks its questions on. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/eval.h"
#include "cli/message.h"
#include "cli/prompt.h"

/* Windows of the sample prompts, which are a few hundred tokens long. */
enum { SAMPLE_CONTEXT = 256, SAMPLE_CONTINUATION = 64, SAMPLE_WINDOWS = 1 };
enum { TEXT_CONTEXT = 1024, TEXT_CONTINUATION = 256, TEXT_WINDOWS = 8 };

typedef struct plan {
    const eval_options *options;
    rkv_cut cut;
    bool tasks[RKV_TASK_COUNT];
    double *depths;
    size_t n_depths;
} plan;

static rkv_status read_tasks(plan *p, const char *text) {
    cli_parts parts;
    rkv_status status = parts_split(&parts, "tasks", text);
    for (size_t i = 0; !status && i < parts.n; i++) {
        rkv_task task = rkv_task_find(parts.items[i]);
        if (task == RKV_TASK_COUNT)
            status = complain(RKV_USAGE, "--tasks: \"%s\" is none of natural, copy, passkey, recall",
                              parts.items[i]);
        else
            p->tasks[task] = true;
    }
    parts_clear(&parts);
    return status;
}

static void set_lengths(plan *p, bool samples) {
    if (p->cut.context == 0) p->cut.context = samples ? SAMPLE_CONTEXT : TEXT_CONTEXT;
    if (p->cut.continuation == 0) p->cut.continuation = samples ? SAMPLE_CONTINUATION : TEXT_CONTINUATION;
    if (p->cut.count == SIZE_MAX) p->cut.count = samples ? SAMPLE_WINDOWS : TEXT_WINDOWS;
    p->cut.seed = p->options->seed;
}

/* ---- one text ---- */

/* Drops the question that every window begins with. */
static void drop_natural(rkv_window *w) {
    rkv_free(w->questions[0].ids);
    w->n_questions--;
    memmove(w->questions, w->questions + 1, w->n_questions * sizeof *w->questions);
}

static bool asks(const rkv_window *w, rkv_task task) {
    for (size_t q = 0; q < w->n_questions; q++)
        if (w->questions[q].task == task) return true;
    return false;
}

/* A short context is asked for its beginning, or for all of it. A window that asks for a passage already, or
 * for what is hidden in it, is asked for no other. */
static rkv_status add_copy(rkv_window *window, const plan *p) {
    rkv_windows one = {window, 1, 1};
    size_t n = p->cut.continuation, start = p->options->copy_start;
    if (!asks(window, RKV_TASK_NATURAL) || asks(window, RKV_TASK_COPY)) return RKV_OK;
    if (n > window->n_context) n = window->n_context;
    if (start > window->n_context - n) start = 0;
    return n < 2 ? RKV_OK : said(rkv_windows_add_copy(&one, 0, start, n));
}

/* Contexts begin with what the model wants before any text. */
static rkv_status cut_text(eval_inputs *inputs, const plan *p, const char *name, const int32_t *ids,
                           size_t n) {
    size_t first = inputs->windows.n;
    rkv_cut cut = p->cut;
    int32_t *prefix = NULL;
    rkv_status status = said(
        rkv_tokenize(inputs->model, "", 0, &(rkv_tokenize_options){.add_bos = true}, &prefix, &cut.n_prefix));
    cut.prefix = prefix;
    if (!status) status = said(rkv_windows_cut(&inputs->windows, name, ids, n, &cut));
    rkv_free(prefix);
    for (size_t w = first; !status && p->tasks[RKV_TASK_COPY] && w < inputs->windows.n; w++)
        status = add_copy(&inputs->windows.items[w], p);
    for (size_t w = first; !status && !p->tasks[RKV_TASK_NATURAL] && w < inputs->windows.n; w++)
        drop_natural(&inputs->windows.items[w]);
    return status;
}

static rkv_status hide_in_text(eval_inputs *inputs, const plan *p, rkv_task task, const char *name,
                               const int32_t *ids, size_t n) {
    bool is_passkey = task == RKV_TASK_PASSKEY;
    const rkv_haystack haystack = {.task = task,
                                   .context = p->cut.context,
                                   .count = p->cut.count ? p->cut.count : 1,
                                   .depths = is_passkey ? p->depths : NULL,
                                   .n_depths = is_passkey ? p->n_depths : 0,
                                   .n_pairs = is_passkey ? 0 : p->options->pairs,
                                   .query_aware = p->options->query_aware,
                                   .seed = p->options->seed};
    return said(rkv_windows_add_haystack(&inputs->windows, inputs->model, name, ids, n, &haystack));
}

static rkv_status take_text(eval_inputs *inputs, const plan *p, const rkv_document *document) {
    int32_t *ids = NULL;
    size_t n = 0;
    rkv_status status = said(rkv_tokenize(inputs->model, document->text, document->length, NULL, &ids, &n));
    if (!status && (p->tasks[RKV_TASK_NATURAL] || p->tasks[RKV_TASK_COPY]))
        status = cut_text(inputs, p, document->name, ids, n);
    for (rkv_task task = RKV_TASK_PASSKEY; !status && task < RKV_TASK_COUNT; task++)
        if (p->tasks[task]) status = hide_in_text(inputs, p, task, document->name, ids, n);
    rkv_free(ids);
    return status;
}

/* ---- files ---- */

static rkv_status take_file(eval_inputs *inputs, const plan *p, const char *path) {
    rkv_corpus corpus = {0};
    rkv_status status = said(rkv_corpus_load(&corpus, path));
    for (size_t i = 0; !status && i < corpus.n; i++)
        status = take_text(inputs, p, &corpus.items[i]);
    rkv_corpus_clear(&corpus);
    return status;
}

static rkv_status take_samples(eval_inputs *inputs, const plan *p) {
    char **samples = NULL;
    size_t n = 0;
    rkv_status status = prompt_samples(&samples, &n);
    if (!status) note("no text given: evaluating on the sample prompts");
    for (size_t i = 0; i < n; i++) {
        if (!status) status = take_file(inputs, p, samples[i]);
        free(samples[i]);
    }
    free(samples);
    return status;
}

/* ---- for people ---- */

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Whether some question is to go on with a text; numbers that are hidden have a length of their own. */
static bool any_predicts(const rkv_windows *windows) {
    for (size_t w = 0; w < windows->n; w++)
        for (size_t q = 0; q < windows->items[w].n_questions; q++)
            if (windows->items[w].questions[q].task <= RKV_TASK_COPY) return true;
    return false;
}

rkv_status eval_windows_describe(eval_inputs *inputs, const eval_options *o) {
    plan p = {.options = o, .cut = o->cut};
    set_lengths(&p, o->texts.n == 0);
    char *memory = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&memory, &size);
    if (!out) return complain(RKV_NO_MEMORY, "out of memory");
    if (o->windows_file) fputs(base_name(o->windows_file), out);
    for (size_t i = 0; i < o->texts.n; i++)
        fprintf(out, "%s%s", i ? ", " : "", base_name(o->texts.items[i]));
    if (!o->windows_file && o->texts.n == 0) fputs("the sample prompts", out);
    fprintf(out, "; %zu windows", inputs->windows.n);
    if (!o->windows_file) fprintf(out, " of %zu tokens", p.cut.context);
    if (!o->windows_file && any_predicts(&inputs->windows))
        fprintf(out, ", %zu to predict", p.cut.continuation);
    if (fclose(out) != 0) {
        free(memory);
        return complain(RKV_NO_MEMORY, "out of memory");
    }
    free(inputs->text);
    inputs->text = memory;
    return RKV_OK;
}

/* Windows that are ready ask what they ask; `copy` is all that can be added. */
static rkv_status load_windows(eval_inputs *inputs, plan *p) {
    if (p->tasks[RKV_TASK_PASSKEY] || p->tasks[RKV_TASK_RECALL])
        return complain(RKV_USAGE, "--tasks: passkey and recall are hidden in a text (--text-file); windows "
                                   "of --windows-file ask what they ask, and copy");
    set_lengths(p, false);
    rkv_status status = said(rkv_windows_load(&inputs->windows, p->options->windows_file, p->cut.continuation,
                                              rkv_model_get_info(inputs->model)->n_vocab));
    for (size_t w = 0; !status && p->tasks[RKV_TASK_COPY] && w < inputs->windows.n; w++)
        status = add_copy(&inputs->windows.items[w], p);
    return status;
}

rkv_status eval_windows_make(eval_inputs *inputs, const eval_options *options) {
    plan p = {.options = options, .cut = options->cut};
    rkv_status status = read_tasks(&p, options->tasks);
    if (!status) status = numbers_split(&p.depths, &p.n_depths, "depths", options->depths, 0, 1);
    if (!status && options->windows_file)
        status = load_windows(inputs, &p);
    else if (!status) {
        set_lengths(&p, options->texts.n == 0);
        for (size_t i = 0; !status && i < options->texts.n; i++)
            status = take_file(inputs, &p, options->texts.items[i]);
        if (!status && options->texts.n == 0) status = take_samples(inputs, &p);
    }
    if (!status) status = eval_windows_describe(inputs, options);
    free(p.depths);
    return status;
}
