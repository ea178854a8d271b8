/* runtime.c: CUDA's runtime, as far as the module uses it, with ordinary memory for a device's. */
#include <cuda_runtime_api.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cuda_host/host_device.h"

#define MEMORY ((size_t)1 << 30)

/* Whole pages of their own, data at their end, a page without access behind them. */
typedef struct block {
    struct block *next;
    void *pages, *data;
    size_t page_bytes; /* that hold data */
    size_t bytes;      /* that were asked for */
} block;

/* A copy to the host that has not arrived. */
typedef struct copy {
    struct copy *next;
    void *to, *bytes; /* rows of `row_bytes`: `pitch` bytes apart, and side by side */
    size_t pitch, row_bytes, rows;
} copy;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static block *blocks;
static copy *copies;
static size_t fail_at, waits, bytes_live, bytes_peak;
static size_t memory_bytes = MEMORY; /* of the device */

static void protect_all(int access) {
    for (block *b = blocks; b; b = b->next)
        if (mprotect(b->pages, b->page_bytes, access)) abort();
}

void host_device_begin(void) {
    pthread_mutex_lock(&lock);
    protect_all(PROT_READ | PROT_WRITE);
}

void host_device_end(void) {
    protect_all(PROT_NONE);
    pthread_mutex_unlock(&lock);
}

size_t host_device_live(void) {
    size_t n = 0;
    for (block *b = blocks; b; b = b->next)
        n++;
    return n;
}

size_t host_device_waits(void) {
    return waits;
}

size_t host_device_fail_at(size_t n) {
    size_t left = fail_at;
    fail_at = n;
    return left;
}

void host_device_set_free(size_t bytes) {
    memory_bytes = bytes ? bytes_live + bytes : MEMORY;
}

size_t host_device_bytes(void) {
    return bytes_live;
}

size_t host_device_peak(void) {
    return bytes_peak;
}

/* ---- the device ---- */

const char *cudaGetErrorString(cudaError_t error) {
    return error == cudaErrorMemoryAllocation ? "out of memory" : "an error of the host's device";
}

cudaError_t cudaGetLastError(void) {
    return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int *count) {
    *count = 1;
    return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
    return device == 0 ? cudaSuccess : cudaErrorInvalidDevice;
}

cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *properties, int device) {
    *properties = (struct cudaDeviceProp){
        .name = "host", .totalGlobalMem = MEMORY, .major = 9, .multiProcessorCount = 1};
    return cudaSetDevice(device);
}

cudaError_t cudaRuntimeGetVersion(int *version) {
    *version = 0;
    return cudaSuccess;
}

/* ---- streams: work is done when it is queued, but for copies to the host ---- */

struct host_stream {
    int unused;
};

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned flags) {
    (void)flags;
    *stream = calloc(1, sizeof **stream);
    return *stream ? cudaSuccess : cudaErrorMemoryAllocation;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
    (void)stream;
    pthread_mutex_lock(&lock);
    waits++;
    for (copy *c = copies, *next; c; c = next) {
        next = c->next;
        for (size_t i = 0; i < c->rows; i++)
            memcpy((char *)c->to + i * c->pitch, (char *)c->bytes + i * c->row_bytes, c->row_bytes);
        free(c->bytes);
        free(c);
    }
    copies = NULL;
    pthread_mutex_unlock(&lock);
    return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
    cudaStreamSynchronize(stream);
    free(stream);
    return cudaSuccess;
}

/* ---- memory ---- */

cudaError_t cudaDeviceGetDefaultMemPool(cudaMemPool_t *pool, int device) {
    *pool = NULL;
    return cudaSetDevice(device);
}

cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t pool, cudaMemPoolAttr attribute, void *value) {
    (void)pool;
    if (attribute == cudaMemPoolAttrUsedMemHigh && *(uint64_t *)value == 0) bytes_peak = bytes_live;
    return cudaSuccess;
}

