/* prompt.h: the bytes of a prompt, exactly as they stand in its file. */
#ifndef RKV_CLI_PROMPT_H
#define RKV_CLI_PROMPT_H

#include <stdbool.h>

#include <rankkv/status.h>

enum { PROMPT_MOST_BYTES = 64 << 20 };

/* Reads path ("-": standard input) into *bytes [*length], which the caller frees; nothing is trimmed or
 * added. RKV_NO_INPUT; RKV_DATA: empty, or larger than 64 MiB. */
rkv_status prompt_read(const char *path, char **bytes, size_t *length);

/* False, with the offset of the first bad byte, when the bytes are not UTF-8. */
bool prompt_is_utf8(const char *bytes, size_t length, size_t *bad);

/* Name of the outputs of path: its file name without folder and last extension; of DIR/trace.h5, DIR's name.
 * The caller frees *stem. */
rkv_status prompt_stem(const char *path, char **stem);

/* The sample prompts, in order of their names: paths [*n]. The caller frees each and the list. RKV_NO_INPUT.
 */
rkv_status prompt_samples(char ***paths, size_t *n);

#endif
