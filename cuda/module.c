/* module.c: the one function that the module exports. */
#include "core/fail.h"
#include "cuda/host.h"
#include "cuda/open.h"

static const rkv_module module = {rkv_cuda_count, rkv_cuda_open};

RKV_API rkv_module_entry rkv_cuda_module;

rkv_status rkv_cuda_module(const rkv_module_host *host, const rkv_module **out) {
    rkv_cuda_set_host(host);
    *out = NULL;
    if (host->abi != RKV_MODULE_ABI)
        return rkv_fail(RKV_UNAVAILABLE, "the module is of version %u, the library of %u",
                        (unsigned)RKV_MODULE_ABI, (unsigned)host->abi);
    *out = &module;
    return RKV_OK;
}
