/* analyze_all.c: all that `rankkv analyze` was given, one source after the other, or on several devices. */
#include <stdlib.h>

#include "cli/analyze.h"
#include "cli/message.h"
#include "cli/progress.h"

/* Neighbouring sources at work. */
typedef struct work {
    const cli_sources *sources;
    const analyze_options *options;
    size_t first;        /* source of the first */
    cli_making *makings; /* [n] */
    progress_bar *bars;  /* [n] */
    size_t n_ended;      /* the next one is who fails, if any does: others may have begun since */
    cli_result *results; /* of all sources */
    cli_result_fn done;
} work;

static const rkv_model_info *model_of(const cli_sources *sources, const cli_source *source) {
    return source->trace ? rkv_trace_model(source->trace) : rkv_model_get_info(sources->model);
}

static rkv_analyze_options options_of(work *w, size_t i) {
    const cli_source *source = &w->sources->at[w->first + i];
    const analyze_options *o = w->options;
    return (rkv_analyze_options){.prompt_name = source->name,
                                 .device = o->device,
                                 .solver = o->solver,
                                 .aggregate = o->aggregate,
                                 .on_layer = watcher_of(o),
                                 .user = &w->makings[i].watcher,
                                 .progress = progress_begin(&w->bars[i], source->name, o->quiet)};
}

static rkv_status begin(void *user, size_t i) {
    work *w = user;
    const cli_source *source = &w->sources->at[w->first + i];
    rkv_status status = making_begin(&w->makings[i], source, model_of(w->sources, source), w->options);
    w->makings[i].told = status != RKV_OK;
    return status;
}

static rkv_status end(void *user, size_t i, rkv_analysis *analysis) {
    work *w = user;
    size_t at = w->first + i;
    progress_erase();
    rkv_status status = making_end(&w->makings[i], analysis, w->sources->model, w->options, &w->results[at]);
    if (!status && w->done) status = w->done(w->sources, w->results, at);
    w->makings[i].told = status != RKV_OK;
    w->n_ended += status == RKV_OK;
    return status;
}

/* Why they fail, unless that stands on stderr already. */
static rkv_status tell(const work *w, rkv_status status) {
    progress_erase();
    return status && !w->makings[w->n_ended].told ? said(status) : status;
}

static rkv_status analyse_trace(work *w) {
    rkv_analysis *analysis = NULL;
    rkv_analyze_options options = options_of(w, 0);
    rkv_status status = begin(w, 0);
    if (!status) status = rkv_analyze_trace(&analysis, w->sources->at[w->first].trace, &options);
    return tell(w, status ? status : end(w, 0, analysis));
}

/* That prompts do not go side by side, where it is for want of memory. */
static rkv_status note_lanes(const work *w, const rkv_prompt *prompts, size_t n) {
    char reason[512];
    size_t lanes;
    rkv_status status = rkv_analyze_lanes(&lanes, w->sources->model, prompts, n, reason, sizeof reason);
    if (!status && *reason) note("%s", reason);
    return said(status);
}

static rkv_status analyse_prompts(work *w, size_t n) {
    rkv_analyze_all_options how = {.begin = begin, .end = end, .user = w, .end_uses_model = w->options->html};
    rkv_prompt *prompts = calloc(n, sizeof *prompts);
    if (!prompts) return complain(RKV_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < n; i++) {
        const cli_source *source = &w->sources->at[w->first + i];
        prompts[i] = (rkv_prompt){source->ids, source->n_tokens, options_of(w, i)};
    }
    rkv_status status = note_lanes(w, prompts, n);
    if (!status) status = tell(w, rkv_analyze_all(w->sources->model, prompts, n, &how));
    free(prompts);
    return status;
}

/* A trace, or n prompts. */
static rkv_status analyse_some(work *w, size_t n) {
    w->makings = calloc(n, sizeof *w->makings);
    w->bars = calloc(n, sizeof *w->bars);
    w->n_ended = 0;
    rkv_status status = !w->makings || !w->bars                  ? complain(RKV_NO_MEMORY, "out of memory")
                        : w->sources->at[w->first].trace != NULL ? analyse_trace(w)
                                                                 : analyse_prompts(w, n);
    for (size_t i = w->makings ? n : 0; i-- > 0;) /* the first made the folder that the others are in */
        making_drop(&w->makings[i]);
    free(w->makings);
    free(w->bars);
    return status;
}

rkv_status analyze_all(cli_result *results, const cli_sources *sources, const analyze_options *options,
                       cli_result_fn done) {
    work w = {.sources = sources, .options = options, .results = results, .done = done};
    rkv_status status = RKV_OK;
    while (!status && w.first < sources->n) {
        size_t n = sources_together(sources, w.first);
        status = analyse_some(&w, n);
        w.first += n;
    }
    return status;
}
