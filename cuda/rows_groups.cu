/* rows_groups.cu: rows as whole numbers with a scale and a zero per channel of a group of rows; the bytes are
 * those of backend/rows_channel.c. A thread has a byte of each of a group's records: one channel of 8 bits,
 * or two of 4. */
#include "cuda/elementwise.h"
#include "cuda/rows_affine.h"
#include "cuda/rows_kernels.h"

/* Number `channel` of a row to be encoded. */
RKV_DEVICE float source(const rkv_encode_group_list *l, size_t stride, size_t row, size_t channel) {
    return row < l->n_tail ? l->tail[rkv_row_place(l->tail_gap, row) * l->layout.width + channel]
                           : l->x[(row - l->n_tail) * stride + channel];
}

/* Scale and zero of a channel of the rows from `first` on, which it puts into the group's record. */
RKV_DEVICE rkv_affine put_channel(const rkv_encode_group_list *l, size_t stride, size_t first, size_t channel,
                                  unsigned char *record) {
    uint16_t *scales = (uint16_t *)(void *)(record + sizeof(uint32_t));
    rkv_range range = rkv_range_none();
    for (size_t row = 0; row < l->layout.group; row++)
        rkv_range_add(&range, source(l, stride, first + row, channel));
    rkv_affine affine = rkv_range_affine(range, rkv_levels(&l->layout));
    scales[channel] = affine.scale;
    scales[l->layout.width + channel] = affine.zero;
    return affine;
}

RKV_KERNEL(encode_groups, rkv_encode_groups_task) {
    const rkv_encode_group_list *l = &t.list[blockIdx.y];
    const rkv_row_layout *layout = &l->layout;
    size_t n = rkv_codes_bytes(layout), group = rkv_element() / n, lower = rkv_element() % n;
    if (group >= l->n_groups) return;
    size_t upper = lower + rkv_codes_half(layout), first = group * layout->group;
    bool both = layout->bits == 4 && upper < layout->width;
    float levels = rkv_levels(layout);
    unsigned char *record = l->groups + group * (sizeof(uint32_t) + layout->width * sizeof(rkv_affine));
    if (lower == 0) *(uint32_t *)(void *)record = (uint32_t)(l->first_row + first);
    rkv_affine affine = put_channel(l, t.stride, first, lower, record), above = affine;
    if (both) above = put_channel(l, t.stride, first, upper, record);
    for (size_t row = first; row < first + layout->group; row++) {
        unsigned code = rkv_affine_code(affine, source(l, t.stride, row, lower), levels);
        if (both) code |= rkv_affine_code(above, source(l, t.stride, row, upper), levels) << 4;
        l->records[row * layout->record_bytes + lower] = (unsigned char)code;
    }
}

cudaError_t rkv_launch_encode_groups(const rkv_encode_groups_task *task, cudaStream_t stream) {
    size_t most = 0;
    for (const rkv_encode_group_list *l = task->list; l < task->list + task->n_lists; l++) {
        size_t n = l->n_groups * rkv_codes_bytes(&l->layout);
        most = n > most ? n : most;
    }
    dim3 blocks = {rkv_blocks_for(most), task->n_lists, 1};
    return RKV_LAUNCH(encode_groups, *task, blocks, RKV_ELEMENT_THREADS, stream);
}
