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

/* "NAME=VALUE" */
static rkv_status set_part(char *part, rkv_kv_tensor *tensor) {
    char *value = strchr(part, '=');
    if (!value) return complain(RKV_USAGE, "--kv: '%s' is not NAME=VALUE, as in %s", part, KV_SHAPE_DEFAULT);
    *value++ = '\0';
    if (strcmp(part, "dtype") == 0) return set_dtype(value, tensor);
    for (size_t i = 0; i < sizeof axes / sizeof *axes; i++)
        if (strcmp(part, axes[i].name) == 0) return set_axis(&axes[i], value, tensor);
    return complain(RKV_USAGE, "--kv: there is no '%s', only batch, heads, tokens, dim and dtype", part);
}

rkv_status kv_shape_parse(const char *text, rkv_kv_tensor *tensor) {
    *tensor = (rkv_kv_tensor){.dtype = RKV_DTYPE_BF16, .batch = 1, .heads = 8, .tokens = 512, .dim = 128};
    char *copy = strdup(text), *rest = copy, *part;
    if (!copy) return complain(RKV_NO_MEMORY, "out of memory");
    rkv_status status = RKV_OK;
    while (!status && (part = strsep(&rest, ",")))
        status = set_part(part, tensor);
    free(copy);
    return status;
}

void kv_shape_print(const rkv_kv_tensor *tensor) {
    printf("[%zu, %zu, %zu, %zu] %s", tensor->batch, tensor->heads, tensor->tokens, tensor->dim,
           rkv_dtype_name(tensor->dtype));
}
