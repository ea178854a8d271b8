/* device.h: what --device means on this machine. */
#ifndef RKV_CLI_DEVICE_H
#define RKV_CLI_DEVICE_H

#include <rankkv/status.h>

/* The device that a command computes on: "auto" becomes the first GPU, or the CPU with a note that says why;
 * others stay as they are. The name lasts as long as the program. */
const char *device_choose(const char *device);

/* For commands that compute on one device: RKV_USAGE, told, when several are named. */
rkv_status device_check_one(const char *device);

/* For commands that come to use it late: RKV_UNAVAILABLE, told, when it is not there. */
rkv_status device_check(const char *device);

#endif
