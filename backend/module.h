/* module.h: what the library and a device module, a shared library that is opened at run time, know of each
 * other.
 *
 * A module exports one function of type rkv_module_entry. It links to nothing of the library: its messages go
 * through the host's table, so that there is one last message per thread. */
#ifndef RKV_BACKEND_MODULE_H
#define RKV_BACKEND_MODULE_H

#include "backend/backend.h"

/* Raised with every change of what follows, of rkv_backend or of its operations. */
#define RKV_MODULE_ABI ((uint32_t)5)

typedef struct rkv_module_host {
    /* Every version begins with these two: a module of another one can still say so. */
    uint32_t abi;
    void (*fail)(rkv_status status, const char *message); /* sets the thread's last message */
} rkv_module_host;

typedef struct rkv_module {
    /* How many devices there are. RKV_UNAVAILABLE: none, in the driver's words. */
    rkv_status (*count)(size_t *n);
    rkv_status (*open)(rkv_backend **out, size_t ordinal);
} rkv_module;

/* host outlives the process's use of the module; *out is the module's, and stays. RKV_UNAVAILABLE: host is of
 * another version. */
typedef rkv_status rkv_module_entry(const rkv_module_host *host, const rkv_module **out);

/* Opens the module for a kind of device ("cuda"): librankkv-KIND.so beside the library, or beside the program
 * that holds it, or where installation puts libraries. It stays open until the process ends: CUDA cannot be
 * unloaded. RKV_UNAVAILABLE says what is missing. */
rkv_status rkv_module_open(const char *kind, const rkv_module **out);

/* The same from a file at `path`. */
rkv_status rkv_module_open_file(const char *path, const char *kind, const rkv_module **out);

#endif
