/* tasks.c: tasks and protocols of evaluations by name: what files and options call them. */
#include <string.h>

#include <rankkv/eval.h>

typedef struct label {
    const char *name, *summary;
} label;

#define LABEL(symbol, name, summary) [symbol] = {name, summary},
static const label tasks[] = {RKV_TASK_LIST(LABEL)};
static const label protocols[] = {RKV_PROTOCOL_LIST(LABEL)};
#undef LABEL

/* The index of the label with this name; n when there is none. */
static size_t find(const label *labels, size_t n, const char *name) {
    size_t i = 0;
    while (i < n && strcmp(labels[i].name, name) != 0)
        i++;
    return i;
}

const char *rkv_task_name(rkv_task task) {
    return (size_t)task < RKV_TASK_COUNT ? tasks[task].name : NULL;
}

const char *rkv_task_summary(rkv_task task) {
    return (size_t)task < RKV_TASK_COUNT ? tasks[task].summary : NULL;
}

rkv_task rkv_task_find(const char *name) {
    return (rkv_task)find(tasks, RKV_TASK_COUNT, name);
}

const char *rkv_protocol_name(rkv_protocol protocol) {
    return (size_t)protocol < RKV_PROTOCOL_COUNT ? protocols[protocol].name : NULL;
}

const char *rkv_protocol_summary(rkv_protocol protocol) {
    return (size_t)protocol < RKV_PROTOCOL_COUNT ? protocols[protocol].summary : NULL;
}

rkv_protocol rkv_protocol_find(const char *name) {
    return (rkv_protocol)find(protocols, RKV_PROTOCOL_COUNT, name);
}
