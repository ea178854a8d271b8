/* host_device.h: the devices that tests/cuda_host plays, as tests look at them.
 *
 * Their memory cannot be read or written but by what runs on the device: elsewhere that is a segmentation
 * fault, as is anything past the end of an allocation. Fresh memory is full of NaN. What is copied to the
 * host arrives when the stream is waited for, and not before; host_runtime.h says how streams side by side
 * are played. */
#ifndef RKV_TESTS_HOST_DEVICE_H
#define RKV_TESTS_HOST_DEVICE_H

#include <stdbool.h>
#include <stddef.h>

/* Between these, on one thread at a time, device memory is within reach. */
void host_device_begin(void);
void host_device_end(void);

/* How many devices there are from now on; 1 at first, at most 4. */
void host_device_set_count(int n);

/* Whether they are far apart from now on: none can reach another's memory, copies go through the host. */
void host_device_set_apart(bool are_apart);

/* Allocations, of all devices and of pinned memory, that were not freed. */
size_t host_device_live(void);

/* How often a stream was waited for. */
size_t host_device_waits(void);

/* How many kernels were queued. */
size_t host_device_launches(void);

/* How many copies were queued, whichever way. */
size_t host_device_copies(void);

/* How many bytes lists of rows have moved, within their memory and to other, on one thread. */
size_t host_device_moved(void);

/* How many bytes were copied to the host. */
size_t host_device_downloaded(void);

/* Pinned memory, the last that was allocated first; NULL past the end. */
const void *host_pinned(size_t n);

/* How many bytes cudaMemGetInfo says are free now on a device; 0: as many as at first. What is taken later
 * makes them less, and fails for no lack of them. */
void host_device_set_free(size_t bytes); /* of device 0 */
void host_device_set_free_on(int device, size_t bytes);

/* What a backend takes of a device as long as it is open: what cuBLAS works in. */
#define HOST_DEVICE_OPENED ((size_t)4 << 20)

/* The mark of most memory begins anew, on all devices. */
void host_device_forget_peak(void);

/* Bytes of device 0 that were asked for and not freed, and the most of a device at once since the high-water
 * mark of its pool was set to 0. */
size_t host_device_bytes(void);
size_t host_device_peak(int device);

/* The n-th allocation from now on finds no memory (1: the next); 0: none fails. Returns how far away the last
 * one asked for still is; 0: it has failed. */
size_t host_device_fail_at(size_t n);
/* The same of one device's memory alone. */
size_t host_device_fail_at_on(int device, size_t n);

#endif
