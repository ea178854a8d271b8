/* machine.c: what a measurement was made on, and what this process takes of it. */
#include "cli/machine.h"

#include <math.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Whether a line is "FIELD<blanks>: VALUE"; *value then points to VALUE. */
static bool is_field(char *line, const char *field, char **value) {
    char *colon = strchr(line, ':'), *end = colon;
    if (!colon) return false;
    while (end > line && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    *value = colon + 1 + strspn(colon + 1, " \t");
    return (size_t)(end - line) == strlen(field) && memcmp(line, field, strlen(field)) == 0;
}

/* Copies the value of a field in a file of the system, the first of that name. */
static bool read_field(const char *path, const char *field, char *value, size_t size) {
    char line[512], *text;
    bool found = false;
    FILE *file = fopen(path, "re");
    while (file && !found && fgets(line, sizeof line, file))
        if ((found = is_field(line, field, &text)))
            snprintf(value, size, "%.*s", (int)strcspn(text, "\n"), text);
    if (file) fclose(file);
    return found;
}

cli_machine machine_describe(void) {
    cli_machine machine = {.cpu = "unknown"};
    cpu_set_t set;
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    read_field("/proc/cpuinfo", "model name", machine.cpu, sizeof machine.cpu);
    machine.n_cpus = sched_getaffinity(0, sizeof set, &set) == 0 ? (size_t)CPU_COUNT(&set) : 1;
    if (pages > 0 && page > 0) machine.memory_bytes = (size_t)pages * (size_t)page;
    return machine;
}

double machine_process(const char *field) {
    char value[64], *end;
    if (!read_field("/proc/self/status", field, value, sizeof value)) return NAN;
    double number = strtod(value, &end);
    return strcmp(end, " kB") == 0 ? number * 1024 : number;
}
