/* dry_run.c: memory that was foretold, in words and as JSON. */
#include "cli/dry_run.h"

#include <stdio.h>
#include <string.h>

#include "cli/message.h"
#include "cli/summary.h"

/* ---- what memory is made of ---- */

typedef struct part {
    const char *name, *label; /* in JSON; for people */
    const char *streamed;     /* instead of the label, where weights do not stay; NULL: the same */
    const char *heading;      /* of a column; NULL: in no table */
    size_t offset;            /* of its size_t */
} part;

#define OF(member) offsetof(rkv_memory_needs, member)
static const part analysis_parts[] = {
    {"held_bytes", "libraries work in", NULL, NULL, OF(held_bytes)},
    {"weights_bytes", "weights, resident", "weights, layer by layer", NULL, OF(weights_bytes)},
    {"attention_bytes", "attention", NULL, NULL, OF(attention_bytes)},
    {"activations_bytes", "activations", NULL, NULL, OF(activations_bytes)},
    {"workspace_bytes", "ranks and metrics", NULL, NULL, OF(workspace_bytes)},
    {0}};
#undef OF

/* The last is beside the others. */
#define OF(member) offsetof(rkv_session_needs, member)
static const part session_parts[] = {
    {"held_bytes", "libraries work in", NULL, "libraries", OF(held_bytes)},
    {"weights_bytes", "weights, resident", "weights, layer by layer", "weights", OF(weights_bytes)},
    {"cache_bytes", "cache, when most is used", NULL, "cache", OF(cache_bytes)},
    {"activations_bytes", "activations", NULL, "activations", OF(activations_bytes)},
    {"workspace_bytes", "while computing", NULL, "computing", OF(workspace_bytes)},
    {"host_bytes", "of the host's memory", NULL, "host", OF(host_bytes)},
    {0}};
#undef OF

static size_t bytes_of(const part *p, const void *needs) {
    return *(const size_t *)(const void *)((const char *)needs + p->offset);
}

/* ---- in words ---- */

static void tell_whole(size_t needed_bytes, const char *device, size_t free_bytes) {
    char words[32];
    write_bytes(words, (double)needed_bytes);
    printf("%s (%zu bytes) of %s", words, needed_bytes, device);
    write_bytes(words, (double)free_bytes);
    if (free_bytes) printf(", which has %s free", words);
    putchar('\n');
}

static void tell_part(const char *label, size_t bytes) {
    char words[32];
    write_bytes(words, (double)bytes);
    if (bytes) printf("  %-26s %10s\n", label, words);
}

static void tell_parts(const part *parts, const void *needs, bool resident) {
    for (const part *p = parts; p->name; p++)
        tell_part(p->streamed && !resident ? p->streamed : p->label, bytes_of(p, needs));
}

void dry_run_tell_analysis(const rkv_memory_needs *n) {
    tell_whole(n->needed_bytes, n->device, n->free_bytes);
    tell_parts(analysis_parts, n, n->resident);
}

void dry_run_tell_session(const rkv_session_needs *n, const rkv_model_info *model) {
    tell_whole(n->needed_bytes, n->device, n->free_bytes);
    tell_parts(session_parts, n, n->resident);
    tell_part("the model's file, mapped", model->file_bytes);
}

static void tell_cell(const char *heading, size_t bytes) {
    int width = (int)strlen(heading);
    printf("  %*.1f", width > 8 ? width : 8, (double)bytes / (1 << 20));
}

void dry_run_tell_head(void) {
    printf("  %8s", "needed");
    for (const part *p = session_parts; p->name; p++)
        printf("  %8s", p->heading);
    putchar('\n');
}

void dry_run_tell_row(const rkv_session_needs *n) {
    tell_cell("needed", n->needed_bytes);
    for (const part *p = session_parts; p->name; p++)
        tell_cell(p->heading, bytes_of(p, n));
    putchar('\n');
}

/* ---- as JSON ---- */

static void write_needs(cli_json *json, const part *parts, const void *needs, size_t needed_bytes,
                        size_t free_bytes, bool resident) {
    json_count(json, "needed_bytes", needed_bytes);
    if (free_bytes) json_count(json, "free_bytes", free_bytes);
    json_bool(json, "weights_resident", resident);
    for (const part *p = parts; p->name; p++)
        json_count(json, p->name, bytes_of(p, needs));
}

void dry_run_json_analysis(cli_json *json, const rkv_memory_needs *n) {
    write_needs(json, analysis_parts, n, n->needed_bytes, n->free_bytes, n->resident);
}

void dry_run_json_session(cli_json *json, const rkv_session_needs *n, const rkv_model_info *model) {
    write_needs(json, session_parts, n, n->needed_bytes, n->free_bytes, n->resident);
    json_count(json, "file_bytes", model->file_bytes);
    json_cache(json, &n->cache);
}

/* ---- the exit code ---- */

rkv_status dry_run_judge(const char *name, size_t needed_bytes, size_t free_bytes, const char *device) {
    if (!free_bytes || needed_bytes <= free_bytes) return RKV_OK;
    return complain(RKV_NO_MEMORY, "%s: needs %zu bytes of the memory of %s, where %zu are free", name,
                    needed_bytes, device, free_bytes);
}
