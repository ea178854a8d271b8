/* pipeline.c: from a specification to the methods that work one after the other, and from a schedule to
 * several of those. */
#include "compressors/pipeline.h"

#include <math.h>

#include "compressors/options.h"
#include "core/fail.h"
#include "core/memory.h"
#include "core/text.h"

/* Everything below may then quote what was written. */
static rkv_status check_text(const char *what, const char *text) {
    for (const char *at = text; *at; at++)
        if (*at < ' ' || *at > '~')
            return rkv_fail(RKV_USAGE, "byte %zu of the %s is 0x%02x, not printable ASCII",
                            (size_t)(at - text), what, (unsigned)(unsigned char)*at);
    return RKV_OK;
}

/* ---- one stage ---- */

static const rkv_method *find_method(rkv_slice name) {
    for (size_t i = 0; rkv_method_at(i); i++)
        if (rkv_slice_is(name, rkv_method_at(i)->name)) return rkv_method_at(i);
    return NULL;
}

static rkv_status fail_unknown(rkv_slice name) {
    rkv_text text = {0};
    char *names;
    for (size_t i = 0; rkv_method_at(i); i++)
        rkv_text_printf(&text, "%s%s", i ? ", " : "", rkv_method_at(i)->name);
    rkv_status status = rkv_text_finish(&text, &names);
    if (!status)
        status = rkv_fail(RKV_USAGE, "no method is called \"%.*s\"; there are: %s", RKV_SLICE(name), names);
    free(names);
    return status;
}

/* "NAME[:OPTIONS]" */
static rkv_status parse_stage(rkv_stage *stage, rkv_slice text) {
    rkv_slice name = rkv_slice_cut(&text, ':');
    stage->method = find_method(name);
    return stage->method ? rkv_stage_parse_options(stage, text) : fail_unknown(name);
}

size_t rkv_share_of(double ratio, size_t n) {
    size_t share = (size_t)floor(ratio * (double)n * (1 + 1e-12));
    return share > 0 ? share : 1;
}

size_t rkv_share_from(double ratio, size_t n) {
    return (size_t)ceil(ratio * (double)n * (1 - 1e-12));
}

size_t rkv_stage_own_budget(const rkv_stage *stage, size_t n) {
    if (stage->budget > 0) return stage->budget;
    return stage->ratio > 0 ? rkv_share_of(stage->ratio, n) : 0;
}

/* ---- a pipeline ---- */

/* Entries are projected once, then stored in one form. */
static rkv_status check_representations(const rkv_pipeline *pipeline) {
    const rkv_method *fit = NULL, *format = NULL;
    for (size_t i = 0; i < pipeline->n_stages; i++) {
        const rkv_method *method = pipeline->stages[i].method;
        if (method->ops->fit && fit)
            return rkv_fail(RKV_USAGE, "%s cannot follow %s: entries are projected once", method->name,
                            fit->name);
        if (method->ops->fit && format)
            return rkv_fail(RKV_USAGE, "%s cannot follow %s: entries are projected before they are encoded",
                            method->name, format->name);
        if (method->ops->format && format)
            return rkv_fail(RKV_USAGE, "%s cannot follow %s: entries are stored in one form", method->name,
                            format->name);
        if (method->ops->fit) fit = method;
        if (method->ops->format) format = method;
    }
    return RKV_OK;
}

static rkv_status parse_pipeline(rkv_pipeline *out, rkv_slice spec) {
    rkv_pipeline pipeline = {0};
    for (rkv_slice rest = spec; rest.at;) {
        rkv_slice part = rkv_slice_cut(&rest, '+');
        if (part.length == 0)
            return rkv_fail(RKV_USAGE, "part %zu of the method \"%.*s\" is empty", pipeline.n_stages + 1,
                            RKV_SLICE(spec));
        if (pipeline.n_stages == RKV_PIPELINE_STAGES)
            return rkv_fail(RKV_USAGE, "the method \"%.*s\" has more than %d parts", RKV_SLICE(spec),
                            RKV_PIPELINE_STAGES);
        rkv_stage *stage = &pipeline.stages[pipeline.n_stages++];
        rkv_status status = parse_stage(stage, part);
        if (status) return status;
        pipeline.needs |= stage->method->needs;
    }
    rkv_status status = check_representations(&pipeline);
    if (!status) *out = pipeline;
    return status;
}

rkv_status rkv_pipeline_parse(rkv_pipeline *out, const char *spec) {
    rkv_status status = check_text("method", spec);
    return status ? status : parse_pipeline(out, (rkv_slice){spec, strlen(spec)});
}

