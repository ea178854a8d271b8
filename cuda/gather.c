/* gather.c: some rows of a matrix side by side. Which they are travels with the kernel, as runs of
 * neighbours: nothing is copied to the device first, and nothing waited for. */
#include "cuda/device.h"
#include "cuda/rows_mover.h"

rkv_status rkv_cuda_gather(rkv_backend *backend, const float *from, size_t width, const uint32_t *index,
                           size_t n, float *to) {
    rkv_rows_mover m = {.cuda = rkv_cuda_enter(backend)};
    rkv_row_list rows = {.data = (unsigned char *)from, .item_bytes = width * sizeof *from},
                 there = {.data = (unsigned char *)to};
    if (!width || !n) return RKV_OK;
    rkv_rows_mover_begin_copy(&m, &rows, &there, there);
    rkv_status status = rkv_rows_mover_add_index(&m, index, 0, n, 0);
    return status ? status : rkv_rows_mover_flush(&m);
}
