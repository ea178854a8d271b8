/* journal_lines.h: the lines of a journal as text: the first, which says what run it is of, and one per cell.
 */
#ifndef RKV_IO_JOURNAL_LINES_H
#define RKV_IO_JOURNAL_LINES_H

#include <rankkv/eval.h>

#define RKV_JOURNAL_SCHEMA  "rankkv-eval-journal"
#define RKV_JOURNAL_VERSION 1

/* New lines, "\n" included, that the caller frees. run: a JSON object in text, else RKV_USAGE. */
rkv_status rkv_journal_head(const char *run, char **line);
rkv_status rkv_journal_line(const rkv_cell *cell, char **line);

/* Reads a line of a cell; cell->text is the caller's to free. RKV_DATA. */
rkv_status rkv_journal_read_line(const char *line, size_t length, rkv_cell *cell);

/* What measured the cells of a journal; owned. "": its first line does not say. */
typedef struct rkv_journal_origin {
    char *device, *version;
} rkv_journal_origin;
void rkv_journal_origin_clear(rkv_journal_origin *origin);

/* Compares a first line that was found [length] with the one that is wanted, as rkv_journal_head makes it,
 * and fills origin by the one that was found. RKV_DATA: it is none, or of another run; the message says what
 * differs. */
rkv_status rkv_journal_check_head(const char *line, size_t length, const char *wanted,
                                  rkv_journal_origin *origin);

#endif
