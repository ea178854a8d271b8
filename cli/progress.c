/* progress.c: a bar on stderr for long work. */
#include "cli/progress.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/clock.h"
#include "cli/signals.h"
#include "cli/terminal.h"
#include "cli/utf8.h"

enum { BAR_COLUMNS = 24, REDRAWS_PER_S = 10 };

static bool on_screen; /* a bar stands on the terminal's last line */

void progress_erase(void) {
    if (!on_screen) return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
    on_screen = false;
}

static void write_clock(char text[24], double seconds) {
    unsigned s = seconds > 0 && seconds < 1e7 ? (unsigned)(seconds + 0.5) : 0;
    if (s >= 3600)
        snprintf(text, 24, "%u:%02u:%02u", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(text, 24, "%u:%02u", s / 60, s % 60);
}

/* "prose  rank      ████████░░░░░░░░  12/30  40 %  0:05, 0:08 left" */
static void draw(const progress_bar *bar, const char *stage, double now) {
    double part = bar->total ? (double)bar->done / (double)bar->total : 0, elapsed = now - bar->start_s;
    size_t filled = (size_t)(part * BAR_COLUMNS);
    char past[24], left[24], line[512], cells[3 * BAR_COLUMNS + 1] = "";
    for (size_t i = 0; i < BAR_COLUMNS; i++)
        snprintf(cells + 3 * i, 4, "%s", i < filled ? "\u2588" : "\u2591");
    write_clock(past, elapsed);
    write_clock(left, part > 0 ? elapsed * (1 - part) / part : 0);
    snprintf(line, sizeof line, "%s  %-9.12s %s %3.0f %%  %zu/%zu  %s%s%s%s", bar->label, stage, cells,
             100 * part, bar->done, bar->total, past, part > 0 ? ", " : "", part > 0 ? left : "",
             part > 0 ? " left" : "");
    size_t width = terminal_width(stderr), columns = 0, bytes = 0;
    for (; line[bytes]; bytes++) { /* cut at the terminal's width: a wrapped bar cannot be erased */
        columns += ((unsigned char)line[bytes] & 0xC0) != 0x80;
        if (columns >= width) break;
    }
    fprintf(stderr, "\r%.*s\033[K", (int)bytes, line);
    fflush(stderr);
    on_screen = true;
}

static int report(void *user, const char *stage, size_t done, size_t total) {
    progress_bar *bar = user;
    if (signals_caught()) return 1;
    if (!bar->visible) return 0;
    double now = now_s();
    if (total != bar->total) bar->start_s = now; /* another count: its own clock */
    bar->done = done < total ? done : total;
    bar->total = total;
    if (now - bar->drawn_s < 1.0 / REDRAWS_PER_S && done < total) return 0;
    bar->drawn_s = now;
    draw(bar, stage, now);
    return 0;
}

/* The first columns of a name, without what a terminal would act on. */
static void write_label(char out[PROGRESS_LABEL_COLUMNS * 4 + 1], const char *label) {
    size_t left = strlen(label), used = 0;
    for (size_t columns = 0, n; left > 0 && columns < PROGRESS_LABEL_COLUMNS;
         columns++, label += n, left -= n) {
        n = utf8_length(label, left);
        bool harmless = n > 0 && (unsigned char)*label >= 0x20 && *label != 0x7F;
        n = n ? n : 1;
        memcpy(out + used, harmless ? label : "?", harmless ? n : 1);
        used += harmless ? n : 1;
    }
    out[used] = '\0';
}

rkv_progress progress_begin(progress_bar *bar, const char *label, int quiet) {
    *bar = (progress_bar){.visible = !quiet && isatty(STDERR_FILENO), .start_s = now_s()};
    write_label(bar->label, label);
    return (rkv_progress){report, bar};
}
