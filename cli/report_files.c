/* report_files.c: which files of a folder are ours, by what they hold. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/folder.h"
#include "cli/message.h"
#include "cli/report.h"

enum { DEPTH = 3 };

typedef struct search {
    report_files *files;
    const char *folder;
    bool verbose;
} search;

void report_files_clear(report_files *files) {
    for (size_t i = 0; i < files->n; i++) {
        free(files->at[i].path);
        free(files->at[i].name);
    }
    free(files->at);
    *files = (struct report_files){0};
}

/* What becomes of a file that a page has no place for. */
static rkv_status ignore(search *s, const char *path) {
    if (s->verbose) note("%s: nothing that a page shows, left out", path);
    s->files->n_ignored++;
    return RKV_OK;
}

/* Takes path over. */
static rkv_status keep(search *s, char *path, input_kind kind) {
    report_file *grown = realloc(s->files->at, (s->files->n + 1) * sizeof *grown);
    if (!grown) {
        free(path);
        return complain(RKV_NO_MEMORY, "out of memory");
    }
    s->files->at = grown;
    const char *below = path + strlen(s->folder);
    below += strspn(below, "/");
    const char *slash = strrchr(below, '/'), *dot = strrchr(slash ? slash : below, '.');
    size_t length = dot && dot > below ? (size_t)(dot - below) : strlen(below);
    report_file *file = &grown[s->files->n++];
    *file = (report_file){.path = path, .name = strndup(below, length), .kind = kind};
    return file->name ? RKV_OK : complain(RKV_NO_MEMORY, "out of memory");
}

/* What files of these names are when they are whole. */
static const struct known_name {
    const char *name;
    input_kind kind;
} known_names[] = {{"analysis.json", INPUT_ANALYSIS}, {"budget.json", INPUT_BUDGET},
                   {"profile.json", INPUT_PROFILE},   {"results.json", INPUT_RESULTS},
                   {"bench.json", INPUT_BENCH},       {"trace.h5", INPUT_TRACE}};

/* A file of one of our names that is something else, or empty, is damaged. */
static rkv_status check_name(const char *path, input_kind kind) {
    const char *name = strrchr(path, '/');
    name = name ? name + 1 : path;
    for (size_t i = 0; i < sizeof known_names / sizeof *known_names; i++)
        if (strcmp(name, known_names[i].name) == 0 && kind != known_names[i].kind)
            return complain(RKV_DATA, "%s: does not hold what its name says: damaged, or another program's",
                            path);
    return RKV_OK;
}

static bool has_place(input_kind kind) {
    return kind != INPUT_TEXT && kind != INPUT_MODEL;
}

static rkv_status look_through(search *s, const char *folder, size_t depth);

static rkv_status look_at(search *s, char *path, size_t depth) {
    struct stat info;
    input_kind kind = INPUT_TEXT;
    rkv_status status = RKV_OK;
    bool is_there = lstat(path, &info) == 0;
    if (is_there && S_ISDIR(info.st_mode)) { /* a link to a folder could lead in circles */
        if (depth < DEPTH) status = look_through(s, path, depth + 1);
        free(path);
        return status;
    }
    if (is_there && stat(path, &info) == 0 && S_ISREG(info.st_mode)) status = input_kind_of(path, &kind);
    if (!status) status = check_name(path, kind);
    if (!status && has_place(kind)) return keep(s, path, kind);
    if (!status) status = ignore(s, path);
    free(path);
    return status;
}

static int is_shown(const struct dirent *entry) {
    return entry->d_name[0] != '.';
}

/* By bytes: the same order whatever the language is. */
static int by_name(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* Files before folders, so that what belongs together stays together. */
static rkv_status look_through(search *s, const char *folder, size_t depth) {
    struct dirent **entries = NULL;
    int n = scandir(folder, &entries, is_shown, by_name);
    if (n < 0) return complain(RKV_NO_INPUT, "%s: cannot read the folder: %s", folder, strerror(errno));
    rkv_status status = RKV_OK;
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < n && !status; i++) {
            char *path = NULL;
            struct stat info;
            status = join_path(&path, folder, entries[i]->d_name);
            if (status) break;
            bool is_folder = lstat(path, &info) == 0 && S_ISDIR(info.st_mode);
            if (is_folder == (pass == 1))
                status = look_at(s, path, depth);
            else
                free(path);
        }
    for (int i = 0; i < n; i++)
        free(entries[i]);
    free(entries);
    return status;
}

rkv_status report_files_find(report_files *files, const char *folder, bool verbose) {
    search s = {files, folder, verbose};
    *files = (struct report_files){0};
    rkv_status status = look_through(&s, folder, 1);
    if (!status && files->n == 0)
        status = complain(RKV_NO_INPUT, "%s: nothing of ours is in this folder (%zu other files)", folder,
                          files->n_ignored);
    return status;
}
