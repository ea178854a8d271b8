/* pipeline.h: a specification, parsed: the methods that work one after the other. */
#ifndef RKV_COMPRESSORS_PIPELINE_H
#define RKV_COMPRESSORS_PIPELINE_H

#include "compressors/method.h"

#define RKV_PIPELINE_STAGES 6
#define RKV_SCHEDULE_PHASES 32

typedef struct rkv_stage {
    const rkv_method *method;
    rkv_option_values values;
    size_t budget; /* of a selection: entries, instead of the caller's; 0: not given */
    double ratio;  /* or this share of the tokens seen; 0: not given */
} rkv_stage;

/* Entries for a ratio of n tokens: whole ones, but at least one; or (rkv_share_from) as many as it takes,
 * ceil. The product of a decimal ratio does not miss a whole number by rounding. */
size_t rkv_share_of(double ratio, size_t n);
size_t rkv_share_from(double ratio, size_t n);
/* The budget that a stage's own options spell for a text of n tokens; 0: none. */
size_t rkv_stage_own_budget(const rkv_stage *stage, size_t n);

typedef struct rkv_pipeline {
    rkv_stage stages[RKV_PIPELINE_STAGES];
    size_t n_stages;
    unsigned needs; /* of all stages */
} rkv_pipeline;

/* Parses NAME[:OPTION=VALUE,...][+...]. RKV_USAGE names part, option, value and limits; at most one `format`
 * and one `fit` among the stages, `fit` first. */
rkv_status rkv_pipeline_parse(rkv_pipeline *out, const char *spec);

/* Entries that its selections always keep of a head, within the caller's budget: no budget may be below. */
size_t rkv_pipeline_least(const rkv_pipeline *pipeline);
/* Whether the caller's budget means anything to it: some selection works to it, or is limited by it. */
bool rkv_pipeline_heeds_budget(const rkv_pipeline *pipeline);

/* "0:full,1024:window+int8": pipelines by length of text. */
typedef struct rkv_schedule {
    struct rkv_phase {
        size_t from; /* tokens of text */
        rkv_pipeline pipeline;
    } * phases;
    size_t n_phases;
    unsigned needs;
} rkv_schedule;

/* RKV_USAGE: it does not begin at 0, or lengths do not rise. rkv_schedule_clear frees. */
rkv_status rkv_schedule_parse(rkv_schedule *out, const char *text);
void rkv_schedule_clear(rkv_schedule *schedule);

#endif
