/* prompt.c: the bytes of a prompt, exactly as they stand in its file. */
#include "cli/prompt.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/folder.h"
#include "cli/message.h"
#include "cli/signals.h"
#include "cli/utf8.h"

static rkv_status read_all(FILE *file, const char *name, char **bytes, size_t *length) {
    size_t capacity = 1 << 16, n = 0;
    char *content = malloc(capacity + 1), *larger;
    rkv_status status = content ? RKV_OK : complain(RKV_NO_MEMORY, "out of memory");
    while (!status) {
        size_t got = fread(content + n, 1, capacity - n, file);
        n += got;
        if (signals_caught()) {
            status = RKV_CANCELLED;
        } else if (ferror(file)) {
            status = complain(RKV_NO_INPUT, "%s: cannot read: %s", name, strerror(errno));
        } else if (n > PROMPT_MOST_BYTES) {
            status = complain(RKV_DATA, "%s: larger than the %d MiB that a prompt may have", name,
                              PROMPT_MOST_BYTES >> 20);
        } else if (got == 0) {
            break;
        } else if (n == capacity) {
            larger = realloc(content, 2 * capacity + 1);
            if (!larger) status = complain(RKV_NO_MEMORY, "%s: out of memory", name);
            if (larger) content = larger;
            capacity *= 2;
        }
    }
    if (!status && n == 0) status = complain(RKV_DATA, "%s: the prompt is empty", name);
    if (status) {
        free(content);
        return status;
    }
    content[n] = '\0';
    *bytes = content;
    *length = n;
    return RKV_OK;
}

rkv_status prompt_read(const char *path, char **bytes, size_t *length) {
    if (strcmp(path, "-") == 0) return read_all(stdin, "standard input", bytes, length);
    FILE *file = fopen(path, "rbe");
    if (!file) return complain(RKV_NO_INPUT, "%s: cannot open: %s", path, strerror(errno));
    rkv_status status = read_all(file, path, bytes, length);
    fclose(file);
    return status;
}

bool prompt_is_utf8(const char *bytes, size_t length, size_t *bad) {
    for (size_t i = 0, n; i < length; i += n) {
        n = utf8_length(bytes + i, length - i);
        if (n == 0) {
            *bad = i;
            return false;
        }
    }
    return true;
}

/* Last part of the first `length` characters of path, and its length. */
static const char *last_part(const char *path, size_t *length) {
    while (*length > 1 && path[*length - 1] == '/')
        --*length;
    size_t start = *length;
    while (start > 0 && path[start - 1] != '/')
        start--;
    *length -= start;
    return path + start;
}

rkv_status prompt_stem(const char *path, char **stem) {
    size_t length = strlen(path), folder;
    const char *name = last_part(path, &length);
    if (strcmp(path, "-") == 0) {
        name = "stdin";
        length = 5;
    } else if (length == 8 && strncmp(name, "trace.h5", 8) == 0 && name > path) {
        folder = (size_t)(name - path);
        const char *parent = last_part(path, &folder);
        if (*parent != '.' && *parent != '/') {
            name = parent;
            length = folder;
        }
    }
    const char *dot = memrchr(name, '.', length);
    if (dot && dot > name) length = (size_t)(dot - name);
    if (memcmp(name, "..", length < 2 ? length : 2) == 0 &&
        length <= 2) { /* "." and ".." are other folders */
        name = "prompt";
        length = 6;
    }
    *stem = strndup(name, length);
    return *stem ? RKV_OK : complain(RKV_NO_MEMORY, "out of memory");
}

/* ---- samples ---- */

static int is_text(const struct dirent *entry) {
    const char *dot = strrchr(entry->d_name, '.');
    return dot && dot > entry->d_name && strcmp(dot, ".txt") == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* Lists the prompts of one folder; *n = 0 when there are none. */
static rkv_status list_folder(const char *folder, char ***paths, size_t *n) {
    struct dirent **entries = NULL;
    rkv_status status = RKV_OK;
    int found = scandir(folder, &entries, is_text, by_name);
    char **list = found > 0 ? calloc((size_t)found, sizeof *list) : NULL;
    *n = 0;
    for (int i = 0; i < found; i++) {
        if (!status) status = list ? join_path(&list[i], folder, entries[i]->d_name) : RKV_NO_MEMORY;
        if (!status) ++*n;
        free(entries[i]);
    }
    free(entries);
    *paths = list;
    return status;
}

rkv_status prompt_samples(char ***paths, size_t *n) {
    /* From the program's own folder: as installed, and as built in the source tree. */
    static const char *const places[] = {RKV_SAMPLES_INSTALLED, RKV_SAMPLES_IN_TREE};
    char program[4096];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length < 0) length = 0;
    while (length > 0 && program[length - 1] != '/')
        length--;
    program[length] = '\0';
    *paths = NULL;
    *n = 0;
    for (size_t i = 0; i < sizeof places / sizeof *places && *n == 0; i++) {
        char *folder = NULL;
        rkv_status status = join_path(&folder, length ? program : ".", places[i]);
        if (!status) {
            free(*paths);
            status = list_folder(folder, paths, n);
        }
        free(folder);
        if (status) return status;
    }
    if (*n == 0)
        return complain(RKV_NO_INPUT,
                        "no prompt was given and the sample prompts are not installed; name a file");
    return RKV_OK;
}
