/* device.h: what --device means on this machine. */
#ifndef RKV_CLI_DEVICE_H
#define RKV_CLI_DEVICE_H

#include <rankkv/status.h>

/* The device that a command computes on: "auto" becomes the first GPU, or the CPU with a note that says why;
 * others stay as they are. The name lasts as long as the program. */
const char *device_choose(const char *device);

/* The same for commands that compress caches, which the CPU alone does so far: "auto" becomes the CPU; a
 * GPU that was asked for by name is refused. */
rkv_status device_choose_for_executor(const char *device, const char **chosen);

#endif
