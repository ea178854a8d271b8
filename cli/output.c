/* output.c: standard output, really written. */
#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/message.h"

static bool failure_told;

static rkv_status tell_failure(int why) {
    if (!failure_told) complain(RKV_IO, "standard output: cannot write: %s", strerror(why ? why : EIO));
    failure_told = true;
    return RKV_IO;
}

/* Why a write of long ago failed: what broke then breaks again, and says so. */
static int ask_again(void) {
    clearerr(stdout);
    errno = 0;
    putchar('\n');
    fflush(stdout);
    return errno;
}

rkv_status output_flush(void) {
    bool broken = ferror(stdout);
    errno = 0;
    if (fflush(stdout) != 0) return tell_failure(errno);
    return broken ? tell_failure(ask_again()) : RKV_OK;
}

static void close_stdout(void) {
    rkv_status status = output_flush();
    errno = 0;
    if (fclose(stdout) != 0 && errno != EBADF)
        status = tell_failure(errno); /* EBADF: closed, and not needed */
    if (!status) return;
    fflush(stderr);
    _exit(rkv_status_exit_code(status));
}

void output_begin(void) {
    /* In order, since open takes the lowest free number. Opened the wrong way round, so that using it fails.
     */
    static const int modes[] = {O_WRONLY, O_RDONLY, O_RDONLY};
    for (int descriptor = 0; descriptor < 3; descriptor++)
        if (fcntl(descriptor, F_GETFD) < 0 && open("/dev/null", modes[descriptor]) < 0) _exit(1);
    atexit(close_stdout);
}
