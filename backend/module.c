/* module.c: finds and opens the module of a device. */
#include "backend/module.h"

#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/fail.h"

static void fail(rkv_status status, const char *message) {
    rkv_fail(status, "%s", message);
}

static const rkv_module_host host = {RKV_MODULE_ABI, fail};

/* ---- where the library is ---- */

/* The loaded object whose segments hold an address. */
typedef struct search {
    uintptr_t address;
    const char *path; /* "" for the program; NULL: not found */
} search;

static int look(struct dl_phdr_info *object, size_t size, void *user) {
    (void)size;
    search *s = user;
    for (size_t i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        uintptr_t start = object->dlpi_addr + segment->p_vaddr;
        if (segment->p_type != PT_LOAD || s->address - start >= segment->p_memsz) continue;
        s->path = object->dlpi_name;
        return 1;
    }
    return 0;
}

/* folder [PATH_MAX]: that of the shared library, or of the program where the library is part of it. What
 * dladdr says of a program is its argv[0], which need not be a path. */
static bool own_folder(char *folder) {
    search s = {.address = (uintptr_t)own_folder};
    dl_iterate_phdr(look, &s);
    ssize_t length = -1;
    if (s.path && *s.path)
        length = snprintf(folder, PATH_MAX, "%s", s.path);
    else if (s.path)
        length = readlink("/proc/self/exe", folder, PATH_MAX - 1);
    if (length <= 0 || length >= PATH_MAX) return false;
    folder[length] = '\0';
    char *slash = strrchr(folder, '/');
    if (!slash) return false;
    *slash = '\0';
    return true;
}

/* ---- opening ---- */

/* Folders that may hold a module, seen from the library's: its own; that of libraries, seen from an installed
 * program's; the one above, in a build tree. */
static const char *const places[] = {".", RKV_MODULE_INSTALLED, ".."};

rkv_status rkv_module_open_file(const char *path, const char *kind, const rkv_module **out) {
    char name[64];
    *out = NULL;
    snprintf(name, sizeof name, "rkv_%s_module", kind);
    void *file = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!file) return rkv_fail(RKV_UNAVAILABLE, "%s", dlerror());
    void *symbol = dlsym(file, name);
    if (!symbol) {
        dlclose(file);
        return rkv_fail(RKV_UNAVAILABLE, "%s: has no function %s", path, name);
    }
    rkv_module_entry *entry;
    memcpy(&entry, &symbol, sizeof entry);
    rkv_status status = entry(&host, out);
    return status ? rkv_fail_within(status, "%s", path) : RKV_OK;
}

rkv_status rkv_module_open(const char *kind, const rkv_module **out) {
    char folder[PATH_MAX], path[PATH_MAX + 128];
    *out = NULL;
    if (!own_folder(folder))
        return rkv_fail(RKV_UNAVAILABLE, "where the program lies is unknown, so librankkv-%s.so is not found",
                        kind);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        snprintf(path, sizeof path, "%s/%s/librankkv-%s.so", folder, places[i], kind);
        if (access(path, F_OK) == 0) return rkv_module_open_file(path, kind, out);
    }
    return rkv_fail(RKV_UNAVAILABLE, "this build has no module for %s: librankkv-%s.so is not in %s", kind,
                    kind, folder);
}
