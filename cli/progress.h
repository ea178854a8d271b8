/* progress.h: a bar on stderr for long work, and the way in which a signal stops that work. */
#ifndef RKV_CLI_PROGRESS_H
#define RKV_CLI_PROGRESS_H

#include <rankkv/progress.h>

enum { PROGRESS_LABEL_COLUMNS = 24 };

typedef struct progress_bar {
    char label[PROGRESS_LABEL_COLUMNS * 4 + 1]; /* what is being worked on, as it is shown */
    int visible;                                /* stderr is a terminal and nobody asked for quiet */
    double start_s;                             /* when this count began */
    double drawn_s;                             /* when the bar was last drawn */
    size_t done, total;                         /* of the last report */
} progress_bar;

/* Fills bar and returns what the library is given: it draws, and asks the work to stop after a signal. */
rkv_progress progress_begin(progress_bar *bar, const char *label, int quiet);

/* Takes the bar off the screen; the next report draws it again. */
void progress_erase(void);

#endif
