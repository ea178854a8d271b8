/* device_kind.h: what of a device decides the numbers that it measures. */
#ifndef RKV_EVALUATION_DEVICE_KIND_H
#define RKV_EVALUATION_DEVICE_KIND_H

enum { RKV_DEVICE_KIND_SIZE = 64 };

/* "cuda:0,1 NVIDIA H200, tf32" is a "cuda NVIDIA H200, tf32": which GPUs of one name a process is given, and
 * how many, changes nothing that is measured on them. */
void rkv_device_kind(const char *device, char kind[RKV_DEVICE_KIND_SIZE]);

#endif
