/* runtime.c: CUDA's runtime, as far as the module uses it: devices, with ordinary memory for theirs. */
#include <cuda_runtime_api.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cuda_host/host_device.h"
#include "cuda_host/host_runtime.h"
#include "cuda_host/host_work.h"

#define MEMORY ((size_t)1 << 30)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static host_block *blocks;
static size_t fail_at;
static int fail_on = -1; /* the device whose allocations count; -1: of all, and of pinned memory */

/* What is in use of each device's memory. */
static struct {
    size_t live, peak;
    size_t scarce; /* bytes that it has, where not MEMORY */
    unsigned open; /* bit N: device N reaches what its pool holds */
} devices[HOST_MOST_DEVICES];

static _Thread_local int current; /* device */
static int n_devices = 1;
static bool apart; /* no device can reach another's memory */

void host_lock(void) {
    pthread_mutex_lock(&lock);
}

void host_unlock(void) {
    pthread_mutex_unlock(&lock);
}

void host_end_program(const char *what) {
    fprintf(stderr, "CUDA on the host: %s\n", what);
    abort();
}

/* ---- what is within reach ---- */

void host_block_protect(const host_block *block, bool within_reach) {
    if (mprotect(block->pages, block->page_bytes, within_reach ? PROT_READ | PROT_WRITE : PROT_NONE)) abort();
}

static void protect_all(bool within_reach) {
    for (const host_block *b = blocks; b; b = b->next)
        if (!b->lent) host_block_protect(b, within_reach);
}

void host_device_begin(void) {
    host_lock();
    protect_all(true);
}

void host_device_end(void) {
    protect_all(false);
    host_unlock();
}

int host_current_device(void) {
    return current;
}

host_block *host_block_at(const void *address) {
    host_block *b = blocks;
    while (b &&
           ((const char *)address < (char *)b->data || (const char *)address >= (char *)b->data + b->bytes))
        b = b->next;
    return b;
}

host_block *host_blocks(void) {
    return blocks;
}

/* ---- what libraries work in ---- */

static host_block *workspace_at(const void *workspace) {
    host_block *b = host_block_at(workspace);
    if (!b) host_end_program("what a library is given to work in was freed, or is no device's");
    return b;
}

void host_workspace_lend(void *workspace) {
    host_lock();
    workspace_at(workspace)->lent = true;
    host_unlock();
}

void host_workspace_return(void *workspace) {
    host_lock();
    workspace_at(workspace)->lent = false;
    host_unlock();
}

/* Pages alone come within reach: to change all of a large block for every product takes long. */
static void fill_page(unsigned char *at, size_t bytes) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE), before = (uintptr_t)at % page;
    if (mprotect(at - before, before + bytes, PROT_READ | PROT_WRITE)) abort();
    memset(at, 0xFF, bytes);
    if (mprotect(at - before, before + bytes, PROT_NONE)) abort();
}

void host_workspace_use(cudaStream_t stream, void *workspace, size_t bytes) {
    const host_block *b = workspace_at(workspace);
    unsigned char *first = workspace, *data = b->data;
    size_t end = bytes < 64 ? bytes : 64;
    if (b->writer != stream->number || bytes > b->bytes - (size_t)(first - data))
        host_end_program("what a library is given to work in is another stream's, or too small");
    fill_page(first, end);
    fill_page(first + bytes - end, end);
}

/* ---- what tests see and set ---- */

size_t host_device_live(void) {
    size_t n = host_pinned_live();
    for (const host_block *b = blocks; b; b = b->next)
        n++;
    return n;
}

size_t host_device_fail_at(size_t n) {
    size_t left = fail_at;
    fail_at = n, fail_on = -1;
    return left;
}

size_t host_device_fail_at_on(int device, size_t n) {
    size_t left = host_device_fail_at(n);
    fail_on = device;
    return left;
}

bool host_fails_now(int device) {
    if (fail_on >= 0 && fail_on != device) return false;
    return fail_at && --fail_at == 0;
}

void host_device_set_count(int n) {
    n_devices = n;
}

void host_device_set_apart(bool are_apart) {
    apart = are_apart;
    for (size_t i = 0; i < HOST_MOST_DEVICES; i++)
        devices[i].open = 0;
}

void host_device_set_free_on(int device, size_t bytes) {
    devices[device].scarce = bytes ? devices[device].live + bytes : 0;
}

