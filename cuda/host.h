/* host.h: the library that opened the module. core's allocation is compiled into the module; its failures are
 * not, for the thread's last message is the library's (host.c has rkv_fail). */
#ifndef RKV_CUDA_HOST_H
#define RKV_CUDA_HOST_H

#include "backend/module.h"

void rkv_cuda_set_host(const rkv_module_host *host);

#endif
