/* memory.c: checked allocation. */
#include "core/memory.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "core/fail.h"

#define ALIGNMENT 64

bool rkv_multiply(size_t a, size_t b, size_t *product) {
    size_t result;
    if (__builtin_mul_overflow(a, b, &result)) return false;
    *product = result;
    return true;
}

static rkv_status out_of_memory(size_t count, size_t size) {
    return rkv_fail(RKV_NO_MEMORY, "out of memory: %zu elements of %zu bytes", count, size);
}

/* NULL when there is no room; aligned_alloc wants whole multiples of the alignment. */
static void *aligned(size_t count, size_t size) {
    size_t bytes;
    if (!rkv_multiply(count ? count : 1, size, &bytes) || bytes > SIZE_MAX - ALIGNMENT) return NULL;
    return aligned_alloc(ALIGNMENT, (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
}

rkv_status rkv_alloc_raw(void *out, size_t count, size_t size) {
    void *memory = aligned(count, size);
    memcpy(out, &memory, sizeof memory);
    return memory ? RKV_OK : out_of_memory(count, size);
}

rkv_status rkv_alloc(void *out, size_t count, size_t size) {
    rkv_status status = rkv_alloc_raw(out, count, size);
    if (status) return status;
    void *memory;
    memcpy(&memory, out, sizeof memory);
    memset(memory, 0, (count ? count : 1) * size);
    return RKV_OK;
}

rkv_status rkv_grow(void *array, size_t *capacity, size_t needed, size_t size) {
    if (needed <= *capacity) return RKV_OK;
    size_t wanted = *capacity < 16 ? 16 : *capacity * 2, bytes;
    if (wanted < needed) wanted = needed;
    void *old, *grown = NULL;
    memcpy(&old, array, sizeof old);
    if (rkv_multiply(wanted, size, &bytes)) grown = realloc(old, bytes);
    if (!grown) return out_of_memory(wanted, size);
    memcpy(array, &grown, sizeof grown);
    *capacity = wanted;
    return RKV_OK;
}

/* Not by realloc, which does not keep the alignment: vectors that straddle cache lines read at half speed.
 * And not by aligned_alloc, which wants whole multiples of it: what a cache says that it holds is what was
 * asked for, to the byte. */
rkv_status rkv_resize(void *array, size_t kept, size_t count, size_t size) {
    size_t bytes = 0;
    void *old, *moved = NULL;
    memcpy(&old, array, sizeof old);
    if (count && (!rkv_multiply(count, size, &bytes) || posix_memalign(&moved, ALIGNMENT, bytes) != 0))
        return out_of_memory(count, size);
    if (count && kept) memcpy(moved, old, kept * size);
    free(old);
    memcpy(array, &moved, sizeof moved);
    return RKV_OK;
}

rkv_status rkv_copy_bytes(char **out, const char *bytes, size_t length) {
    *out = NULL;
    if (length == SIZE_MAX) return out_of_memory(length, 1);
    rkv_status status = rkv_alloc_raw(out, length + 1, 1);
    if (status) return status;
    if (length) memcpy(*out, bytes, length);
    (*out)[length] = '\0';
    return RKV_OK;
}

rkv_status rkv_copy_string(char **out, const char *string) {
    *out = NULL;
    return string ? rkv_copy_bytes(out, string, strlen(string)) : RKV_OK;
}

/* What a container's limit leaves (cgroup v2, as a container sees its own group); SIZE_MAX without a limit.
 */
static size_t cgroup_left(void) {
    FILE *limit = fopen("/sys/fs/cgroup/memory.max", "r"),
         *used = fopen("/sys/fs/cgroup/memory.current", "r");
    size_t most = SIZE_MAX, now = 0; /* "max" is no number: no limit */
    if (limit && used && fscanf(limit, "%zu", &most) == 1 && fscanf(used, "%zu", &now) == 1)
        most = most > now ? most - now : 0;
    if (limit) fclose(limit);
    if (used) fclose(used);
    return most;
}

size_t rkv_memory_available(void) {
    FILE *file = fopen("/proc/meminfo", "r");
    if (!file) return 0;
    char line[128];
    size_t kib = 0;
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "MemAvailable: %zu kB", &kib) == 1) break;
    fclose(file);
    size_t left = cgroup_left();
    return kib * 1024 < left ? kib * 1024 : left;
}
