/* rows_finite.c: what lists of whole numbers refuse. */
#include "backend/rows_ops.h"
#include "core/fail.h"
#include "core/half.h"
#include "core/simd.h"

RKV_CLONES static bool all_finite(const float *x, size_t n) {
    uint32_t most = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t bits = rkv_bits_of_float(x[i]) & 0x7FFFFFFFu;
        most = bits > most ? bits : most;
    }
    return most < 0x7F800000u;
}

rkv_status rkv_rows_check_finite(const rkv_rows *rows, const float *x, size_t n, size_t stride) {
    if (rows->layout.bits > 8) return RKV_OK;
    for (size_t i = 0; i < n; i++, x += stride) {
        if (all_finite(x, rows->layout.width)) continue;
        size_t bad = 0;
        while (x[bad] - x[bad] == 0)
            bad++;
        return rkv_fail(RKV_DATA, "number %zu of row %zu is %g: %s rows hold finite numbers only", bad,
                        rows->ops->count(rows) + i, (double)x[bad], rkv_row_form_name(rows->format.form));
    }
    return RKV_OK;
}
