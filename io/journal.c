/* journal.c: what an evaluation has measured so far, a line per cell, safe on the disk before the next. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rankkv/eval.h>

#include "core/fail.h"
#include "core/file.h"
#include "core/memory.h"
#include "io/journal_lines.h"
#include "io/results.h"

struct rkv_journal {
    char *path;
    int descriptor;            /* open for appending, and locked */
    size_t length;             /* bytes of the file: whole lines */
    bool broken;               /* a line could not be written */
    rkv_journal_origin origin; /* what measured the cells, by the first line */
    rkv_cell *cells;           /* [n] by setting, window and question; texts owned */
    size_t n, capacity;
};

/* ---- the file ---- */

/* Two runs that write one journal would spoil it: the second is refused. File systems without locks are let
 * off. */
static rkv_status lock(const rkv_journal *j) {
    if (flock(j->descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return RKV_OK;
    return rkv_fail(RKV_CANNOT_CREATE, "%s: another run is writing it", j->path);
}

static rkv_status open_file(rkv_journal *j) {
    struct stat info;
    int flags = O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK; /* a FIFO must not hang */
    j->descriptor = open(j->path, flags, 0666);
    if (j->descriptor < 0) return rkv_fail_errno(RKV_CANNOT_CREATE, errno, "%s: cannot create", j->path);
    if (fstat(j->descriptor, &info) != 0 || !S_ISREG(info.st_mode))
        return rkv_fail(RKV_CANNOT_CREATE, "%s: it is there and no regular file", j->path);
    return lock(j);
}

static rkv_status cut_file(rkv_journal *j, size_t length) {
    j->length = length;
    if (ftruncate(j->descriptor, (off_t)length) == 0) return RKV_OK;
    return rkv_fail_errno(RKV_IO, errno, "%s: cannot cut to %zu bytes", j->path, length);
}

/* What a failure leaves of the line is what a reader drops, as long as nothing comes after it. */
static rkv_status append(rkv_journal *j, const char *line) {
    size_t length = strlen(line);
    rkv_status status = rkv_write_all(j->descriptor, j->path, line, length);
    if (!status && fsync(j->descriptor) != 0)
        status = rkv_fail_errno(RKV_IO, errno, "%s: cannot sync", j->path);
    j->broken = status != RKV_OK;
    if (!status) j->length += length;
    return status;
}

/* ---- the cells ---- */

/* The place of a cell among the others; whether it is there. */
static bool find(const rkv_journal *j, const rkv_cell *cell, size_t *place) {
    size_t low = 0, high = j->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = rkv_cell_compare(&j->cells[middle], cell);
        if (order == 0) return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *place = low;
    return false;
}

/* Moving what lies behind is cheap beside the sync that each cell costs. */
static void insert(rkv_journal *j, size_t place, const rkv_cell *cell) {
    memmove(j->cells + place + 1, j->cells + place, (j->n - place) * sizeof *j->cells);
    j->cells[place] = *cell;
    j->n++;
}

/* ---- reading what is there ---- */

/* The cells of a file in its order: cell i stood in line i + 2. */
typedef struct found {
    rkv_cell cell;
    size_t line;
} found;

static int compare_found(const void *a, const void *b) {
    const found *left = a, *right = b;
    int order = rkv_cell_compare(&left->cell, &right->cell);
    return order ? order : (left->line > right->line) - (left->line < right->line);
}

/* The journal keeps the cells, whatever comes of them. */
static rkv_status take_cells(rkv_journal *j, found *list, size_t n) {
    if (n) qsort(list, n, sizeof *list, compare_found);
    for (size_t i = 0; i < n; i++)
        j->cells[i] = list[i].cell;
    j->n = n;
    for (size_t i = 1; i < n; i++) {
        const rkv_cell *c = &list[i].cell;
        if (rkv_cell_compare(&list[i - 1].cell, c) == 0)
            return rkv_fail(RKV_DATA, "line %zu: setting %zu, window %zu, question %zu is in line %zu, too",
                            list[i].line, c->setting, c->window, c->question, list[i - 1].line);
    }
    return RKV_OK;
}

static rkv_status read_lines(found **list, size_t *n, const char *text, size_t length) {
    size_t capacity = 0;
    const char *end;
    rkv_status status = RKV_OK;
    for (; !status && (end = memchr(text, '\n', length)); text = end + 1) {
        size_t line = *n + 2, line_length = (size_t)(end - text);
        status = rkv_grow(list, &capacity, *n + 1, sizeof **list);
        if (status) break;
        status = rkv_journal_read_line(text, line_length, &(*list)[*n].cell);
        if (status) return rkv_fail_within(status, "line %zu", line);
        (*list)[(*n)++].line = line;
        length -= line_length + 1;
    }
    return status;
}

static rkv_status read_cells(rkv_journal *j, const char *text, size_t length) {
    found *list = NULL;
    size_t n = 0;
    rkv_status status = read_lines(&list, &n, text, length);
    if (!status) status = rkv_grow(&j->cells, &j->capacity, n, sizeof *j->cells);
    if (!status)
        status = take_cells(j, list, n);
    else
        for (size_t i = 0; i < n; i++)
            free(list[i].cell.text);
    free(list);
    return status;
}

/* *whole = bytes of the whole lines: 0 for a file that is empty, or was being begun with this very head. */
static rkv_status read_text(rkv_journal *j, const char *text, size_t length, const char *head,
                            size_t *whole) {
    const char *end = length ? memchr(text, '\n', length) : NULL;
    *whole = 0;
    if (length == 0 || (!end && length < strlen(head) && memcmp(text, head, length) == 0)) return RKV_OK;
    if (!end) return rkv_fail(RKV_DATA, "line 1 is not the start of a journal");
    size_t first = (size_t)(end - text) + 1;
    rkv_status status = rkv_journal_check_head(text, first - 1, head, &j->origin);
    if (status) return rkv_fail_within(status, "line 1");
    *whole = (size_t)((const char *)memrchr(text, '\n', length) - text) + 1;
    return read_cells(j, text + first, *whole - first);
}

static rkv_status go_on(rkv_journal *j, const char *head) {
    rkv_mapping mapping;
    size_t whole;
    rkv_status status = rkv_map_file(&mapping, j->path);
    if (status) return status;
    status = read_text(j, (const char *)mapping.bytes, mapping.size, head, &whole);
    rkv_unmap_file(&mapping);
    return status ? rkv_fail_within(status, "%s", j->path) : cut_file(j, whole);
}

/* ---- the interface ---- */

static rkv_status begin(rkv_journal *j, const char *head) {
    rkv_status status = rkv_journal_check_head(head, strlen(head), head, &j->origin);
    if (!status) status = cut_file(j, 0);
    if (!status) status = append(j, head);
    if (!status) rkv_sync_folder(j->path);
    return status;
}

rkv_status rkv_journal_open(rkv_journal **out, const char *path, const char *run, bool resume) {
    rkv_journal *j = NULL;
    char *head = NULL;
    *out = NULL;
    rkv_status status = rkv_journal_head(run, &head);
    if (!status) status = rkv_alloc(&j, 1, sizeof *j);
    if (j) j->descriptor = -1;
    if (!status) status = rkv_copy_string(&j->path, path);
    if (!status) status = open_file(j);
    if (!status && resume) status = go_on(j, head);
    if (!status && j->length == 0) status = begin(j, head);
    if (status)
        rkv_journal_close(j);
    else
        *out = j;
    free(head);
    return status;
}

void rkv_journal_close(rkv_journal *journal) {
    if (!journal) return;
    if (journal->descriptor >= 0) close(journal->descriptor);
    for (size_t i = 0; i < journal->n; i++)
        free(journal->cells[i].text);
    free(journal->cells);
    rkv_journal_origin_clear(&journal->origin);
    free(journal->path);
    free(journal);
}

bool rkv_journal_has(void *journal, size_t setting, size_t window, size_t question) {
    const rkv_cell cell = {.setting = setting, .window = window, .question = question};
    size_t place;
    return find(journal, &cell, &place);
}

static rkv_status check_new(const rkv_journal *j, const rkv_cell *cell, size_t *place) {
    if (j->broken) return rkv_fail(RKV_IO, "%s: an earlier line could not be written", j->path);
    if (!find(j, cell, place)) return RKV_OK;
    return rkv_fail(RKV_USAGE, "%s: setting %zu, window %zu, question %zu is there already", j->path,
                    cell->setting, cell->window, cell->question);
}

/* What is kept in memory is what the line says, so that a resumed run goes on from the same values. */
static rkv_status write_cell(rkv_journal *j, const char *line, size_t place) {
    rkv_cell kept;
    rkv_status status = rkv_journal_read_line(line, strlen(line), &kept);
    if (status == RKV_DATA) status = rkv_fail_within(RKV_USAGE, "%s: a cell that is none", j->path);
    if (!status) status = rkv_grow(&j->cells, &j->capacity, j->n + 1, sizeof *j->cells);
    if (!status) status = append(j, line);
    if (!status)
        insert(j, place, &kept);
    else
        free(kept.text);
    return status;
}

rkv_status rkv_journal_add(void *journal, const rkv_cell *cell) {
    rkv_journal *j = journal;
    char *line = NULL;
    size_t place = 0;
    rkv_status status = check_new(j, cell, &place);
    if (!status) status = rkv_journal_line(cell, &line);
    if (!status) status = write_cell(j, line, place);
    free(line);
    return status;
}

const char *rkv_journal_device(const rkv_journal *journal) {
    return journal->origin.device;
}

const char *rkv_journal_version(const rkv_journal *journal) {
    return journal->origin.version;
}

const rkv_cell *rkv_journal_cells(rkv_journal *journal, size_t *n) {
    *n = journal->n;
    return journal->cells;
}
