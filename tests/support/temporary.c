/* temporary.c: a folder that a test writes into and removes. */
#include "support/temporary.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[256];

static void need(int ok, const char *what) {
    if (ok) return;
    perror(what);
    exit(99);
}

void temporary_make(void) {
    const char *place = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/rankkv-test-XXXXXX", place && *place ? place : "/tmp");
    need(mkdtemp(folder) != NULL, folder);
}

const char *temporary_path(const char *name) {
    static char paths[8][512];
    static size_t next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

void temporary_remove(void) {
    DIR *files = opendir(folder);
    need(files != NULL, folder);
    for (struct dirent *file; (file = readdir(files)) != NULL;)
        if (strcmp(file->d_name, ".") != 0 && strcmp(file->d_name, "..") != 0)
            unlink(temporary_path(file->d_name));
    closedir(files);
    need(rmdir(folder) == 0, folder);
}

void temporary_write(const char *path, const char *bytes, size_t length) {
    unlink(path); /* ext4 flushes a file that was cut to nothing and written anew; a new one it does not */
    FILE *file = fopen(path, "wb");
    need(file != NULL, path);
    need(fwrite(bytes, 1, length, file) == length, path);
    need(fclose(file) == 0, path);
}

int temporary_set_up(void **state) {
    (void)state;
    temporary_make();
    return 0;
}

int temporary_tear_down(void **state) {
    (void)state;
    temporary_remove();
    return 0;
}
