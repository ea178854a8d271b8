/* rows_layout.c: how many bytes the rows of a form take. */
#include "backend/rows_number.h"
#include "core/fail.h"

typedef struct form_row {
    const char *name;
    size_t bits;
} form_row;

static const form_row forms[RKV_ROW_FORM_COUNT] = {
#define FORM_ROW(symbol, name, bits) [symbol] = {name, bits},
    RKV_ROW_FORM_LIST(FORM_ROW)
#undef FORM_ROW
};

static size_t record_bytes(const rkv_row_layout *layout) {
    if (layout->bits > 8) return layout->width * layout->bits / 8;
    size_t affine = layout->by_channel ? 0 : rkv_token_groups(layout) * sizeof(rkv_affine);
    return affine + rkv_codes_bytes(layout);
}

rkv_status rkv_row_layout_of(const rkv_row_format *format, size_t width, rkv_row_layout *out) {
    const form_row *form = &forms[format->form];
    *out = (rkv_row_layout){.width = width, .bits = form->bits, .group = format->group};
    out->by_channel = form->bits <= 8 && format->axis == RKV_AXIS_CHANNEL;
    if (!width) return rkv_fail(RKV_USAGE, "%s rows of width 0", form->name);
    if (out->by_channel && !format->group)
        return rkv_fail(RKV_USAGE, "%s rows in channel groups of 0 rows", form->name);
    if (!out->by_channel && (!out->group || out->group > width)) out->group = width;
    out->record_bytes = record_bytes(out);
    return RKV_OK;
}

const char *rkv_row_form_name(rkv_row_form form) {
    return forms[form].name;
}
