/* rows_groups.cu: rows as whole numbers with a scale and a zero per channel of a group of rows; the bytes are
 * those of backend/rows_channel.c. A thread has a byte of each of a group's records: one channel of 8 bits,
 * or two of 4. */
#include "cuda/elementwise.h"
#include "cuda/rows_affine.h"
#include "cuda/rows_kernels.h"

/* Number `channel` of a row to be encoded. */
RKV_DEVICE float source(const rkv_encode_groups_task *t, size_t row, size_t channel) {
    return row < t->n_tail ? t->tail[row * t->layout.width + channel]
                           : t->x[(row - t->n_tail) * t->stride + channel];
}

/* Scale and zero of a channel of the rows from `first` on, which it puts into the group's record. */
RKV_DEVICE rkv_affine put_channel(const rkv_encode_groups_task *t, size_t first, size_t channel,
                                  unsigned char *record) {
    uint16_t *scales = (uint16_t *)(void *)(record + sizeof(uint32_t));
    rkv_range range = rkv_range_none();
    for (size_t row = 0; row < t->layout.group; row++)
        rkv_range_add(&range, source(t, first + row, channel));
    rkv_affine affine = rkv_range_affine(range, rkv_levels(&t->layout));
    scales[channel] = affine.scale;
    scales[t->layout.width + channel] = affine.zero;
    return affine;
}

RKV_KERNEL(encode_groups, rkv_encode_groups_task) {
    const rkv_row_layout *layout = &t.layout;
    size_t n = rkv_codes_bytes(layout), group = rkv_element() / n, lower = rkv_element() % n;
    if (group >= t.n_groups) return;
    size_t upper = lower + rkv_codes_half(layout), first = group * layout->group;
    bool both = layout->bits == 4 && upper < layout->width;
    float levels = rkv_levels(layout);
    unsigned char *record = t.groups + group * (sizeof(uint32_t) + layout->width * sizeof(rkv_affine));
    if (lower == 0) *(uint32_t *)(void *)record = (uint32_t)(t.first_row + first);
    rkv_affine affine = put_channel(&t, first, lower, record), above = affine;
    if (both) above = put_channel(&t, first, upper, record);
    for (size_t row = first; row < first + layout->group; row++) {
        unsigned code = rkv_affine_code(affine, source(&t, row, lower), levels);
        if (both) code |= rkv_affine_code(above, source(&t, row, upper), levels) << 4;
        t.records[row * layout->record_bytes + lower] = (unsigned char)code;
    }
}

cudaError_t rkv_launch_encode_groups(const rkv_encode_groups_task *task, cudaStream_t stream) {
    size_t n = task->n_groups * rkv_codes_bytes(&task->layout);
    return RKV_LAUNCH(encode_groups, *task, rkv_blocks_for(n), RKV_ELEMENT_THREADS, stream);
}

/* ---- what taking rows out does to groups ---- */

RKV_KERNEL(set_starts, rkv_set_starts_task) {
    uint32_t i = threadIdx.x;
    if (i < t.n) *(uint32_t *)(void *)(t.groups + (t.first + i) * t.group_bytes) = t.start[i];
}

cudaError_t rkv_launch_set_starts(const rkv_set_starts_task *task, cudaStream_t stream) {
    return RKV_LAUNCH(set_starts, *task, 1u, RKV_START_GROUPS, stream);
}