void host_device_set_free(size_t bytes) {
    host_device_set_free_on(0, bytes);
}

size_t host_device_bytes(void) {
    return devices[0].live;
}

void host_device_forget_peak(void) {
    for (size_t i = 0; i < HOST_MOST_DEVICES; i++)
        devices[i].peak = devices[i].live;
}

size_t host_device_peak(int device) {
    return devices[device].peak;
}

/* ---- the device ---- */

const char *cudaGetErrorString(cudaError_t error) {
    return error == cudaErrorMemoryAllocation ? "out of memory" : "an error of the host's device";
}

static _Thread_local cudaError_t last_error;

cudaError_t host_noted(cudaError_t error) {
    if (error) last_error = error;
    return error;
}

cudaError_t cudaGetLastError(void) {
    cudaError_t error = last_error;
    last_error = cudaSuccess;
    return error;
}

cudaError_t cudaGetDeviceCount(int *count) {
    *count = n_devices;
    return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
    if (device < 0 || device >= n_devices) return host_noted(cudaErrorInvalidDevice);
    current = device;
    return cudaSuccess;
}

cudaError_t cudaGetDevice(int *device) {
    *device = current;
    return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *properties, int device) {
    *properties = (struct cudaDeviceProp){
        .name = "host", .totalGlobalMem = MEMORY, .major = 8, .multiProcessorCount = 1};
    return host_noted(device < n_devices ? cudaSuccess : cudaErrorInvalidDevice);
}

cudaError_t cudaRuntimeGetVersion(int *version) {
    *version = 0;
    return cudaSuccess;
}

/* ---- memory ---- */

cudaError_t cudaDeviceGetDefaultMemPool(cudaMemPool_t *pool, int device) {
    *pool = (cudaMemPool_t)(uintptr_t)device; /* a pool is its device's number */
    return host_noted(device < n_devices ? cudaSuccess : cudaErrorInvalidDevice);
}

cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t pool, enum cudaMemPoolAttr attribute, void *value) {
    size_t device = (uintptr_t)pool;
    if (attribute == cudaMemPoolAttrUsedMemHigh && *(uint64_t *)value == 0)
        devices[device].peak = devices[device].live;
    return cudaSuccess;
}

/* What is given back counts until the stream comes there, and then goes back to the device. */
static size_t in_use(int device) {
    host_lock();
    size_t bytes = devices[device].live + host_given(device);
    host_unlock();
    return bytes;
}

cudaError_t cudaMemPoolGetAttribute(cudaMemPool_t pool, enum cudaMemPoolAttr attribute, void *value) {
    int device = (int)(uintptr_t)pool;
    *(uint64_t *)value = attribute == cudaMemPoolAttrUsedMemHigh ? devices[device].peak : in_use(device);
    return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t *free_bytes, size_t *total) {
    size_t live = in_use(current);
    *total = devices[current].scarce ? devices[current].scarce : MEMORY;
    *free_bytes = *total > live ? *total - live : 0;
    return cudaSuccess;
}

cudaError_t cudaMallocAsync(void **memory, size_t bytes, cudaStream_t stream) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    *memory = NULL;
    if (bytes == 0) return cudaSuccess;
    if (bytes > (size_t)1 << 40) return host_noted(cudaErrorMemoryAllocation);
    size_t aligned = (bytes + 7) / 8 * 8, held = (aligned + page - 1) / page * page;
    host_lock();
    host_block *b = host_fails_now(stream->device) ? NULL : calloc(1, sizeof *b);
    void *pages = b ? mmap(NULL, held + page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) : MAP_FAILED;
    if (pages == MAP_FAILED) {
        free(b);
        host_unlock();
        return host_noted(cudaErrorMemoryAllocation);
    }
    *b = (host_block){.next = blocks,
                      .pages = pages,
                      .data = (char *)pages + held - aligned,
                      .page_bytes = held,
                      .bytes = bytes,
                      .device = stream->device,
                      .writer = stream->number};
    blocks = b;
    devices[b->device].live += bytes;
    if (devices[b->device].live > devices[b->device].peak) devices[b->device].peak = devices[b->device].live;
    if (mprotect(pages, held, PROT_READ | PROT_WRITE)) abort();
    memset(pages, 0xFF, held);
    if (mprotect(pages, held, PROT_NONE)) abort();
    *memory = b->data;
    host_unlock();
    return cudaSuccess;
}

