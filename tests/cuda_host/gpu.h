/* gpu.h: tests that run again on a GPU where there is one. */
#ifndef RKV_TESTS_GPU_H
#define RKV_TESTS_GPU_H

#include <stdbool.h>
#include <stdio.h>

#include <rankkv/device.h>
#include <rankkv/status.h>

/* What a test program returns where it is skipped. */
#define GPU_IS_MISSING 77

/* Says which GPUs `device` names, or why they are not there. */
static inline bool gpu_is_there(const char *device) {
    char text[256] = "";
    bool there = rkv_device_describe(device, text, sizeof text) != RKV_UNAVAILABLE;
    printf("%s: %s\n", there ? "on" : "skipped", there ? text : rkv_message());
    return there;
}

#endif
