/* cell_json.h: one measured cell of an evaluation, as the journal and results.json have it. */
#ifndef RKV_IO_CELL_JSON_H
#define RKV_IO_CELL_JSON_H

#include <rankkv/eval.h>

#include "io/json.h"
#include "io/json_write.h"

/* Largest count of anything in a cell: what a double, and so every reader of JSON, holds exactly. */
#define RKV_MAX_CELL_COUNT ((size_t)1 << 53)

/* Writes a cell as an object on one line; what is not finite becomes null. times: with compress_s and
 * answer_s, which files that are to be the same for the same run leave out. */
void rkv_cell_json_write(rkv_json_out *out, const rkv_cell *cell, bool times);

/* Reads one and checks what must hold within it (n_right <= n_scored, kv_bytes <= bytes, shares from 0 to 1).
 * where: its place, for messages. cell->text is the caller's to free. RKV_DATA. */
rkv_status rkv_cell_json_read(const json_t *object, const char *where, rkv_cell *cell);

#endif
