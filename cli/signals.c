/* signals.c: SIGINT and SIGTERM as a wish to stop. */
#include "cli/signals.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t caught;

static void note_signal(int number) {
    caught = number;
}

void signals_watch(void) {
    struct sigaction action = {.sa_handler = note_signal,
                               .sa_flags = SA_RESETHAND}; /* once: the next one kills */
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGXFSZ, SIG_IGN);
}

int signals_caught(void) {
    return caught;
}
