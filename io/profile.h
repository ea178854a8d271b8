/* profile.h: what profiles and their file have in common. */
#ifndef RKV_IO_PROFILE_H
#define RKV_IO_PROFILE_H

#include <rankkv/profile.h>

#define RKV_SIGNAL_LONGEST_NAME 64

/* 1 to 64 letters, digits and '_'. */
bool rkv_signal_is_name(const char *name);

#endif
