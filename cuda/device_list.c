/* device_list.c: growing arrays in device memory. */
#include "cuda/device_list.h"

/* Side by side. */
static rkv_status copy_items(rkv_cuda *cuda, unsigned char *to, const rkv_row_list *from, size_t count) {
    rkv_status status = RKV_OK;
    for (size_t i = 0, run; !status && i < count; i += run) {
        run = rkv_row_list_run(from, i, count - i);
        status =
            RKV_CUDA_QUEUE(cuda,
                           cudaMemcpyAsync(to + i * from->item_bytes, rkv_row_list_at(from, i),
                                           run * from->item_bytes, cudaMemcpyDeviceToDevice, cuda->stream),
                           "copying rows");
    }
    return status;
}

/* Room for `capacity` items, at least `count`, which come along. */
static rkv_status resize(rkv_cuda *cuda, rkv_row_list *list, size_t count, size_t capacity) {
    unsigned char *moved = NULL;
    rkv_status status = capacity ? rkv_cuda_take_rows(cuda, &moved, capacity, list->item_bytes) : RKV_OK;
    if (!status) status = copy_items(cuda, moved, list, count);
    if (status) {
        rkv_cuda_give(cuda, moved);
        return status;
    }
    rkv_device_list_free(cuda, list);
    list->data = moved;
    list->capacity = capacity;
    return RKV_OK;
}

rkv_status rkv_device_list_reserve(rkv_cuda *cuda, rkv_row_list *list, size_t needed) {
    return needed <= list->capacity ? RKV_OK : resize(cuda, list, 0, needed);
}

void rkv_device_list_trim(rkv_cuda *cuda, rkv_row_list *list, size_t count) {
    if (list->capacity > rkv_row_list_room(list, count)) (void)resize(cuda, list, count, count);
}

void rkv_device_list_free(rkv_cuda *cuda, rkv_row_list *list) {
    rkv_cuda_give(cuda, list->data);
    list->data = NULL;
    list->capacity = list->gap = 0;
}
