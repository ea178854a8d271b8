/* probe_oerr.h: the part of `rankkv probe` that measures what a method costs each head on texts. */
#ifndef RKV_CLI_PROBE_OERR_H
#define RKV_CLI_PROBE_OERR_H

#include <rankkv/profile.h>

#include "cli/option.h"

typedef struct oerr_options {
    rkv_oerr_options measured; /* method NULL: not asked for */
    cli_list texts;            /* files */
    size_t n_tokens;           /* of each, at most */
} oerr_options;

/* Refuses a method without a text, a text without a method, and a specification that is none. */
rkv_status oerr_options_check(const oerr_options *options);

/* A profile with oerr and oerr_layer alone. */
rkv_status oerr_measure(rkv_profile **out, rkv_model *model, const oerr_options *options, uint64_t seed,
                        bool quiet);

#endif
