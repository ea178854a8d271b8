/* rows_encode.cu: rows as records, a warp per row, of some lists at once: floats, and whole numbers with a
 * scale and a zero for some of a row's numbers; the bytes are those of backend/rows_float.c and rows_token.c.
 */
#include "cuda/rows_affine.h"
#include "cuda/rows_kernels.h"
#include "cuda/warp_rows.h"

/* ---- floats ---- */

RKV_DEVICE void put_float(unsigned char *record, rkv_row_form form, size_t i, float x) {
    uint16_t *halves = (uint16_t *)(void *)record;
    if (form == RKV_ROWS_F32)
        ((float *)(void *)record)[i] = x;
    else
        halves[i] = form == RKV_ROWS_F16 ? rkv_float_to_half(rkv_within_half(x)) : rkv_float_to_bfloat(x);
}

RKV_DEVICE void encode_floats(const rkv_encode_list *list, size_t stride) {
    size_t row = rkv_warp_row();
    if (row >= list->n) return;
    for (size_t i = rkv_lane(); i < list->layout.width; i += RKV_WARP)
        put_float(list->records + row * list->layout.record_bytes, list->form, i, list->x[row * stride + i]);
}

/* ---- whole numbers ---- */

/* The range of group g of the row x, of which this lane looks at every `step`-th number from `skip` on. */
RKV_DEVICE rkv_range range_of(const rkv_row_layout *layout, const float *x, size_t g, size_t skip,
                              size_t step) {
    size_t from = g * layout->group,
           to = layout->width - from < layout->group ? layout->width : from + layout->group;
    rkv_range range = rkv_range_none();
    for (size_t i = from + skip; i < to; i += step)
        rkv_range_add(&range, x[i]);
    return range;
}

/* To the front of the record of the warp's own row x: a lane has a small group for itself, the warp shares a
 * large one. */
RKV_DEVICE void put_affines(const rkv_row_layout *layout, const float *x, unsigned char *record) {
    bool small = layout->group < RKV_WARP;
    size_t lane = rkv_lane(), step = small ? RKV_WARP : 1;
    for (size_t g = small ? lane : 0; g < rkv_token_groups(layout); g += step) {
        rkv_range range =
            small ? range_of(layout, x, g, 0, 1) : rkv_warp_range(range_of(layout, x, g, lane, RKV_WARP));
        if (small || lane == 0)
            rkv_affine_put(record + g * sizeof(rkv_affine), rkv_range_affine(range, rkv_levels(layout)));
    }
}

RKV_DEVICE unsigned code_of(const rkv_row_layout *layout, const float *x, const unsigned char *record,
                            size_t i) {
    size_t group = (uint32_t)i / (uint32_t)layout->group;
    rkv_affine affine = rkv_affine_get(record + group * sizeof(rkv_affine));
    return rkv_affine_code(affine, x[i], rkv_levels(layout));
}

/* Scales and zeros first, for all of the row: the two codes of a byte may be of different groups. */
RKV_DEVICE void encode_tokens(const rkv_encode_list *list, size_t stride) {
    const rkv_row_layout *layout = &list->layout;
    size_t row = rkv_warp_row(), half = rkv_codes_half(layout), n = rkv_codes_bytes(layout);
    bool here = row < list->n;
    const float *x = list->x + (here ? row : 0) * stride;
    unsigned char *record = list->records + (here ? row : 0) * layout->record_bytes,
                  *codes = record + rkv_token_groups(layout) * sizeof(rkv_affine);
    if (here) put_affines(layout, x, record);
    __syncthreads();
    for (size_t i = rkv_lane(); here && i < n; i += RKV_WARP) {
        unsigned code = code_of(layout, x, record, i);
        if (layout->bits == 4 && half + i < layout->width) code |= code_of(layout, x, record, half + i) << 4;
        codes[i] = (unsigned char)code;
    }
}

RKV_KERNEL(encode_rows, rkv_encode_rows_task) {
    const rkv_encode_list *list = &t.list[blockIdx.y];
    if (list->layout.bits > 8)
        encode_floats(list, t.stride);
    else
        encode_tokens(list, t.stride);
}

cudaError_t rkv_launch_encode_rows(const rkv_encode_rows_task *task, cudaStream_t stream) {
    size_t most = 0;
    for (const rkv_encode_list *l = task->list; l < task->list + task->n_lists; l++)
        most = l->n > most ? l->n : most;
    dim3 blocks = {rkv_blocks_for_rows(most), task->n_lists, 1};
    return RKV_LAUNCH(encode_rows, *task, blocks, RKV_ROW_THREADS, stream);
}
