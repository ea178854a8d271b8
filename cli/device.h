/* device.h: what --device means on this machine. */
#ifndef RKV_CLI_DEVICE_H
#define RKV_CLI_DEVICE_H

/* The device that a command computes on: "auto" becomes the first GPU, or the CPU with a note that says why;
 * others stay as they are. The name lasts as long as the program. */
const char *device_choose(const char *device);

/* The same for work that the CPU alone can do so far: "auto" becomes the CPU, with a note where there is a
 * GPU. */
const char *device_choose_for_executor(const char *device);

#endif
