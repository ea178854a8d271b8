/* device_list.h: the growing array of backend/rows_list.h with its data in device memory. Lists that grow,
 * are thinned out, close their gap or are copied together do so by rows_mover.h. */
#ifndef RKV_CUDA_DEVICE_LIST_H
#define RKV_CUDA_DEVICE_LIST_H

#include "backend/rows_list.h"
#include "cuda/device.h"

/* Room for `needed` items in an empty list. */
rkv_status rkv_device_list_reserve(rkv_cuda *cuda, rkv_row_list *list, size_t needed);

/* As rkv_row_list_trim. */
void rkv_device_list_trim(rkv_cuda *cuda, rkv_row_list *list, size_t count);

void rkv_device_list_free(rkv_cuda *cuda, rkv_row_list *list);

#endif
