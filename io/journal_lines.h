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

/* Compares a first line that was found [length] with the one that is wanted, as rkv_journal_head makes it.
 * RKV_DATA: it is none, or of another run; the message says what differs. */
rkv_status rkv_journal_check_head(const char *line, size_t length, const char *wanted);

#endif
