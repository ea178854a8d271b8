/* dry_run.h: memory that was foretold, in words and as JSON: what every --dry-run tells. */
#ifndef RKV_CLI_DRY_RUN_H
#define RKV_CLI_DRY_RUN_H

#include <rankkv/rankkv.h>

#include "cli/json.h"

/* ---- in words ---- */

/* "1.2 GB (1234567890 bytes) of cuda:0 NAME, which has 130 GB free", and the line's end; then a line for each
 * part of it that is not nothing. */
void dry_run_tell_analysis(const rkv_memory_needs *needs);
/* The same; and the model's file, which is mapped. */
void dry_run_tell_session(const rkv_session_needs *needs, const rkv_model_info *model);

/* Many of them as a table, in MiB: its head, and a row for each, whose first cells are the caller's to write.
 */
void dry_run_tell_head(void);
void dry_run_tell_row(const rkv_session_needs *needs);

/* ---- as JSON: members of an object that is open ---- */

void dry_run_json_analysis(cli_json *json, const rkv_memory_needs *needs);
void dry_run_json_session(cli_json *json, const rkv_session_needs *needs, const rkv_model_info *model);

/* ---- the exit code ---- */

/* RKV_NO_MEMORY, told with the name of what needs it, when that is more than is free; 0 bytes: unknown. */
rkv_status dry_run_judge(const char *name, size_t needed_bytes, size_t free_bytes, const char *device);

#endif
