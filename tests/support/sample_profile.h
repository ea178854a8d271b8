/* sample_profile.h: profiles made up for tests. */
#ifndef RKV_TESTS_SAMPLE_PROFILE_H
#define RKV_TESTS_SAMPLE_PROFILE_H

#include <rankkv/profile.h>

/* A profile of this model with a signal per query head ("retr", a mass), one per KV head ("oerr") and a
 * calibration; values random but the same for the same seed. NULL when memory runs out. */
rkv_profile *sample_profile(const rkv_model_info *model, uint64_t seed);

#endif
