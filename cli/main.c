/* main.c: the program `rankkv`: finds the command, parses its options, runs it, and turns its status into an
 * exit code. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/invocation.h"
#include "cli/message.h"
#include "cli/output.h"
#include "cli/overview.h"
#include "cli/signals.h"

/* Libraries read these when they are loaded, which is before main: the way to set them is to start again.
 * Both are asked for only while they are not set, so this happens once. OPENBLAS_CORETYPE: its kernels, where
 * it does not know the processor. GOMP_SPINCOUNT: how long a thread waits awake. By default that is
 * milliseconds, in which a thread that has lost its core to another program keeps everyone waiting: beside
 * one busy process on 2 cores, decoding ran at 18 tokens/s instead of 29. This many turns cover what lies
 * between two products of a token. */
static void restart_for_libraries(char **argv) {
    const char *core = getenv("OPENBLAS_CORETYPE") ? NULL : rkv_cpu_blas_core_wanted();
    bool waits_as_told = getenv("OMP_WAIT_POLICY") || getenv("GOMP_SPINCOUNT");
    if (core && setenv("OPENBLAS_CORETYPE", core, 1) != 0) return;
    if (!waits_as_told && setenv("GOMP_SPINCOUNT", "20000", 1) != 0) return;
    if (!core && waits_as_told) return;
    execv("/proc/self/exe", argv); /* comes back only when it failed: slower then, no failure */
}

/* glibc maps large blocks by themselves, so that freeing them gives them back; but each that is freed raises
 * the size from which it does so, and then the memory of evicted entries stays behind in holes of the heap,
 * as much as 20 MiB of 91. Setting the size, even to its default, keeps it where it is. */
static void give_memory_back(void) {
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, 128 << 10);
#endif
}

static int exit_code(rkv_status status) {
    int signal = signals_caught();
    if (!signal || status == RKV_OK) return rkv_status_exit_code(status);
    complain(status, "stopped by a signal; nothing half-written stays");
    return EXIT_SIGNAL + signal;
}

static int run_command(const cli_command *command, int argc, char **argv) {
    char name[64], **arguments = NULL;
    size_t n_arguments = 0;
    void *options = calloc(1, command->options_size + 1);
    if (!options) return rkv_status_exit_code(complain(RKV_NO_MEMORY, "out of memory"));
    if (command->set_defaults) command->set_defaults(options);
    snprintf(name, sizeof name, "rankkv %s", command->name);
    message_set_program(name);
    argv[0] = name; /* what argp puts before its messages */
    arguments_parse(command, argc, argv, options, &arguments, &n_arguments);
    rkv_status status = command->run(options, arguments, n_arguments);
    free(options);
    int code = exit_code(status);
    message_set_program("rankkv"); /* name goes out of scope before the last message, that of close_stdout */
    return code;
}

int main(int argc, char **argv) {
    output_begin();
    if (argc < 2) {
        overview_print(stderr);
        return rkv_status_exit_code(RKV_USAGE);
    }
    if (argv[1][0] == '-') return overview_run(argc, argv);
    const cli_command *command = command_find(argv[1]);
    if (!command) return rkv_status_exit_code(overview_unknown_command(argv[1]));
    if (command->computes) restart_for_libraries(argv);
    give_memory_back();
    signals_watch();
    invocation_keep(argc, argv);
    return run_command(command, argc - 1, argv + 1);
}