rkv_status rkv_method_check(const char *spec) {
    rkv_pipeline pipeline;
    return rkv_pipeline_parse(&pipeline, spec);
}

rkv_status rkv_method_least(const char *spec, size_t *entries) {
    rkv_pipeline pipeline;
    rkv_status status = rkv_pipeline_parse(&pipeline, spec);
    *entries = status ? 0 : rkv_pipeline_least(&pipeline);
    return status;
}

/* ---- budgets ---- */

static bool heeds_budget(const rkv_stage *stage) {
    return stage->method->kind == RKV_SELECTION && !stage->method->ops->keeps_all && stage->budget == 0 &&
           stage->ratio == 0;
}

bool rkv_pipeline_heeds_budget(const rkv_pipeline *pipeline) {
    for (size_t i = 0; i < pipeline->n_stages; i++)
        if (heeds_budget(&pipeline->stages[i])) return true;
    return false;
}

size_t rkv_pipeline_least(const rkv_pipeline *pipeline) {
    size_t least = 1;
    for (size_t i = 0; i < pipeline->n_stages; i++) {
        const rkv_stage *stage = &pipeline->stages[i];
        size_t own =
            heeds_budget(stage) && stage->method->ops->least ? stage->method->ops->least(&stage->values) : 0;
        if (own > least) least = own;
    }
    return least;
}

/* ---- a schedule ---- */

/* A phase begins with digits and a colon; no option does. */
static bool begins_phase(rkv_slice text) {
    size_t digits = 0;
    while (digits < text.length && text.at[digits] >= '0' && text.at[digits] <= '9')
        digits++;
    return digits > 0 && digits < text.length && text.at[digits] == ':';
}

/* Cuts *rest at the first comma that a phase follows. */
static rkv_slice cut_phase(rkv_slice *rest) {
    rkv_slice phase = {rest->at, 0};
    do {
        rkv_slice part = rkv_slice_cut(rest, ',');
        phase.length = (size_t)(part.at + part.length - phase.at);
    } while (rest->at && !begins_phase(*rest));
    return phase;
}

/* "LENGTH:METHOD" */
static rkv_status parse_phase(struct rkv_phase *phase, const struct rkv_phase *before, rkv_slice text) {
    if (!begins_phase(text))
        return rkv_fail(
            RKV_USAGE,
            "\"%.*s\" does not begin with a length; a schedule is written as \"0:full,1024:window\"",
            RKV_SLICE(text));
    rkv_slice length = rkv_slice_cut(&text, ':');
    if (!rkv_slice_to_size(length, INT32_MAX, &phase->from))
        return rkv_fail(RKV_USAGE, "length %.*s of the schedule exceeds %d", RKV_SLICE(length), INT32_MAX);
    if (!before && phase->from != 0)
        return rkv_fail(RKV_USAGE, "the schedule begins at length %zu, not at 0", phase->from);
    if (before && phase->from <= before->from)
        return rkv_fail(RKV_USAGE, "length %zu of the schedule does not exceed the %zu before it",
                        phase->from, before->from);
    rkv_status status = parse_pipeline(&phase->pipeline, text);
    return status ? rkv_fail_within(status, "from length %zu", phase->from) : RKV_OK;
}

rkv_status rkv_schedule_parse(rkv_schedule *out, const char *text) {
    rkv_schedule schedule = {0};
    rkv_status status = check_text("schedule", text);
    for (rkv_slice rest = {text, strlen(text)}; rest.at && !status;) {
        rkv_slice phase = cut_phase(&rest);
        size_t n = schedule.n_phases;
        if (n == RKV_SCHEDULE_PHASES)
            status = rkv_fail(RKV_USAGE, "the schedule has more than %d lengths", RKV_SCHEDULE_PHASES);
        if (!status && n == 0)
            status = rkv_alloc(&schedule.phases, RKV_SCHEDULE_PHASES, sizeof *schedule.phases);
        if (!status) status = parse_phase(&schedule.phases[n], n ? &schedule.phases[n - 1] : NULL, phase);
        if (!status) schedule.needs |= schedule.phases[schedule.n_phases++].pipeline.needs;
    }
    if (status)
        rkv_schedule_clear(&schedule);
    else
        *out = schedule;
    return status;
}

void rkv_schedule_clear(rkv_schedule *schedule) {
    free(schedule->phases);
    *schedule = (rkv_schedule){0};
}
