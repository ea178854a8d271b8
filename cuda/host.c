/* host.c: the module's failures belong to the library that opened it. */
#include "cuda/host.h"

#include <stdatomic.h>
#include <stdio.h>

#include "core/fail.h"

/* The one mutable global of the module: written with the same value whenever the library opens it. */
static _Atomic(const rkv_module_host *) host;

void rkv_cuda_set_host(const rkv_module_host *new_host) {
    atomic_store(&host, new_host);
}

static rkv_status tell(rkv_status status, const char *message) {
    const rkv_module_host *to = atomic_load(&host);
    if (to) to->fail(status, message);
    return status;
}

rkv_status rkv_fail(rkv_status status, const char *format, ...) {
    char text[RKV_MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return tell(status, text);
}
