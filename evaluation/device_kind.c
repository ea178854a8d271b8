/* device_kind.c: a device's name without the numbers of its GPUs. */
#include "evaluation/device_kind.h"

#include <stdio.h>
#include <string.h>

void rkv_device_kind(const char *device, char kind[RKV_DEVICE_KIND_SIZE]) {
    size_t length = strcspn(device, ": ");
    const char *rest = device + length;
    if (*rest == ':') rest += 1 + strspn(rest + 1, "0123456789,");
    snprintf(kind, RKV_DEVICE_KIND_SIZE, "%.*s%s", (int)length, device, rest);
}
