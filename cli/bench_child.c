/* bench_child.c: one case of `rankkv bench` in a process of its own: started, listened to, and buried. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/arguments.h"
#include "cli/bench.h"
#include "cli/message.h"
#include "cli/signals.h"

enum { N_ROWS_MOST = 32, TICK_MS = 100 };

/* ---- arguments ---- */

/* "--NAME=VALUE" of a row's field, NULL when it was not given: the opposite of option_set, and exact. False:
 * out of memory. */
static bool write_argument(const option_row *row, const bench_case *c, char **text) {
    const void *field = (const char *)c + row->offset;
    const char *string = NULL;
    int n = 0;
    *text = NULL;
    if (row->kind == OPTION_COUNT && *(const size_t *)field)
        n = asprintf(text, "--%s=%zu", row->name, *(const size_t *)field);
    else if (row->kind == OPTION_SEED)
        n = asprintf(text, "--%s=%ju", row->name, (uintmax_t) * (const uint64_t *)field);
    else if (row->kind == OPTION_NUMBER && *(const double *)field > 0)
        n = asprintf(text, "--%s=%.17g", row->name, *(const double *)field);
    else if (row->kind == OPTION_INDEX)
        string = row->choices->name(*(const unsigned *)field);
    else if (row->kind == OPTION_TEXT || row->kind == OPTION_FILE)
        string = *(const char *const *)field;
    if (string) n = asprintf(text, "--%s=%s", row->name, string);
    return n >= 0;
}

/* What the program is started with; argv[0] and [1] are static, the others the caller's to free. */
static rkv_status write_arguments(const bench_case *c, char *argv[N_ROWS_MOST + 3]) {
    size_t n = 0;
    argv[n++] = (char *)"rankkv";
    argv[n++] = (char *)"bench-case";
    for (const option_row *row = bench_case_rows; row->name && n < N_ROWS_MOST + 2; row++) {
        if (!write_argument(row, c, &argv[n])) return complain(RKV_NO_MEMORY, "out of memory");
        n += argv[n] != NULL;
    }
    argv[n] = NULL;
    return RKV_OK;
}

/* ---- the process ---- */

typedef struct child {
    pid_t pid;
    int pipes[2]; /* our ends of its standard output and standard error; -1: closed */
    char *texts[2];
    size_t lengths[2];
    FILE *streams[2];
} child;

static rkv_status said_errno(const char *what) {
    return complain(RKV_ERROR, "cannot start a process for a case: %s: %s", what, strerror(errno));
}

/* In the new process: only calls that are safe after fork. It dies with the one that started it. */
static void become(char *const *argv, int ids, const int theirs[2], pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent || lseek(ids, 0, SEEK_SET) != 0) _exit(127);
    if (dup2(ids, 0) < 0 || dup2(theirs[0], 1) < 0 || dup2(theirs[1], 2) < 0) _exit(127);
    execv("/proc/self/exe", argv);
    _exit(127);
}

static rkv_status child_start(child *process, char *const *argv, int ids) {
    int theirs[2] = {-1, -1};
    pid_t parent = getpid();
    *process = (child){.pid = -1, .pipes = {-1, -1}};
    rkv_status status = RKV_OK;
    for (size_t i = 0; i < 2 && !status; i++) {
        int ends[2];
        process->streams[i] = open_memstream(&process->texts[i], &process->lengths[i]);
        if (!process->streams[i] || pipe2(ends, O_CLOEXEC) != 0) {
            status = said_errno("pipe");
            break;
        }
        process->pipes[i] = ends[0];
        theirs[i] = ends[1];
    }
    if (!status && (process->pid = fork()) < 0) status = said_errno("fork");
    if (process->pid == 0) become(argv, ids, theirs, parent);
    for (size_t i = 0; i < 2; i++)
        if (theirs[i] >= 0) close(theirs[i]);
    return status;
}

/* Takes what there is on one of its pipes. */
static void listen_to(child *process, size_t i) {
    char bytes[4096];
    ssize_t n = read(process->pipes[i], bytes, sizeof bytes);
    if (n > 0) {
        fwrite(bytes, 1, (size_t)n, process->streams[i]);
    } else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
        close(process->pipes[i]);
        process->pipes[i] = -1;
    }
}

