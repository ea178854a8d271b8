/* devices.h: several devices that were asked for together, "cuda:0,1": the first computes, all of them help.
 *
 * Who works with the first need not know of the others: they are its helpers (backend.h). */
#ifndef RKV_BACKEND_DEVICES_H
#define RKV_BACKEND_DEVICES_H

#include "backend/backend.h"

#define RKV_MOST_DEVICES 16

typedef struct rkv_device_list {
    size_t ordinal[RKV_MOST_DEVICES], n;
} rkv_device_list;

/* The numbers in "cuda:N,N,..."; 0 for "cuda" alone. RKV_USAGE: something else, a number twice, or too many.
 */
rkv_status rkv_devices_read(const char *device, rkv_device_list *out);

/* Opens the first; where there are more, each once more as a helper of the first, the first itself among
 * them. Fails as `open` does, with its words; then none is open. */
rkv_status rkv_devices_open(rkv_backend **out, rkv_status (*open)(rkv_backend **out, size_t ordinal),
                            const rkv_device_list *devices);

/* Closes the helpers, for work that has no use for them: the device, set to float32, is named alone. */
void rkv_devices_dismiss(rkv_backend *backend);

#endif
