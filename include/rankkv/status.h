/* status.h: how every fallible call of RankKV reports success or failure.
 *
 * A fallible function returns an rkv_status and hands its results out through pointers. On failure its
 * outputs are untouched (or NULL) and rkv_message() describes what went wrong: the thing, the value, the
 * limit. The library never prints, exits or aborts. */
#ifndef RANKKV_STATUS_H
#define RANKKV_STATUS_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(RKV_BUILDING_SHARED) || !defined(_WIN32)
#define RKV_API __attribute__((visibility("default")))
#else
#define RKV_API
#endif

/* Every status: symbol, exit code of the program `rankkv` (sysexits.h where it has one), meaning. */
#define RKV_STATUS_LIST(X)                                                                                   \
    X(RKV_OK, 0, "success")                                                                                  \
    X(RKV_ERROR, 1, "unexpected failure")                                                                    \
    X(RKV_USAGE, 2, "wrong use: an option or argument is out of its range")                                  \
    X(RKV_DATA, 65, "input data is malformed")                                                               \
    X(RKV_NO_INPUT, 66, "an input is missing or unreadable")                                                 \
    X(RKV_UNAVAILABLE, 69, "a device or component is unavailable")                                           \
    X(RKV_NO_MEMORY, 71, "out of memory")                                                                    \
    X(RKV_CANNOT_CREATE, 73, "an output cannot be created")                                                  \
    X(RKV_IO, 74, "reading or writing failed")                                                               \
    X(RKV_CANCELLED, 130, "cancelled by the caller")

typedef enum rkv_status {
#define RKV_STATUS_ENUM(symbol, exit_code, meaning) symbol,
    RKV_STATUS_LIST(RKV_STATUS_ENUM)
#undef RKV_STATUS_ENUM
} rkv_status;

/* The exit code of the program for a status, and its one-line meaning (static string). */
RKV_API int rkv_status_exit_code(rkv_status status);
RKV_API const char *rkv_status_meaning(rkv_status status);

/* The message of this thread's last failure; "" when nothing failed yet. Borrowed, valid until the thread's
 * next failure. Only meaningful right after a call returned something other than RKV_OK. */
RKV_API const char *rkv_message(void);

/* Version of the library, "MAJOR.MINOR.PATCH" (static string). */
RKV_API const char *rkv_version(void);

/* Frees memory that the library handed to the caller as a plain array or string; NULL is fine. */
RKV_API void rkv_free(void *memory);

#ifdef __cplusplus
}
#endif
#endif
