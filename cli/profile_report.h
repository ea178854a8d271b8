/* profile_report.h: a profile on paper: its signals, and the heads that they point at. */
#ifndef RKV_CLI_PROFILE_REPORT_H
#define RKV_CLI_PROFILE_REPORT_H

#include <stdio.h>

#include <rankkv/profile.h>

/* Writes profile.json to path, unless it is NULL, and to standard output as_json or when path is "-". */
rkv_status profile_deliver(const rkv_profile *profile, const char *path, bool as_json);

/* One line per signal: name, smallest, median and largest value, what it says and how it was measured. */
void profile_list(FILE *out, const rkv_profile *profile);

/* The n heads of highest retr, with what the probe found of each and, unless analysis is NULL, what they did
 * on its prompt. RKV_DATA when the analysis is of another model. */
rkv_status profile_heads(FILE *out, const rkv_profile *profile, const rkv_analysis *analysis, size_t n);

/* Per layer: as number and bar, a signal that has one value for all KV heads of a layer, and beside it one of
 * each. */
void profile_layers(FILE *out, const rkv_profile *profile, const char *name, const char *of_layer);

#endif
