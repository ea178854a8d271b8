/* folder.h: a folder of outputs that appears as a whole: written beside its destination, then moved into
 * place. */
#ifndef RKV_CLI_FOLDER_H
#define RKV_CLI_FOLDER_H

#include <stdbool.h>

#include <rankkv/status.h>

/* Start from {0}. */
typedef struct cli_folder {
    char *path;    /* the destination */
    char *staging; /* where files are written until folder_commit: PARENT/.rankkv-XXXXXX */
    char *made;    /* the parent, when this folder_begin made it: taken back on failure */
} cli_folder;

/* Prepares `parent`/`name`; name "" writes into parent itself. RKV_CANNOT_CREATE: not writable. */
rkv_status folder_begin(cli_folder *folder, const char *parent, const char *name);

/* The path under which a file of the folder is written now; the caller frees *path. */
rkv_status folder_file(const cli_folder *folder, const char *name, char **path);

/* Moves everything into place, replacing files of the same names. Where the folder is there already, its
 * files for which stale is true (NULL: none) and that were not written anew are removed. */
rkv_status folder_commit(cli_folder *folder, bool (*stale)(const char *name));

/* Removes what was written; fine after folder_commit and on {0}. */
void folder_end(cli_folder *folder);

/* Makes a folder and its parents, unless they are there. RKV_USAGE: ""; RKV_CANNOT_CREATE. Told. */
rkv_status folder_make(const char *path);

/* Joins into a path that the caller frees. */
rkv_status join_path(char **path, const char *folder, const char *name);

/* True when path is a folder with something in it, or a file: what analyze does not write into unasked. */
bool path_is_taken(const char *path);

#endif
