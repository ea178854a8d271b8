/* confined.c: the inspection of a foreign file in a child process, and its answer through a pipe. */
#include "io/confined.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/fail.h"
#include "core/memory.h"
#include "io/hdf5_session.h"

/* What the child may take: a healthy file needs a small part of it. */
#define MEMORY_LIMIT     ((rlim_t)2 << 30)
#define LEAST_TIME_S     3u
#define MOST_TIME_S      600u
#define BYTES_PER_SECOND ((uint64_t)256 << 20)

/* Seconds of the processor for an open file; the clock on the wall may show ten times as many. */
static unsigned time_limit_s(int descriptor) {
    struct stat info;
    uint64_t bytes = fstat(descriptor, &info) == 0 ? (uint64_t)info.st_size : 0;
    uint64_t limit = LEAST_TIME_S + bytes / BYTES_PER_SECOND;
    return limit < MOST_TIME_S ? (unsigned)limit : MOST_TIME_S;
}

/* What comes first through the pipe; the head of the contents and the sections follow. */
typedef struct answer {
    rkv_status status;
    char message[RKV_MESSAGE_SIZE];
} answer;

/* ---- the child ---- */

static void send_all(int descriptor, const void *bytes, size_t length) {
    const char *rest = bytes;
    while (length > 0) {
        ssize_t n = write(descriptor, rest, length);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) _exit(1);
        rest += n;
        length -= (size_t)n;
    }
}

/* A crash is quiet, leaves no core and is not caught by the host's handlers; time and memory are bounded;
 * what HDF5 or the C library print goes nowhere. */
static void confine(unsigned limit_s) {
    static const int fatal[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGXCPU, SIGTERM, SIGALRM};
    for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++)
        signal(fatal[i], SIG_DFL);
    signal(SIGINT, SIG_IGN); /* an interrupt at the terminal is the parent's to answer */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    setrlimit(RLIMIT_CPU, &(struct rlimit){limit_s, limit_s + 1});
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file && fscanf(file, "%lu", &pages) == 1) {
        rlim_t limit = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + MEMORY_LIMIT;
        setrlimit(RLIMIT_AS, &(struct rlimit){limit, limit});
    }
    if (file) fclose(file);
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nowhere >= 0) {
        dup2(nowhere, STDOUT_FILENO);
        dup2(nowhere, STDERR_FILENO);
    }
}

static _Noreturn void run_child(const rkv_confined_task *task, int pipe_end, int descriptor,
                                unsigned limit_s) {
    confine(limit_s);
    answer head = {0};
    head.status = task->inspect(task->contents, descriptor);
    if (head.status) snprintf(head.message, sizeof head.message, "%s", rkv_message());
    send_all(pipe_end, &head, sizeof head);
    if (head.status) _exit(0);
    send_all(pipe_end, task->contents, task->head_bytes);
    rkv_confined_section parts[RKV_CONFINED_SECTIONS] = {0};
    task->sections(task->contents, parts);
    for (int i = 0; i < RKV_CONFINED_SECTIONS; i++)
        if (parts[i].length) send_all(pipe_end, *parts[i].bytes, parts[i].length);
    _exit(0); /* neither exit handlers nor buffers: they are the parent's */
}

/* ---- the parent ---- */

/* RKV_DATA when the child ends or lingers before all bytes came. */
static rkv_status receive(int descriptor, void *bytes, size_t length, double deadline_s) {
    char *rest = bytes;
    while (length > 0) {
        double left_s = deadline_s - rkv_now_s();
        struct pollfd poller = {.fd = descriptor, .events = POLLIN};
        int ready = left_s > 0 ? poll(&poller, 1, (int)(left_s * 1000) + 1) : 0;
        if (ready < 0 && errno == EINTR) continue;
        if (ready == 0) return rkv_fail(RKV_DATA, "the HDF5 library comes to no end with it");
        ssize_t n = read(descriptor, rest, length);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return rkv_fail(RKV_DATA, "damaged: the HDF5 library gave no answer");
        rest += n;
        length -= (size_t)n;
    }
    return RKV_OK;
}

/* The answer is checked as if a stranger had sent it: the child may have been led astray before it crashed.
 */
static rkv_status receive_answer(const rkv_confined_task *task, int descriptor, double deadline_s) {
    answer head;
    rkv_confined_section parts[RKV_CONFINED_SECTIONS] = {0};
    rkv_status status = receive(descriptor, &head, sizeof head, deadline_s);
    if (status) return status;
    head.message[sizeof head.message - 1] = '\0';
    if (head.status) return rkv_fail(head.status, "%s", head.message);
    status = receive(descriptor, task->contents, task->head_bytes, deadline_s);
    if (!status) status = task->check(task->contents);
    if (!status) task->sections(task->contents, parts);
    for (int i = 0; i < RKV_CONFINED_SECTIONS && !status; i++) {
        if (!parts[i].length) continue;
        status = rkv_alloc_raw(parts[i].bytes, parts[i].length, 1);
        if (!status) status = receive(descriptor, *parts[i].bytes, parts[i].length, deadline_s);
    }
    return status;
}

/* Ends and collects the child. A crash explains a failure better than the silence that it caused; a child
 * that a host's own waiting has collected stays unexplained. */
static rkv_status collect(pid_t child, unsigned limit_s, rkv_status status) {
    int how = 0;
    pid_t got;
    if (status) kill(child, SIGKILL); /* does nothing to one that ended already */
    do
        got = waitpid(child, &how, 0);
    while (got < 0 && errno == EINTR);
    if (!status || got != child || !WIFSIGNALED(how) || WTERMSIG(how) == SIGKILL) return status;
    if (WTERMSIG(how) == SIGXCPU)
        return rkv_fail(RKV_DATA, "the HDF5 library needs more than %u s for it", limit_s);
    return rkv_fail(RKV_DATA, "damaged: the HDF5 library crashed on it (%s)", strsignal(WTERMSIG(how)));
}

/* One at a time, so that no other child holds this pipe open; and no other thread is inside HDF5 when its
 * state is copied. */
static rkv_status start_child(const rkv_confined_task *task, int descriptor, unsigned limit_s, pid_t *child,
                              int *pipe_end) {
    int ends[2], reason = 0;
    rkv_hdf5_session session = rkv_hdf5_begin();
    *child = -1;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        reason = errno;
    } else {
        *child = fork();
        if (*child == 0) run_child(task, ends[1], descriptor, limit_s);
        reason = errno;
        close(ends[1]);
        if (*child < 0) close(ends[0]);
    }
    rkv_hdf5_end(&session);
    if (*child < 0) return rkv_fail_errno(RKV_UNAVAILABLE, reason, "cannot start the process that reads it");
    *pipe_end = ends[0];
    return RKV_OK;
}

rkv_status rkv_confined_run(const rkv_confined_task *task, int descriptor) {
    unsigned limit_s = time_limit_s(descriptor);
    pid_t child = -1;
    int pipe_end = -1;
    rkv_status status = start_child(task, descriptor, limit_s, &child, &pipe_end);
    if (status) return status;
    status = receive_answer(task, pipe_end, rkv_now_s() + 10 * limit_s);
    close(pipe_end);
    return collect(child, limit_s, status);
}
