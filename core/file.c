/* file.c: files read as memory, and files that appear whole or not at all. */
#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "core/fail.h"
#include "core/memory.h"

/* ---- reading ---- */

rkv_status rkv_map_file(rkv_mapping *out, const char *path) {
    *out = (rkv_mapping){0};
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hang */
    if (descriptor < 0) return rkv_fail_errno(RKV_NO_INPUT, errno, "%s: cannot open", path);
    rkv_status status = RKV_OK;
    struct stat info;
    if (fstat(descriptor, &info) != 0) {
        status = rkv_fail_errno(RKV_NO_INPUT, errno, "%s: cannot stat", path);
    } else if (!S_ISREG(info.st_mode)) {
        status = rkv_fail(RKV_NO_INPUT, "%s: not a regular file", path);
    } else if (info.st_size > 0) {
        void *bytes = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
        if (bytes == MAP_FAILED)
            status = rkv_fail_errno(RKV_NO_INPUT, errno, "%s: cannot map", path);
        else
            *out = (rkv_mapping){bytes, (size_t)info.st_size};
    }
    close(descriptor);
    return status;
}

void rkv_unmap_file(rkv_mapping *mapping) {
    if (mapping->bytes) munmap((void *)mapping->bytes, mapping->size);
    *mapping = (rkv_mapping){0};
}

void rkv_mapping_forget(const rkv_mapping *mapping) {
    if (mapping->bytes) madvise((void *)mapping->bytes, mapping->size, MADV_DONTNEED);
}

static rkv_status read_stream(FILE *file, const char *path, size_t limit, char **bytes, size_t *length) {
    char *content = NULL;
    size_t capacity = 0, n = 0;
    for (;;) {
        rkv_status status = rkv_grow(&content, &capacity, n + 65536 + 1, 1);
        size_t got = status ? 0 : fread(content + n, 1, 65536, file);
        n += got;
        if (!status && ferror(file)) status = rkv_fail_errno(RKV_NO_INPUT, errno, "%s: cannot read", path);
        if (!status && n > limit)
            status =
                rkv_fail(RKV_DATA, "%s: larger than the %zu bytes that are read of such a file", path, limit);
        if (status) {
            free(content);
            return status;
        }
        if (got == 0) break;
    }
    content[n] = '\0';
    *bytes = content;
    *length = n;
    return RKV_OK;
}

rkv_status rkv_read_file(const char *path, size_t limit, char **bytes, size_t *length) {
    if (strcmp(path, "-") == 0) return read_stream(stdin, "standard input", limit, bytes, length);
    FILE *file = fopen(path, "rbe");
    if (!file) return rkv_fail_errno(RKV_NO_INPUT, errno, "%s: cannot open", path);
    rkv_status status = read_stream(file, path, limit, bytes, length);
    fclose(file);
    return status;
}

/* ---- writing ---- */

/* Length of the folder part of path, its last '/' included; 0 for a bare name. */
static size_t folder_length(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

/* The file that path means: where a link leads, since a rename would replace the link. A device or a pipe
 * would be replaced, too: refused. */
static rkv_status destination(char **out, const char *path) {
    struct stat info;
    char *target = NULL;
    if (stat(path, &info) == 0) {
        if (!S_ISREG(info.st_mode))
            return rkv_fail(RKV_CANNOT_CREATE, "%s: cannot create: it is there and no regular file", path);
        target = realpath(path, NULL);
    }
    rkv_status status = rkv_copy_string(out, target ? target : path);
    free(target);
    return status;
}

rkv_status rkv_output_open(rkv_output *out, const char *path) {
    *out = (rkv_output){.descriptor = -1};
    rkv_status status = destination(&out->path, path);
    if (status) return status;
    size_t folder = folder_length(out->path), size = strlen(out->path) + sizeof "..XXXXXX";
    status = rkv_alloc_raw(&out->temporary, size, 1);
    if (!status) {
        snprintf(out->temporary, size, "%.*s.%s.XXXXXX", (int)folder, out->path, out->path + folder);
        out->descriptor = mkostemp(out->temporary, O_CLOEXEC);
        if (out->descriptor < 0) status = rkv_fail_errno(RKV_CANNOT_CREATE, errno, "%s: cannot create", path);
    }
    if (!status) {
        mode_t mask = umask(0);
        umask(mask);
        fchmod(out->descriptor, 0666 & ~mask); /* mkostemp makes files private */
        return RKV_OK;
    }
    free(out->path);
    free(out->temporary);
    *out = (rkv_output){.descriptor = -1};
    return status;
}

rkv_status rkv_write_all(int descriptor, const char *path, const void *bytes, size_t length) {
    const char *rest = bytes;
    while (length > 0) {
        ssize_t n = write(descriptor, rest, length);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return rkv_fail_errno(RKV_IO, errno, "%s: cannot write", path);
        rest += n;
        length -= (size_t)n;
    }
    return RKV_OK;
}

rkv_status rkv_output_write(rkv_output *output, const void *bytes, size_t length) {
    return rkv_write_all(output->descriptor, output->path, bytes, length);
}

void rkv_sync_folder(const char *path) {
    size_t length = folder_length(path);
    char *folder = NULL;
    if (rkv_copy_bytes(&folder, length ? path : ".", length ? length : 1)) return;
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor >= 0) {
        fsync(descriptor);
        close(descriptor);
    }
    free(folder);
}

rkv_status rkv_output_commit(rkv_output *output) {
    rkv_status status = RKV_OK;
    if (fsync(output->descriptor) != 0)
        status = rkv_fail_errno(RKV_IO, errno, "%s: cannot sync", output->path);
    int descriptor = output->descriptor;
    output->descriptor = -1;
    if (close(descriptor) != 0 && !status)
        status = rkv_fail_errno(RKV_IO, errno, "%s: cannot write", output->path);
    if (!status && rename(output->temporary, output->path) != 0)
        status = rkv_fail_errno(RKV_CANNOT_CREATE, errno, "%s: cannot create", output->path);
    if (!status) {
        rkv_sync_folder(output->path); /* a rename is durable once its folder is synced */
        free(output->temporary);
        output->temporary = NULL;
    }
    rkv_output_abandon(output);
    return status;
}

void rkv_output_abandon(rkv_output *output) {
    if (output->temporary) {
        if (output->descriptor >= 0) close(output->descriptor);
        unlink(output->temporary);
    }
    free(output->temporary);
    free(output->path);
    *output = (rkv_output){.descriptor = -1};
}

rkv_status rkv_write_file(const char *path, const void *bytes, size_t length) {
    rkv_output output;
    rkv_status status = rkv_output_open(&output, path);
    if (!status) status = rkv_output_write(&output, bytes, length);
    if (!status) return rkv_output_commit(&output);
    rkv_output_abandon(&output);
    return status;
}

rkv_status rkv_remove_file(const char *path) {
    if (unlink(path) == 0 || errno == ENOENT || errno == ENOTDIR) return RKV_OK;
    return rkv_fail_errno(RKV_CANNOT_CREATE, errno, "%s: cannot remove", path);
}

uint64_t rkv_free_space(const char *path) {
    size_t length = folder_length(path);
    char *folder = NULL;
    struct statvfs info;
    if (rkv_copy_bytes(&folder, length ? path : ".", length ? length : 1)) return UINT64_MAX;
    int failed = statvfs(folder, &info);
    free(folder);
    return failed ? UINT64_MAX : (uint64_t)info.f_bavail * info.f_frsize;
}
