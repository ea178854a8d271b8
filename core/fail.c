/* fail.c: statuses, and the thread's last message. */
#include "core/fail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/version.h"

static _Thread_local char message[RKV_MESSAGE_SIZE];

static const struct {
    int exit_code;
    const char *meaning;
} statuses[] = {
#define ROW(symbol, exit_code, meaning) [symbol] = {exit_code, meaning},
    RKV_STATUS_LIST(ROW)
#undef ROW
};

int rkv_status_exit_code(rkv_status status) {
    return (size_t)status < sizeof statuses / sizeof *statuses ? statuses[status].exit_code : 1;
}

const char *rkv_status_meaning(rkv_status status) {
    return (size_t)status < sizeof statuses / sizeof *statuses ? statuses[status].meaning : "unknown status";
}

const char *rkv_message(void) {
    return message;
}

const char *rkv_version(void) {
    return RKV_VERSION;
}

void rkv_free(void *memory) {
    free(memory);
}

rkv_status rkv_fail(rkv_status status, const char *format, ...) {
    char text[RKV_MESSAGE_SIZE]; /* apart from message: an argument may be rkv_message() itself */
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    memcpy(message, text, sizeof message);
    return status;
}

rkv_status rkv_fail_errno(rkv_status status, int errno_value, const char *format, ...) {
    char text[RKV_MESSAGE_SIZE], reason[128] = "";
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return rkv_fail(status, "%s: %s", text, strerror_r(errno_value, reason, sizeof reason));
}

rkv_status rkv_fail_within(rkv_status status, const char *format, ...) {
    char prefix[RKV_MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(prefix, sizeof prefix, format, arguments);
    va_end(arguments);
    return rkv_fail(status, "%s: %s", prefix, message);
}

void rkv_first_failure_note(rkv_first_failure *failure, rkv_status status) {
    if (status == RKV_OK) return;
#pragma omp critical(rkv_first_failure)
    if (failure->status == RKV_OK) {
        memcpy(failure->message, message, sizeof failure->message);
        __atomic_store_n(&failure->status, status, __ATOMIC_RELEASE);
    }
}

int rkv_first_failure_seen(const rkv_first_failure *failure) {
    return __atomic_load_n(&failure->status, __ATOMIC_ACQUIRE) != RKV_OK;
}

rkv_status rkv_first_failure_raise(const rkv_first_failure *failure) {
    if (failure->status != RKV_OK) memcpy(message, failure->message, sizeof message);
    return failure->status;
}
