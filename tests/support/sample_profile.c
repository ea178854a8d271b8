/* sample_profile.c: profiles made up for tests. */
#include "support/sample_profile.h"

#include "core/memory.h"
#include "core/random.h"

static rkv_status put(rkv_profile *profile, rkv_signal signal, size_t columns, rkv_random *random) {
    size_t n = profile->model.n_layers * columns;
    rkv_status status = rkv_alloc(&signal.values, n, sizeof(double));
    for (size_t i = 0; !status && i < n; i++)
        signal.values[i] = rkv_random_unit(random);
    if (!status) status = rkv_profile_put(profile, &signal);
    free(signal.values);
    return status;
}

rkv_profile *sample_profile(const rkv_model_info *model, uint64_t seed) {
    static char retr[] = "retr", oerr[] = "oerr", mass[] = "mass", ratio[] = "ratio";
    static char summary[] = "attention on \"earlier\" text", origin[] = "made up";
    static char budget[] = "power:signal=retr,exponent=0.5,by=head", method[] = "snapkv", text[] = "no text";
    const rkv_calibration calibration = {budget, method, 0.25,   text,   8,  3.25, 3.5,
                                         4,      -0.25,  -0.375, -0.125, 20, 19};
    rkv_random random = {seed};
    rkv_profile *profile;
    if (rkv_profile_new(&profile, model)) return NULL;
    rkv_status status =
        put(profile, (rkv_signal){retr, mass, summary, origin, false, NULL}, model->n_heads, &random);
    if (!status)
        status =
            put(profile, (rkv_signal){oerr, ratio, summary, origin, true, NULL}, model->n_kv_heads, &random);
    if (!status) status = rkv_profile_set_calibration(profile, &calibration);
    if (!status) return profile;
    rkv_profile_free(profile);
    return NULL;
}
