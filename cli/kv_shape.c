/* kv_shape.c: the shape of bare keys and values, as --kv spells it. */
#include "cli/kv_shape.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/message.h"

static const struct axis {
    const char *name;
    size_t offset;
} axes[] = {
    {"batch", offsetof(rkv_kv_tensor, batch)},
    {"heads", offsetof(rkv_kv_tensor, heads)},
    {"tokens", offsetof(rkv_kv_tensor, tokens)},
    {"dim", offsetof(rkv_kv_tensor, dim)},
};
enum { N_AXES = sizeof axes / sizeof *axes };

static rkv_status set_dtype(const char *value, rkv_kv_tensor *tensor) {
    for (int i = 0; rkv_dtype_name((rkv_dtype)i); i++)
        if (strcmp(value, rkv_dtype_name((rkv_dtype)i)) == 0) {
            tensor->dtype = (rkv_dtype)i;
            return RKV_OK;
        }
    return complain(RKV_USAGE, "--kv: dtype is '%s', not f32, f16 or bf16", value);
}

static rkv_status set_axis(const struct axis *axis, const char *value, rkv_kv_tensor *tensor) {
    char *end;
    errno = 0;
    unsigned long long n = strtoull(value, &end, 10);
    if (*value < '0' || *value > '9' || *end || errno || n == 0)
        return complain(RKV_USAGE, "--kv: %s is '%s', not a whole number of at least 1", axis->name, value);
    *(size_t *)((char *)tensor + axis->offset) = (size_t)n;
    return RKV_OK;
}

/* The part called name: an axis, or N_AXES for the dtype; beyond that there is none. */
static size_t find_part(const char *name) {
    size_t i = 0;
    while (i < N_AXES && strcmp(name, axes[i].name) != 0)
        i++;
    return i < N_AXES || strcmp(name, "dtype") == 0 ? i : N_AXES + 1;
}

/* "NAME=VALUE"; given: bits of the parts before it. */
static rkv_status set_part(char *part, unsigned *given, rkv_kv_tensor *tensor) {
    char *value = strchr(part, '=');
    if (!value) return complain(RKV_USAGE, "--kv: '%s' is not NAME=VALUE, as in %s", part, KV_SHAPE_DEFAULT);
    *value++ = '\0';
    size_t i = find_part(part);
    if (i > N_AXES)
        return complain(RKV_USAGE, "--kv: there is no '%s', only batch, heads, tokens, dim and dtype", part);
    if (*given & 1u << i) return complain(RKV_USAGE, "--kv: %s is given twice", part);
    *given |= 1u << i;
    return i == N_AXES ? set_dtype(value, tensor) : set_axis(&axes[i], value, tensor);
}

rkv_status kv_shape_parse(const char *text, rkv_kv_tensor *tensor) {
    *tensor = (rkv_kv_tensor){.dtype = RKV_DTYPE_BF16, .batch = 1, .heads = 8, .tokens = 512, .dim = 128};
    char *copy = strdup(text), *rest = copy, *part;
    if (!copy) return complain(RKV_NO_MEMORY, "out of memory");
    unsigned given = 0;
    rkv_status status = RKV_OK;
    while (!status && (part = strsep(&rest, ",")))
        status = set_part(part, &given, tensor);
    free(copy);
    return status;
}

void kv_shape_print(const rkv_kv_tensor *tensor) {
    printf("[%zu, %zu, %zu, %zu] %s", tensor->batch, tensor->heads, tensor->tokens, tensor->dim,
           rkv_dtype_name(tensor->dtype));
}
