/* file.h: files read as memory, and files that appear whole or not at all. */
#ifndef RKV_CORE_FILE_H
#define RKV_CORE_FILE_H

#include <stdint.h>
#include <stdio.h>

#include <rankkv/status.h>

/* A file mapped read-only. */
typedef struct rkv_mapping {
    const unsigned char *bytes; /* NULL when the file is empty */
    size_t size;
} rkv_mapping;

/* RKV_NO_INPUT when path is missing, unreadable or no regular file. */
rkv_status rkv_map_file(rkv_mapping *out, const char *path);
void rkv_unmap_file(rkv_mapping *mapping);
/* Takes the pages that were read so far out of the process's memory; they are read again when needed. */
void rkv_mapping_forget(const rkv_mapping *mapping);

/* Reads a whole file of at most limit bytes (pipes and "-" for standard input work) into a NUL-terminated
 * buffer that the caller frees. RKV_NO_INPUT; RKV_DATA when it is larger than limit. */
rkv_status rkv_read_file(const char *path, size_t limit, char **bytes, size_t *length);

/* An output being written beside its destination: DIR/.NAME.XXXXXX. */
typedef struct rkv_output {
    char *path;      /* the destination */
    char *temporary; /* what is written to, same folder */
    int descriptor;  /* open for writing */
} rkv_output;

/* RKV_CANNOT_CREATE when the folder is missing or not writable, or path is there and no regular file. Links
 * are followed. */
rkv_status rkv_output_open(rkv_output *out, const char *path);
/* Writes all bytes; RKV_IO names path and reason (a full disk). */
rkv_status rkv_output_write(rkv_output *output, const void *bytes, size_t length);
/* Syncs, renames into place and syncs the folder. On failure the temporary is removed. Clears *output either
 * way. */
rkv_status rkv_output_commit(rkv_output *output);
/* Removes the temporary; fine on {0} and after commit. */
void rkv_output_abandon(rkv_output *output);

/* The three in one for content that is at hand. */
rkv_status rkv_write_file(const char *path, const void *bytes, size_t length);

/* Removes a file, or the link that is in its place; RKV_OK when there is none. RKV_CANNOT_CREATE. */
rkv_status rkv_remove_file(const char *path);

/* Writes all bytes to an open file; path is for the message. RKV_IO. */
rkv_status rkv_write_all(int descriptor, const char *path, const void *bytes, size_t length);
/* Makes it durable that path is in its folder; a file system that cannot sync folders is let off. */
void rkv_sync_folder(const char *path);

/* Bytes that an ordinary user may still write on the file system that holds path's folder; UINT64_MAX if
 * unknown. */
uint64_t rkv_free_space(const char *path);

#endif