static rkv_status child_listen(child *process, void (*tick)(void *user), void *user) {
    while (process->pipes[0] >= 0 || process->pipes[1] >= 0) {
        struct pollfd polled[2] = {{.fd = process->pipes[0], .events = POLLIN},
                                   {.fd = process->pipes[1], .events = POLLIN}};
        int ready = poll(polled, 2, TICK_MS);
        if (signals_caught()) return RKV_CANCELLED;
        tick(user);
        for (size_t i = 0; ready > 0 && i < 2; i++)
            if (polled[i].revents) listen_to(process, i);
    }
    return RKV_OK;
}

/* Waits for its end, which is near: its outputs are closed, or it has been killed. */
static int child_wait(child *process) {
    int how = 0;
    while (waitpid(process->pid, &how, 0) < 0 && errno == EINTR)
        ;
    process->pid = -1;
    return how;
}

static void child_clear(child *process) {
    if (process->pid > 0) {
        kill(process->pid, SIGKILL);
        child_wait(process);
    }
    for (size_t i = 0; i < 2; i++) {
        if (process->pipes[i] >= 0) close(process->pipes[i]);
        if (process->streams[i]) fclose(process->streams[i]);
        free(process->texts[i]);
    }
}

/* ---- what came of it ---- */

/* The last line that it wrote on stderr, without the program's name. */
static char *last_words(const char *text) {
    static const char name[] = "rankkv bench-case: ";
    size_t end = strlen(text);
    while (end > 0 && text[end - 1] == '\n')
        end--;
    size_t start = end;
    while (start > 0 && text[start - 1] != '\n')
        start--;
    if (strncmp(text + start, name, sizeof name - 1) == 0) start += sizeof name - 1;
    return strndup(text + start, end - start);
}

static rkv_status status_of_code(int code) {
    for (rkv_status status = RKV_OK; status <= RKV_CANCELLED; status++)
        if (rkv_status_exit_code(status) == code) return status;
    return RKV_ERROR;
}

/* Why there is no sample; NULL: out of memory. */
static char *reason_of(int how, const char *words) {
    char *reason = NULL;
    int n = 0;
    if (WIFSIGNALED(how))
        n = asprintf(&reason, "killed by signal %d (%s)%s", WTERMSIG(how), strsignal(WTERMSIG(how)),
                     WTERMSIG(how) == SIGKILL ? "; the system does that when memory runs out" : "");
    else if (*words)
        reason = last_words(words);
    else
        n = asprintf(&reason, "ended with code %d and without a result", WEXITSTATUS(how));
    return n < 0 ? NULL : reason;
}

/* Reads the sample, or finds the reason why there is none. */
static rkv_status judge(child *process, int how, bench_sample *sample, char **reason, rkv_status *failure) {
    for (size_t i = 0; i < 2; i++)
        if (fflush(process->streams[i]) != 0) return complain(RKV_NO_MEMORY, "out of memory");
    bool ended_well = WIFEXITED(how) && WEXITSTATUS(how) == 0;
    if (ended_well && bench_sample_read(process->texts[0], sample)) return RKV_OK;
    *failure = WIFEXITED(how) && !ended_well ? status_of_code(WEXITSTATUS(how)) : RKV_ERROR;
    *reason = reason_of(how, process->texts[1]);
    return *reason ? RKV_OK : complain(RKV_NO_MEMORY, "out of memory");
}

rkv_status bench_child_run(const bench_case *c, int ids, void (*tick)(void *user), void *user,
                           bench_sample *sample, char **reason, rkv_status *failure) {
    char *argv[N_ROWS_MOST + 3] = {0};
    child process = {.pid = -1, .pipes = {-1, -1}};
    *reason = NULL;
    rkv_status status = write_arguments(c, argv);
    if (!status) status = child_start(&process, argv, ids);
    if (!status) status = child_listen(&process, tick, user);
    if (!status) status = judge(&process, child_wait(&process), sample, reason, failure);
    /* a signal to all of the terminal's processes ends the case too, before we look */
    if (!status && signals_caught()) status = RKV_CANCELLED;
    child_clear(&process);
    for (size_t i = 2; argv[i]; i++)
        free(argv[i]);
    return status;
}
