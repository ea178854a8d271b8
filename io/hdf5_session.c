/* hdf5_session.c: the HDF5 library, used quietly and by one thread at a time. */
#include "io/hdf5_session.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/fail.h"

/* The one mutable global of this folder: it guards a library that is itself one big global. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

rkv_hdf5_session rkv_hdf5_begin(void) {
    rkv_hdf5_session session = {0};
    pthread_mutex_lock(&lock);
    H5Eget_auto2(H5E_DEFAULT, &session.report, &session.report_data);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    return session;
}

void rkv_hdf5_end(const rkv_hdf5_session *session) {
    H5Eclear2(H5E_DEFAULT);
    H5Eset_auto2(H5E_DEFAULT, session->report, session->report_data);
    pthread_mutex_unlock(&lock);
}

/* The walk goes from the call that failed to its cause: the last entry stays. */
static herr_t keep_description(unsigned depth, const H5E_error2_t *error, void *text) {
    (void)depth;
    snprintf(text, 200, "%s", error->desc ? error->desc : "");
    return 0;
}

rkv_status rkv_hdf5_fail(rkv_status status, const char *format, ...) {
    char text[RKV_MESSAGE_SIZE], reason[200] = "";
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, keep_description, reason);
    return rkv_fail(status, "%s%s%s", text, *reason ? ": HDF5: " : "", reason);
}

hid_t rkv_hdf5_half_type(void) {
    hid_t type = H5Tcopy(H5T_IEEE_F32LE);
    /* sign bit 15; exponent: 5 bits from bit 10, bias 15; mantissa: 10 bits from bit 0 */
    if (H5Tset_fields(type, 15, 10, 5, 0, 10) < 0 || H5Tset_size(type, 2) < 0 || H5Tset_ebias(type, 15) < 0) {
        H5Tclose(type);
        return H5I_INVALID_HID;
    }
    return type;
}

hid_t rkv_hdf5_string_type(void) {
    hid_t type = H5Tcopy(H5T_C_S1);
    if (H5Tset_size(type, H5T_VARIABLE) < 0 || H5Tset_cset(type, H5T_CSET_UTF8) < 0) {
        H5Tclose(type);
        return H5I_INVALID_HID;
    }
    return type;
}