cudaError_t cudaMemPoolGetAttribute(cudaMemPool_t pool, cudaMemPoolAttr attribute, void *value) {
    (void)pool;
    *(uint64_t *)value = attribute == cudaMemPoolAttrUsedMemHigh ? bytes_peak : bytes_live;
    return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t *free_bytes, size_t *total) {
    *total = memory_bytes;
    *free_bytes = memory_bytes > bytes_live ? memory_bytes - bytes_live : 0;
    return cudaSuccess;
}

cudaError_t cudaMallocAsync(void **memory, size_t bytes, cudaStream_t stream) {
    (void)stream;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    *memory = NULL;
    if (bytes == 0) return cudaSuccess;
    if (bytes > (size_t)1 << 40) return cudaErrorMemoryAllocation;
    size_t aligned = (bytes + 7) / 8 * 8, held = (aligned + page - 1) / page * page;
    pthread_mutex_lock(&lock);
    block *b = fail_at && --fail_at == 0 ? NULL : calloc(1, sizeof *b);
    void *pages = b ? mmap(NULL, held + page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) : MAP_FAILED;
    if (pages == MAP_FAILED) {
        free(b);
        pthread_mutex_unlock(&lock);
        return cudaErrorMemoryAllocation;
    }
    *b = (block){blocks, pages, (char *)pages + held - aligned, held, bytes};
    blocks = b;
    bytes_live += bytes;
    if (bytes_live > bytes_peak) bytes_peak = bytes_live;
    if (mprotect(pages, held, PROT_READ | PROT_WRITE)) abort();
    memset(pages, 0xFF, held);
    if (mprotect(pages, held, PROT_NONE)) abort();
    *memory = b->data;
    pthread_mutex_unlock(&lock);
    return cudaSuccess;
}

cudaError_t cudaFreeAsync(void *memory, cudaStream_t stream) {
    (void)stream;
    pthread_mutex_lock(&lock);
    block **at = &blocks;
    while (*at && (*at)->data != memory)
        at = &(*at)->next;
    block *b = *at;
    if (!b) {
        fprintf(stderr, "cudaFreeAsync: %p was not allocated\n", memory);
        abort();
    }
    *at = b->next;
    bytes_live -= b->bytes;
    munmap(b->pages, b->page_bytes + (size_t)sysconf(_SC_PAGESIZE));
    free(b);
    pthread_mutex_unlock(&lock);
    return cudaSuccess;
}

/* What the host finds until the copy arrives is NaN. */
static void queue_copy(void *to, size_t pitch, const void *from, size_t from_pitch, size_t bytes,
                       size_t rows) {
    copy *c = calloc(1, sizeof *c);
    if (c) c->bytes = malloc(bytes * rows + 1);
    if (!c || !c->bytes) abort();
    for (size_t i = 0; i < rows; i++) {
        memcpy((char *)c->bytes + i * bytes, (const char *)from + i * from_pitch, bytes);
        memset((char *)to + i * pitch, 0xFF, bytes);
    }
    c->to = to, c->pitch = pitch, c->row_bytes = bytes, c->rows = rows;
    copy **last = &copies;
    while (*last)
        last = &(*last)->next;
    *last = c;
}

cudaError_t cudaMemcpy2DAsync(void *to, size_t to_pitch, const void *from, size_t from_pitch, size_t bytes,
                              size_t rows, cudaMemcpyKind kind, cudaStream_t stream) {
    (void)stream;
    if (to_pitch < bytes || from_pitch < bytes) return cudaErrorInvalidValue;
    host_device_begin();
    if (kind == cudaMemcpyDeviceToHost)
        queue_copy(to, to_pitch, from, from_pitch, bytes, rows);
    else
        for (size_t i = 0; i < rows; i++)
            memmove((char *)to + i * to_pitch, (const char *)from + i * from_pitch, bytes);
    host_device_end();
    return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
    return cudaMemcpy2DAsync(to, bytes, from, bytes, bytes, 1, kind, stream);
}

cudaError_t cudaMemsetAsync(void *memory, int value, size_t bytes, cudaStream_t stream) {
    (void)stream;
    host_device_begin();
    memset(memory, value, bytes);
    host_device_end();
    return cudaSuccess;
}
