/* machine.h: what a measurement was made on, and what this process takes of it. */
#ifndef RKV_CLI_MACHINE_H
#define RKV_CLI_MACHINE_H

#include <stddef.h>

/* The processor's own name, "unknown" when the system does not say; processors that may be used; bytes of
 * memory. No name of the machine. */
typedef struct cli_machine {
    char cpu[128];
    size_t n_cpus;
    size_t memory_bytes;
} cli_machine;
cli_machine machine_describe(void);

/* A field of /proc/self/status: "VmRSS" and "VmHWM" (resident now, and the most so far) in bytes, "Threads".
 * NaN when the system does not say. */
double machine_process(const char *field);

#endif
