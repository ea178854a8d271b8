/* signals.h: the first SIGINT or SIGTERM asks the work to stop, so that nothing half-written stays; the
 * second kills. */
#ifndef RKV_CLI_SIGNALS_H
#define RKV_CLI_SIGNALS_H

/* From here on a signal is noted. A write beyond the file size limit fails instead of killing the process. */
void signals_watch(void);

/* The signal that was caught, 0 when none was. */
int signals_caught(void);

#endif
