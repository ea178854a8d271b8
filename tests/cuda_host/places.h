/* places.h: tests of what lies in ordinary memory, on the CPU's backend, or on a device: each place in turn,
 * the device played by the host; or the GPU that the command line names. */
#ifndef RKV_TESTS_PLACES_H
#define RKV_TESTS_PLACES_H

#include <stdio.h>

#include "backend/backend.h"
#include "cuda/open.h"
#include "cuda_host/host_device.h"

static rkv_backend *where; /* the place at hand; NULL: ordinary memory */

static inline bool on_device(void) {
    return where && !where->host_memory;
}

/* Whether that is one whose work is counted (host_device.h). */
static bool is_played;

typedef int places_tests_fn(const char *name);

static inline rkv_status open_ordinary_memory(rkv_backend **out) {
    *out = NULL;
    return RKV_OK;
}
static inline rkv_status open_cuda_on_host(rkv_backend **out) {
    return rkv_cuda_open(out, 0);
}

static inline int run_and_close(places_tests_fn *tests, const char *what, const char *place) {
    char name[128];
    snprintf(name, sizeof name, "%s %s", what, place);
    int failed = tests(name);
    if (where) rkv_backend_close(where);
    return failed;
}

/* What main returns: how many tests failed; 77: skipped, for there is no such device. */
static inline int run_in_places(int argc, char **argv, const char *what, places_tests_fn *tests) {
    static const struct {
        const char *name;
        rkv_status (*open)(rkv_backend **out);
    } places[] = {{"in ordinary memory", open_ordinary_memory},
                  {"of the CPU", rkv_cpu_open},
                  {"of cuda's sources on the host", open_cuda_on_host}};
    int failed = 0;
    if (argc > 1) {
        rkv_status status = rkv_backend_open(&where, argv[1]);
        if (status == RKV_UNAVAILABLE) printf("skipped: %s\n", rkv_message());
        return status == RKV_UNAVAILABLE ? 77 : status ? 1 : run_and_close(tests, what, argv[1]);
    }
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        is_played = places[i].open == open_cuda_on_host;
        failed += places[i].open(&where) ? 1 : run_and_close(tests, what, places[i].name);
    }
    return failed + (host_device_live() != 0);
}

#endif
