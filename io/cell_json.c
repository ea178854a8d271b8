/* cell_json.c: one measured cell of an evaluation, as the journal and results.json have it. */
#include "io/cell_json.h"

#include <math.h>
#include <stddef.h>

/* The members of a cell in the order of the file. */
typedef enum kind {
    COUNT,
    FLAG,
    TASK,
    NUMBER, /* any, or null */
    SHARE,  /* from 0 to 1, or null */
    TIME    /* seconds, left out of files that hold no times */
} kind;

static const struct member {
    const char *key;
    kind kind;
    size_t offset;
    size_t min; /* of a count */
} members[] = {
    {"setting", COUNT, offsetof(rkv_cell, setting), 0},
    {"window", COUNT, offsetof(rkv_cell, window), 0},
    {"question", COUNT, offsetof(rkv_cell, question), 0},
    {"task", TASK, offsetof(rkv_cell, task), 0},
    {"query_aware", FLAG, offsetof(rkv_cell, query_aware), 0},
    {"depth", SHARE, offsetof(rkv_cell, depth), 0},
    {"total", COUNT, offsetof(rkv_cell, total), 0},
    {"entries", COUNT, offsetof(rkv_cell, entries), 0},
    {"bytes", COUNT, offsetof(rkv_cell, bytes), 0},
    {"kv_bytes", COUNT, offsetof(rkv_cell, kv_bytes), 0},
    {"n_scored", COUNT, offsetof(rkv_cell, n_scored), 1},
    {"n_right", COUNT, offsetof(rkv_cell, n_right), 0},
    {"loss", NUMBER, offsetof(rkv_cell, loss), 0},
    {"kl", NUMBER, offsetof(rkv_cell, kl), 0},
    {"agreement", SHARE, offsetof(rkv_cell, agreement), 0},
    {"compress_s", TIME, offsetof(rkv_cell, compress_s), 0},
    {"answer_s", TIME, offsetof(rkv_cell, answer_s), 0},
};
#define N_MEMBERS (sizeof members / sizeof *members)

/* ---- writing ---- */

static void write_member(rkv_json_out *out, const struct member *m, const void *value) {
    switch (m->kind) {
    case COUNT:
        rkv_json_size(out, m->key, *(const size_t *)value);
        break;
    case FLAG:
        rkv_json_flag(out, m->key, *(const bool *)value);
        break;
    case TASK:
        rkv_json_string(out, m->key, rkv_task_name(*(const rkv_task *)value));
        break;
    case NUMBER:
    case SHARE:
    case TIME:
        rkv_json_number(out, m->key, *(const double *)value);
        break;
    }
}

void rkv_cell_json_write(rkv_json_out *out, const rkv_cell *cell, bool times) {
    bool flat = out->flat;
    rkv_json_begin(out, NULL, '{');
    out->flat = true;
    for (size_t i = 0; i < N_MEMBERS; i++)
        if (times || members[i].kind != TIME)
            write_member(out, &members[i], (const char *)cell + members[i].offset);
    if (cell->text) rkv_json_string(out, "text", cell->text);
    rkv_json_end(out, '}');
    out->flat = flat;
}

/* ---- reading ---- */

static rkv_status read_task(const json_t *object, const char *where, const char *key, rkv_task *task) {
    const char *name;
    rkv_status status = rkv_json_get_string(object, where, key, &name);
    if (status) return status;
    *task = rkv_task_find(name);
    return *task < RKV_TASK_COUNT ? RKV_OK : rkv_json_refuse_member(object, where, key, "the name of a task");
}

static rkv_status read_share(const json_t *object, const char *where, const char *key, double *share) {
    rkv_status status = rkv_json_get_number(object, where, key, share);
    if (status || !(*share < 0 || *share > 1)) return status;
    return rkv_json_refuse_member(object, where, key, "a number from 0 to 1, or null");
}

static rkv_status read_member(const json_t *object, const char *where, const struct member *m, void *value) {
    switch (m->kind) {
    case COUNT:
        return rkv_json_get_size(object, where, m->key, m->min, RKV_MAX_CELL_COUNT, value);
    case FLAG:
        return rkv_json_get_flag(object, where, m->key, value);
    case TASK:
        return read_task(object, where, m->key, value);
    case SHARE:
        return read_share(object, where, m->key, value);
    case NUMBER:
    case TIME:
        break;
    }
    return rkv_json_get_number(object, where, m->key, value);
}

static rkv_status check(const json_t *object, const char *where, const rkv_cell *cell) {
    if (cell->n_right > cell->n_scored)
        return rkv_json_refuse_member(object, where, "n_right", "at most n_scored");
    if (cell->kv_bytes > cell->bytes)
        return rkv_json_refuse_member(object, where, "kv_bytes", "at most bytes");
    return RKV_OK;
}

rkv_status rkv_cell_json_read(const json_t *object, const char *where, rkv_cell *cell) {
    rkv_status status = RKV_OK;
    *cell = (rkv_cell){0};
    for (size_t i = 0; i < N_MEMBERS && !status; i++)
        status = read_member(object, where, &members[i], (char *)cell + members[i].offset);
    if (!status) status = check(object, where, cell);
    if (status || !rkv_json_has(object, "text")) return status;
    return rkv_json_copy_string(object, where, "text", NULL, &cell->text);
}
