/* compressors.h: the table of methods that compress a cache, as `rankkv methods` shows it. */
#ifndef RKV_CLI_COMPRESSORS_H
#define RKV_CLI_COMPRESSORS_H

#include "cli/json.h"

/* Members of the row at index: kind, formula, source, options. */
void compressor_details(cli_json *json, size_t index);

/* What stands under the row in text: the formula, and a line per option. */
void compressor_lines(size_t index);

/* What stands under the whole table. */
void compressor_tail(void);

#endif
