/* forward.c: the forward pass on the device, but for products and attention. */
#include "cuda/device.h"
#include "cuda/kernels.h"

rkv_status rkv_cuda_rms_norm(rkv_backend *backend, const float *x, const float *weight, size_t n_tokens,
                             size_t width, float eps, float *y) {
    rkv_cuda *cuda = rkv_cuda_enter(backend);
    rkv_rms_norm_task task = {x, weight, n_tokens, width, eps, y};
    if (n_tokens == 0) return RKV_OK;
    return rkv_cuda_check(rkv_launch_rms_norm(&task, cuda->stream), "rms_norm");
}
