/* methods.c: the table of methods, in the order in which they are shown. */
#include "compressors/methods.h"

#include <string.h>

/* Selections, from the simplest to those that need more, the control last; then representations. One row a
 * line. */
/* clang-format off */
static const rkv_method *const table[] = {
    &rkv_method_full,
    &rkv_method_window,
    &rkv_method_streaming_llm,
    &rkv_method_knorm,
    &rkv_method_keydiff,
    &rkv_method_fix_size_l2,
    &rkv_method_sparse_magnitude,
    &rkv_method_sparse_attention,
    &rkv_method_h2o,
    &rkv_method_tova,
    &rkv_method_snapkv,
    &rkv_method_pyramidkv,
    &rkv_method_ada_snapkv,
    &rkv_method_expected_attention,
    &rkv_method_fastgen,
    &rkv_method_random,
    &rkv_method_int8,
    &rkv_method_int4,
    &rkv_method_lowrank,
    &rkv_method_f16,
    &rkv_method_bf16,
};
/* clang-format on */
#define N_METHODS (sizeof table / sizeof *table)

const rkv_method *rkv_method_at(size_t index) {
    return index < N_METHODS ? table[index] : NULL;
}

const rkv_method *rkv_method_find(const char *name) {
    for (size_t i = 0; i < N_METHODS; i++)
        if (strcmp(table[i]->name, name) == 0) return table[i];
    return NULL;
}
