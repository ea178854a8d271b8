/* output.c: standard output, really written. */
#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/message.h"

static void close_stdout(void) {
    errno = 0;
    int failed = fflush(stdout) != 0 || ferror(stdout), why = errno;
    if (fclose(stdout) != 0) {
        failed |= errno != EBADF; /* closed from the start, and nothing was printed */
        why = why ? why : errno;
    }
    if (!failed) return;
    complain(RKV_IO, "standard output: cannot write: %s", strerror(why ? why : EIO));
    fflush(stderr);
    _exit(rkv_status_exit_code(RKV_IO));
}

void output_begin(void) {
    /* In order, since open takes the lowest free number. Opened the wrong way round, so that using it fails.
     */
    static const int modes[] = {O_WRONLY, O_RDONLY, O_RDONLY};
    for (int descriptor = 0; descriptor < 3; descriptor++)
        if (fcntl(descriptor, F_GETFD) < 0 && open("/dev/null", modes[descriptor]) < 0) _exit(1);
    atexit(close_stdout);
}