cudaError_t cudaFreeAsync(void *memory, cudaStream_t stream) {
    host_lock();
    host_block **at = &blocks;
    while (*at && (*at)->data != memory)
        at = &(*at)->next;
    host_block *b = *at;
    if (!b) host_end_program("cudaFreeAsync of what was not allocated");
    if (b->device != stream->device) host_end_program("memory is freed on a stream of another device");
    host_copies_check_block(b);
    *at = b->next;
    devices[b->device].live -= b->bytes;
    stream->given += b->bytes;
    munmap(b->pages, b->page_bytes + (size_t)sysconf(_SC_PAGESIZE));
    free(b);
    host_unlock();
    return cudaSuccess;
}

/* What another stream writes is there when the copy comes after its work, and else NaN. */
static void copy_between(cudaStream_t stream, void *to, const void *from, size_t bytes) {
    const host_block *source = host_block_at(from);
    if (!bytes) return;
    if (!source || !host_block_at(to)) host_end_program("a copy between devices of what is not theirs");
    host_block_protect(source, true);
    memmove(to, from, bytes);
    if (!host_copy_is_ordered(stream, source)) memset(to, 0xFF, bytes);
    host_block_protect(source, source->writer == stream->number);
}

/* Of a copy that names no devices. */
static void check_reach(cudaStream_t stream, const void *from, size_t bytes) {
    const host_block *source = bytes ? host_block_at(from) : NULL;
    if (source && source->device != stream->device && !(devices[source->device].open >> stream->device & 1))
        host_end_program("a plain copy out of a pool that the device does not reach");
}

static size_t copies;

size_t host_device_copies(void) {
    return copies;
}

static size_t downloaded;

size_t host_device_downloaded(void) {
    return downloaded;
}

cudaError_t cudaMemcpy2DAsync(void *to, size_t to_pitch, const void *from, size_t from_pitch, size_t bytes,
                              size_t rows, cudaMemcpyKind kind, cudaStream_t stream) {
    if (to_pitch < bytes || from_pitch < bytes) return host_noted(cudaErrorInvalidValue);
    host_work_begin(stream);
    copies++;
    for (size_t i = 0; i < rows; i++) {
        char *row = (char *)to + i * to_pitch;
        const char *source = (const char *)from + i * from_pitch;
        if (kind == cudaMemcpyDeviceToHost && bytes)
            host_copy_queue(stream, row, source, bytes), downloaded += bytes;
        else if (kind == cudaMemcpyDeviceToDevice)
            check_reach(stream, source, bytes), copy_between(stream, row, source, bytes);
        else
            memmove(row, source, bytes);
    }
    host_work_end();
    return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
    return cudaMemcpy2DAsync(to, bytes, from, bytes, bytes, 1, kind, stream);
}

cudaError_t cudaMemsetAsync(void *memory, int value, size_t bytes, cudaStream_t stream) {
    host_work_begin(stream);
    memset(memory, value, bytes);
    host_work_end();
    return cudaSuccess;
}

/* ---- between devices ---- */

cudaError_t cudaDeviceCanAccessPeer(int *can, int device, int peer) {
    *can = device != peer && !apart;
    return host_noted(device < n_devices && peer < n_devices ? cudaSuccess : cudaErrorInvalidDevice);
}

cudaError_t cudaMemPoolSetAccess(cudaMemPool_t pool, const struct cudaMemAccessDesc *access, size_t count) {
    size_t device = (uintptr_t)pool, other = (size_t)access->location.id;
    bool right = count == 1 && device != other && access->location.type == cudaMemLocationTypeDevice;
    if (!right || apart) return host_noted(cudaErrorInvalidValue);
    host_lock();
    devices[device].open |= 1u << other;
    host_unlock();
    return cudaSuccess;
}

cudaError_t cudaMemcpyPeerAsync(void *to, int to_device, const void *from, int from_device, size_t bytes,
                                cudaStream_t stream) {
    host_work_begin(stream);
    const host_block *target = host_block_at(to), *source = host_block_at(from);
    if (!target || !source || target->device != to_device || source->device != from_device)
        host_end_program("a copy between devices of what is not theirs");
    if (to_device == from_device || devices[from_device].open >> to_device & 1)
        host_end_program("a copy between devices of what is within reach");
    copy_between(stream, to, from, bytes);
    host_work_end();
    return cudaSuccess;
}
