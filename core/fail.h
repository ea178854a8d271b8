/* fail.h: the one way to make a failure. */
#ifndef RKV_CORE_FAIL_H
#define RKV_CORE_FAIL_H

#include <stdarg.h>

#include <rankkv/status.h>

/* Longest message kept, NUL included. */
#define RKV_MESSAGE_SIZE 1024

/* Records the message for this thread and returns status. Name the thing, the value and the limit. */
rkv_status rkv_fail(rkv_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* As rkv_fail, with ": " and the system's words for errno_value added. */
rkv_status rkv_fail_errno(rkv_status status, int errno_value, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "PREFIX: " before this thread's message and returns status: how a caller adds the file to a field's
 * fault. */
rkv_status rkv_fail_within(rkv_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The first failure of a parallel region, carried from worker threads to the thread that asked for the work.
 *
 *     rkv_first_failure failure = {0};
 *     #pragma omp parallel for
 *     for (...) if (!rkv_first_failure_seen(&failure)) rkv_first_failure_note(&failure, work(...));
 *     return rkv_first_failure_raise(&failure); */
typedef struct rkv_first_failure {
    rkv_status status;
    char message[RKV_MESSAGE_SIZE];
} rkv_first_failure;

void rkv_first_failure_note(rkv_first_failure *failure, rkv_status status); /* RKV_OK is not a failure */
int rkv_first_failure_seen(const rkv_first_failure *failure);
rkv_status rkv_first_failure_raise(const rkv_first_failure *failure);

#endif
