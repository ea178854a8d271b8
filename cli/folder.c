/* folder.c: a folder of outputs that appears as a whole. */
#include "cli/folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/message.h"

rkv_status join_path(char **path, const char *folder, const char *name) {
    size_t length = strlen(folder);
    const char *slash = *name && length > 0 && folder[length - 1] != '/' ? "/" : "";
    if (asprintf(path, "%s%s%s", folder, slash, name) >= 0) return RKV_OK;
    *path = NULL;
    return complain(RKV_NO_MEMORY, "out of memory");
}

/* Calls visit for each entry of path but "." and ".."; stops at the first that returns false. */
static bool each_entry(const char *path, bool (*visit)(void *user, const char *name), void *user) {
    DIR *stream = opendir(path);
    if (!stream) return true;
    bool go_on = true;
    for (struct dirent *entry; go_on && (entry = readdir(stream));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            go_on = visit(user, entry->d_name);
    closedir(stream);
    return go_on;
}

static bool stop_at_first(void *user, const char *name) {
    (void)user;
    (void)name;
    return false;
}

bool path_is_taken(const char *path) {
    struct stat info;
    if (lstat(path, &info) != 0) return false;
    return !S_ISDIR(info.st_mode) || !each_entry(path, stop_at_first, NULL);
}

/* Makes path and its parents; *made is true when path itself was not there. */
static rkv_status make_folder(const char *path, bool *made) {
    if (!*path) return complain(RKV_USAGE, "the output folder has an empty name");
    char *copy = strdup(path);
    if (!copy) return complain(RKV_NO_MEMORY, "out of memory");
    rkv_status status = RKV_OK;
    for (char *slash = copy; !status && slash;) {
        slash = strchr(slash + 1, '/');
        if (slash) *slash = '\0';
        struct stat info;
        *made = mkdir(copy, 0777) == 0;
        if (!*made && !(errno == EEXIST && stat(copy, &info) == 0 && S_ISDIR(info.st_mode)))
            status = complain(RKV_CANNOT_CREATE, "%s: cannot create folder: %s", copy, strerror(errno));
        if (slash) *slash = '/';
    }
    free(copy);
    return status;
}

rkv_status folder_make(const char *path) {
    bool made;
    return make_folder(path, &made);
}

rkv_status folder_begin(cli_folder *folder, const char *parent, const char *name) {
    bool made = false;
    *folder = (struct cli_folder){0};
    rkv_status status = make_folder(parent, &made);
    if (!status && made && !(folder->made = strdup(parent)))
        status = complain(RKV_NO_MEMORY, "out of memory");
    if (!status) status = join_path(&folder->path, parent, name);
    if (!status) status = join_path(&folder->staging, parent, ".rankkv-XXXXXX");
    if (!status && !mkdtemp(folder->staging)) {
        status = complain(RKV_CANNOT_CREATE, "%s: cannot create a folder in it: %s", parent, strerror(errno));
        free(folder->staging);
        folder->staging = NULL;
    }
    if (status) {
        folder_end(folder);
        return status;
    }
    mode_t mask = umask(0);
    umask(mask);
    chmod(folder->staging, 0777 & ~mask); /* mkdtemp makes folders private */
    return RKV_OK;
}

rkv_status folder_file(const cli_folder *folder, const char *name, char **path) {
    return join_path(path, folder->staging, name);
}

/* ---- commit ---- */

typedef struct cli_move {
    const cli_folder *folder;
    bool (*stale)(const char *name);
    rkv_status status;
} cli_move;

static bool move_entry(void *user, const char *name) {
    cli_move *move = user;
    char *from = NULL, *to = NULL;
    move->status = folder_file(move->folder, name, &from);
    if (!move->status) move->status = join_path(&to, move->folder->path, name);
    if (!move->status && rename(from, to) != 0)
        move->status = complain(RKV_CANNOT_CREATE, "%s: cannot create: %s", to, strerror(errno));
    free(from);
    free(to);
    return !move->status;
}

static bool remove_stale(void *user, const char *name) {
    cli_move *move = user;
    char *written = NULL, *old = NULL;
    struct stat info;
    move->status = folder_file(move->folder, name, &written);
    if (!move->status) move->status = join_path(&old, move->folder->path, name);
    if (!move->status && move->stale(name) && lstat(written, &info) != 0 && unlink(old) != 0)
        move->status = complain(RKV_CANNOT_CREATE, "%s: cannot remove: %s", old, strerror(errno));
    free(written);
    free(old);
    return !move->status;
}

rkv_status folder_commit(cli_folder *folder, bool (*stale)(const char *name)) {
    cli_move move = {folder, stale, RKV_OK};
    struct stat info;
    bool whole = lstat(folder->path, &info) != 0;
    if (whole && rename(folder->staging, folder->path) != 0)
        move.status = complain(RKV_CANNOT_CREATE, "%s: cannot create: %s", folder->path, strerror(errno));
    if (!whole && stale) each_entry(folder->path, remove_stale, &move);
    if (!whole && !move.status) each_entry(folder->staging, move_entry, &move);
    if (move.status) return move.status;
    if (!whole) rmdir(folder->staging);
    free(folder->staging);
    folder->staging = NULL;
    free(folder->made);
    folder->made = NULL;
    return RKV_OK;
}

static bool remove_entry(void *user, const char *name) {
    char *path = NULL;
    if (join_path(&path, user, name) == RKV_OK) unlink(path);
    free(path);
    return true;
}

void folder_end(cli_folder *folder) {
    if (folder->staging) {
        each_entry(folder->staging, remove_entry, folder->staging);
        rmdir(folder->staging);
    }
    if (folder->made) rmdir(folder->made);
    free(folder->staging);
    free(folder->path);
    free(folder->made);
    *folder = (struct cli_folder){0};
}
